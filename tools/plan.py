"""What there is to do: each image of a listing held against its result."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fanlight.errors import KeyRefused
from fanlight.place import result_key
from fanlight.reconcile import RESULT_LIMIT, document_of
from fanlight.result import version_of
from fanlight.store import Meta
from fanlight.store_folder import FolderStore
from tools.places import Side

A = TypeVar("A")
B = TypeVar("B")

_AHEAD = 32
"""Results read at the same time from a bucket; a folder's are read one by one, it is faster."""


@dataclass(frozen=True)
class Check:
    """One image's state: `classified` or `rejected` (current), `stale`, `missing` or `refused`."""

    key: str
    state: str
    reason: str = ""
    recipe: str = ""

    @property
    def to_do(self) -> str:
        """The key, which tells a process that has work to do what is known of the result."""
        return New(self.key) if self.state == "missing" else self.key

    @property
    def current(self) -> bool:
        """Whether there is nothing to do."""
        return self.state in ("classified", "rejected")


class New(str):
    """The key of an image that had no result when it was listed."""

    __slots__ = ()


def checks(images: Side, results: Side) -> Iterator[Check]:
    """Every image's state, in the order of the listing, holding a few at a time."""
    listed = (
        meta for meta in images.store.list(images.place.prefix)
        if images.place.relative(meta.key) is not None
    )  # fmt: skip

    def one(meta: Meta) -> Check:
        return check(meta, images, results)

    yield from map(one, listed) if isinstance(results.store, FolderStore) else _ahead(one, listed)
    if isinstance(images.store, FolderStore):
        for folder, reason in images.store.unreadable.items():
            yield Check(folder, "refused", reason)


def check(meta: Meta, images: Side, results: Side) -> Check:
    """Read the result of one listed image and compare versions."""
    relative = images.place.relative(meta.key)
    assert relative is not None, meta.key  # noqa: S101 - what lists has left folders out
    try:
        result = results.store.get(result_key(relative, results.place), RESULT_LIMIT)
    except KeyRefused as error:
        return Check(meta.key, "refused", str(error))
    document = document_of(result)
    if document is None:
        return Check(meta.key, "missing", "there is no result")
    known = version_of(document)
    if known != meta.version:
        return Check(meta.key, "stale", f"its result is of version {known}, it is {meta.version}")
    return Check(meta.key, str(document["status"]), recipe=str(document.get("recipe")))


def _ahead(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """`map`, some items ahead on threads."""
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: deque[Future[B]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
