"""What dead letters say of a place: how many there are, and what they name that has no true result.

A listing takes a result for one of its image. Where an image was replaced and its event failed,
that is wrong, and the letter about it tells so without every result being read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tools.letters import Letter, letters, states
from tools.places import Side
from tools.plan import Check


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

    `filed` counts the letters meanwhile.
    """
    own = (letter for letter in letters(failed, results) if filed.mine(letter, images))
    yield from (check for check in states(own, images, results) if check.belied)
