"""Dead letters: notes on keys that failed for good, read, and taken away once they are settled."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import quote, unquote

from fanlight.failure import SCHEMA
from fanlight.ordered import ordered
from fanlight.place import MAX_KEY_BYTES, other_spellings
from fanlight.reconcile import RESULT_LIMIT
from fanlight.store import Meta
from tools.places import Side
from tools.plan import Check, ahead, check_key

LETTER_LIMIT = 4 * RESULT_LIMIT
"""Bytes; what is larger is no letter. One holds its event, which has up to 128 KB, twice escaped at
worst, and what went wrong with each of its keys."""

_SHOWN = 2000
"""Characters of an error that are kept."""


@dataclass(frozen=True)
class Letter:
    """One dead letter: `place` is its own key, `bucket` and `key` are those of the image.

    Both are empty where it names no image.
    """

    place: str
    bucket: str
    key: str
    error: str
    attempts: int
    suspected: bool

    def names(self, images: Side) -> bool:
        """Whether it is about an image of this place, of which it has a key that can be one."""
        try:
            fits = len(self.key.encode()) <= MAX_KEY_BYTES
        except UnicodeEncodeError:
            return False
        return fits and self.bucket == images.store.name and bool(self.spellings(images))

    def spellings(self, images: Side) -> list[str]:
        """The keys of this place that it may be about: an event's key may be URL-encoded."""
        return spellings(self.key, images)


def spellings(key: str, images: Side) -> list[str]:
    """The keys of this place that a letter's key may stand for."""
    every = (key, *other_spellings(key))
    return [one for one in every if images.place.relative(one) is not None]


def listed(failed: Side, results: Side) -> Iterator[Meta]:
    """What there is under the place of dead letters that may be one."""
    return (meta for meta in apart(failed, results) if meta.key.endswith(".json"))


def apart(failed: Side, results: Side) -> Iterator[Meta]:
    """All there is under the place of dead letters, but for results where those are inside."""
    inside = failed.place != results.place and failed.place.holds(results.place)
    for meta in failed.store.list(failed.place.prefix):
        if not (inside and meta.key.startswith(results.place.prefix)):
            yield meta


def letters(failed: Side, results: Side) -> Iterator[Letter]:
    """Every letter, read many at a time; what is none is passed over."""
    for letter in ahead(listed(failed, results), _untold, partial(_read, failed)):
        if letter.place:
            yield letter


def named(images: Side, results: Side, failed: Side) -> Iterator[Check]:
    """The state of each image of this place that letters name: see `states`."""
    own = (letter for letter in letters(failed, results) if letter.names(images))
    return states(own, images, results)


def states(own: Iterable[Letter], images: Side, results: Side) -> Iterator[Check]:
    """The state of each image that these letters name, once each, in the order of their keys.

    All are to be about images of this place. Keys are sorted on the disk where they are many; an
    image costs two requests, however many letters it has.
    """
    keys = (_packed(letter.key) for letter in own)
    once = (_unpacked(key) for key, _ in groupby(ordered(keys)))
    return ahead(once, _untold, partial(check_named, images=images, results=results))


def check_named(key: str, images: Side, results: Side) -> Check:
    """The state of the image that a letter's key stands for, as an event's handler takes it.

    It has to have a spelling in this place.
    """
    found = (check_key(one, images, results) for one in spellings(key, images))
    first = next(found)
    if first.state != "gone":
        return first
    return next((one for one in found if one.state != "gone"), first)


def clear(images: Side, results: Side, failed: Side) -> Counter[str]:
    """Delete the letters about images of this place whose results are true now.

    How many were `cleared`, and how many stay: `unsettled` ones, those whose image is `gone`, and
    `nameless` ones, which are about no image.
    A letter is read first and its image looked at after that, so that no later failure is lost.
    """
    counts: Counter[str] = Counter()

    def settle(letter: Letter) -> str:
        if not letter.key:
            return "nameless"
        state = check_named(letter.key, images, results)
        if not state.current:
            return "gone" if state.state == "gone" else "unsettled"
        failed.store.delete(letter.place)
        return "cleared"

    own = (one for one in letters(failed, results) if not one.key or one.names(images))
    counts.update(ahead(own, _untold, settle))
    return counts


def _untold(_: Any) -> None:
    """Nothing is known before it is read."""


def _read(failed: Side, meta: Meta) -> Letter:
    found = failed.store.get(meta.key, LETTER_LIMIT)
    return parsed(meta.key, found.data) if found and found.data else _NONE


_NONE = Letter("", "", "", "", 0, suspected=False)


def letter_in(data: bytes | None) -> dict[str, Any] | None:
    """The letter in these bytes; None where there is none: whom it is about and why are texts."""
    try:
        document = json.loads(data or b"")
        source, error = document["source"], document["error"]
        about = [] if source is None else [source["bucket"], source["key"]]
        texts = [error["type"], error["message"], *about]
        whole = document["schema"] == SCHEMA and all(isinstance(text, str) for text in texts)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return document if whole else None


def parsed(place: str, data: bytes) -> Letter:
    """The letter in these bytes; one without a place if there is none in them."""
    document = letter_in(data)
    try:
        if document is None:
            return _NONE
        source, error = document["source"] or {"bucket": "", "key": ""}, document["error"]
        why = f"{error['type']}: {error['message']}"[:_SHOWN]
        # Cut to what is too long for a key already: many are read at the same time.
        bucket, key = (source[name][: MAX_KEY_BYTES + 1] for name in ("bucket", "key"))
        suspected = bool(document["suspected"])
        return Letter(place, bucket, key, why, int(document["attempts"]), suspected)
    except (ValueError, TypeError, KeyError, OverflowError):
        return _NONE


def _packed(key: str) -> bytes:
    """Bytes without zeros, which sorting takes for ends."""
    return quote(key).encode()


def _unpacked(key: bytes) -> str:
    return unquote(key.decode(), errors="strict")
