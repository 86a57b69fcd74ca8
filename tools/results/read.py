"""Results read from a place, in the order of their keys, holding a few at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fanlight.bookmark import NAME as BOOKMARK
from fanlight.place import RESULT_SUFFIX, Place
from fanlight.reconcile import RESULT_LIMIT, document_of
from fanlight.store import Meta, Object
from fanlight.store_folder import FolderStore
from tools.places import Side
from tools.plan import ahead
from tools.results.filter import Filter
from tools.results.rows import Odd, Row, row_of
from tools.shown import shown

B = TypeVar("B")

Note = Callable[[str], None]
"""Told, as text for a terminal, of whatever is passed over."""


@dataclass(frozen=True)
class Found:
    """A result or a dead letter; `row` is the same, flat and with its types checked."""

    document: dict[str, Any]
    row: Row


def _nobody(_: Found | None) -> None:
    """Nobody counts."""


def results(
    side: Side,
    chosen: Filter,
    note: Note,
    seen: Callable[[Found | None], None] = _nobody,
    letters: Place | None = None,
) -> Iterator[Found]:
    """Every result of a place that is wanted; what is none is named and passed over.

    Only what its key and time let through is read. `seen` is called for each that was, with the
    result or None. `letters`: where dead letters are, which may be inside. A sweep's bookmark and
    the marks of folders are nobody's mistake. Raises what the store raises.
    """
    hidden = letters.prefix if letters and side.place.holds(letters) else ""

    def wanted() -> Iterator[Meta]:
        beginning = side.place.prefix
        for meta in side.store.list(beginning + chosen.beginning):
            relative = meta.key[len(beginning) :]
            if (hidden and meta.key.startswith(hidden)) or _is_mark(relative):
                continue
            if not relative.endswith(RESULT_SUFFIX):
                note(f"not a result: {shown(meta.key)}")
            elif chosen.fits_time(meta.modified) and chosen.fits_key(
                relative.removesuffix(RESULT_SUFFIX)
            ):
                yield meta

    def read(meta: Meta) -> tuple[Meta, Object | None]:
        return meta, side.store.get(meta.key, RESULT_LIMIT)

    for meta, stored in each(read, wanted(), side):
        if stored is None:  # it has gone since it was listed
            continue
        found = result_of(meta, stored, note)
        seen(found)
        if found and chosen.fits(found.row):
            yield found


def _is_mark(relative: str) -> bool:
    """Whether this is a sweep's bookmark, or the object that stands for a folder."""
    return relative.rpartition("/")[2] in ("", BOOKMARK)


def result_of(meta: Meta, stored: Object, note: Note) -> Found | None:
    """What stands under a result's key, if it is a result."""
    document = document_of(stored)
    if document is None:
        note(f"not a result: {shown(meta.key)}")
        return None
    return found_of(document, meta, note)


def found_of(document: dict[str, Any], meta: Meta, note: Note) -> Found | None:
    """The document with its row; None, and a note, if it is not what its schema says."""
    try:
        return Found(document, row_of(document, meta.key, meta.modified))
    except Odd as odd:
        note(f"not a result: {shown(meta.key)}: {odd}")
        return None


def documents(found: Iterable[Found]) -> Iterator[dict[str, Any]]:
    """The documents alone, as they are stored; a dead letter with what `letters` adds."""
    return (one.document for one in found)


def each(read: Callable[[Meta], B], metas: Iterable[Meta], side: Side) -> Iterator[B]:
    """`map`; objects of a bucket are read many at a time, files one by one, which is faster."""
    if isinstance(side.store, FolderStore):
        return map(read, metas)
    return ahead(metas, _untold, read)


def _untold(_: Meta) -> None:
    """Nothing is known of an object before it is read."""
