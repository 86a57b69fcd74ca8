"""Dead letters beside results: what failed after the last retry, and whether it is done since.

A letter is a note, not a state: it stays when its image is classified later. So it is shown as
`settled` when the image that is there now has its result, or is gone: it is nobody's work any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from fanlight.errors import FanlightError
from fanlight.place import other_spellings
from fanlight.store import Meta
from tools.letters import LETTER_LIMIT, apart, check_named, letter_in, spellings
from tools.places import Side
from tools.results.filter import Filter
from tools.results.read import Found, Note, each, found_of
from tools.shown import shown


@dataclass(frozen=True)
class Around:
    """What stands beside the results: `failed`, where letters are, and the images.

    `images` is None where their place is unknown; then every letter counts.
    """

    failed: Side
    results: Side
    images: Side | None = None


def letters(around: Around, chosen: Filter, note: Note) -> Iterator[Found]:
    """Every letter that is wanted about an image of this input, or about none; oldest day first.

    Each document gets a `status`, `failed`, and a `letter`: its key, the date it is filed under and
    whether it is `settled` (None: not known).
    """
    prefix = around.failed.place.prefix

    def read(meta: Meta) -> tuple[Meta, dict[str, Any] | None]:
        stored = around.failed.store.get(meta.key, LETTER_LIMIT)
        letter = _letter(stored.data if stored else None)
        if letter and _concerns(letter, around.images, chosen):
            letter["status"] = "failed"
            letter["letter"] = {
                "key": meta.key,
                "date": _day(meta.key[len(prefix) :].partition("/")[0]),
                "settled": _settled(letter, around),
            }
        return meta, letter

    every = apart(around.failed, around.results)
    wanted = (meta for meta in every if chosen.fits_time(meta.modified))
    for meta, letter in each(read, wanted, around.failed):
        if letter is None:
            note(f"not a dead letter: {shown(meta.key)}")
        elif "letter" in letter:
            found = found_of(letter, meta, note)
            if found and chosen.fits(found.row):
                yield found


def _letter(data: bytes | None) -> dict[str, Any] | None:
    """A letter without anything that its schema does not have; None for what is none."""
    document = letter_in(data)
    return document and {name: document.get(name) for name in _FIELDS}


_FIELDS = ("schema", "request_id", "function", "condition", "attempts", "source", "suspected",
           "error", "event")  # fmt: skip


def _day(folder: str) -> str | None:
    """The folder's name if it is a date, as `deadletter` makes it."""
    try:
        return folder if date.fromisoformat(folder).isoformat() == folder else None
    except ValueError:
        return None


def _concerns(letter: dict[str, Any], images: Side | None, chosen: Filter) -> bool:
    """Whether a letter is about an image of this place whose key is wanted."""
    source = letter["source"]
    if source is None:  # whose it is nobody knows
        return not chosen.key
    if images is None:
        return chosen.fits_key(source["key"])
    place = images.place
    return source["bucket"] == place.bucket and any(
        key.startswith(place.prefix) and chosen.fits_key(key[len(place.prefix) :])
        for key in (source["key"], *other_spellings(source["key"]))
    )


def _settled(letter: dict[str, Any], around: Around) -> bool | None:
    """Whether nothing is left to do about a letter's image; None where that cannot be told."""
    source = letter["source"]
    if source is None or around.images is None:
        return None
    if not spellings(source["key"], around.images):  # a folder's mark
        return True
    try:
        found = check_named(source["key"], around.images, around.results)
    except FanlightError:  # who may read results need not be allowed to read images
        return None
    return found.current or found.state == "gone"
