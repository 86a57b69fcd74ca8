"""What dead letters say of a place: how many there are, and what they name that has no true result.

A listing takes a result for one of its image. Where an image was replaced and its event failed,
that is wrong, and the letter about it tells so without every result being read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from urllib.parse import quote, unquote

from fanlight.ordered import ordered
from tools.letters import Letter, check_named, letters
from tools.places import Side
from tools.plan import Check, ahead


@dataclass
class Filed:
    """How many letters there are: `own` ones name images of the place, `nameless` ones no image."""

    own: int = 0
    nameless: int = 0

    def mine(self, letter: Letter, images: Side) -> bool:
        """Count it; whether it is about an image of this place."""
        self.nameless += not letter.key
        named = letter.names(images)
        self.own += named
        return named


def counted(images: Side, results: Side, failed: Side) -> Filed:
    """Read every letter, and look at no image."""
    filed = Filed()
    for letter in letters(failed, results):
        filed.mine(letter, images)
    return filed


def belied(images: Side, results: Side, failed: Side, filed: Filed) -> Iterator[Check]:
    """The images that letters name whose result is there, but not true of them, once each.

    In the order of their keys, which are sorted on the disk where they are many. `filed` counts
    the letters meanwhile. An image costs two requests, however many letters it has.
    """
    own = (letter for letter in letters(failed, results) if filed.mine(letter, images))
    keys = ordered(quote(letter.key).encode() for letter in own)  # quoted, there are no zero bytes
    once = (unquote(key.decode(), errors="strict") for key, _ in groupby(keys))
    look = partial(check_named, images=images, results=results)
    for check in ahead(once, lambda _: None, look):
        if check.belied:
            yield check
