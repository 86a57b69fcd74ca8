"""What there is to do: each image of a listing held against its result."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fanlight.errors import KeyRefused
from fanlight.pairs import Pair, image_key, pairs
from fanlight.place import Place, result_key
from fanlight.reconcile import RESULT_LIMIT, document_of
from fanlight.result import version_of
from fanlight.store import Meta
from fanlight.store_folder import FolderStore
from tools.places import Side

OLDER = "older-recipe"
"""What is said of a current result that was made otherwise than those made now."""

A = TypeVar("A")
B = TypeVar("B")

_AHEAD = 64
"""Reads given out at the same time, to half as many threads; a folder is faster one by one."""

_LOOK = 0.5
"""Seconds of waiting at a time."""

_WINDOW = 4096
"""What waits behind a read to keep the order, and is known already."""


@dataclass(frozen=True)
class Check:
    """One image's state.

    `classified`, `rejected`: its result is true of it. `present`: there is a result, which was not
    read. `stale`, `missing`, `refused`: as they say. `orphaned`: a result without its image;
    `gone`: an image that somebody named and is not there.
    """

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
        """Whether there is nothing to do, as far as was looked."""
        return self.state in ("classified", "rejected", "present")

    @property
    def belied(self) -> bool:
        """Whether a listing would take the result that stands there for a true one."""
        return self.state == "stale" or self.reason == _UNREADABLE


class New(str):
    """The key of an image that had no result when it was listed."""

    __slots__ = ()


@dataclass(frozen=True)
class Look:
    """How closely to look.

    `deep`: results are read. `trust_times`: not those that are newer than their object, which is
    for places in OSS alone. `orphans`: results without an image are told too, but for what is under
    `failed`, where the output holds that.
    """

    deep: bool = True
    trust_times: bool = False
    orphans: bool = False
    failed: Place | None = None


def checks(images: Side, results: Side, look: Look | None = None) -> Iterator[Check]:
    """Every image's state, in the order of a listing, holding a few thousand at most.

    Where results are in OSS, the two listings alone tell what is missing, and the others are read
    many at a time.
    """
    look = look or Look()
    in_folder = isinstance(results.store, FolderStore)
    yield from (_one_by_one if in_folder else _merged)(images, results, look)
    for folder, reason in _unreadable(images).items():
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
        return Check(meta.key, "missing", _NONE if result is None else _UNREADABLE)
    known = version_of(document)
    if known != meta.version:
        return Check(meta.key, "stale", f"its result is of version {known}, it is {meta.version}")
    return Check(meta.key, str(document["status"]), recipe=str(document.get("recipe")))


def check_key(key: str, images: Side, results: Side) -> Check:
    """As `check`, of an image that may be there or not."""
    try:
        meta = images.store.head(key)
    except KeyRefused as error:
        return Check(key, "refused", str(error))
    return check(meta, images, results) if meta else Check(key, "gone", "there is no such image")


_NONE, _UNREADABLE = "there is no result", "what stands in its place cannot be read as a result"


def _one_by_one(images: Side, results: Side, look: Look) -> Iterator[Check]:
    """A folder escapes names, so its order is another one; but asking it costs next to nothing."""
    one = partial(check if look.deep else _listed, images=images, results=results)
    for meta in images.store.list(images.place.prefix):
        if images.place.relative(meta.key) is not None:
            yield one(meta)
    if not look.orphans:
        return
    closed = tuple(_unreadable(images))
    for meta in results.store.list(results.place.prefix):
        key = image_key(meta.key, images.place, results.place)
        if key is not None and not key.startswith(closed) and images.store.head(key) is None:
            yield _orphan(key, meta)


def _listed(meta: Meta, images: Side, results: Side) -> Check:
    """Whether there is a result, unread."""
    try:
        there = results.store.head(result_key(images.place.relative(meta.key) or "", results.place))
    except KeyRefused as error:
        return Check(meta.key, "refused", str(error))
    return Check(meta.key, "present") if there else Check(meta.key, "missing", _NONE)


def _merged(images: Side, results: Side, look: Look) -> Iterator[Check]:
    """The order is that of the results."""
    paired = pairs(images.store.list(images.place.prefix), images.place,
                   _without_letters(results, look.failed), results.place)  # fmt: skip

    def told(pair: Pair) -> Check | None:
        """What the listings alone tell, if that is enough."""
        if pair.image is None:
            assert pair.result is not None  # noqa: S101 - for the type checker
            return _orphan(pair.key, pair.result)
        if pair.result is None:
            return _without(pair.image, images, results)
        newer = pair.result.modified > pair.image.modified
        unread = not look.deep or (look.trust_times and newer)
        return Check(pair.key, "present") if unread else None

    def read(pair: Pair) -> Check:
        assert pair.image is not None  # noqa: S101 - otherwise it was told
        return check(pair.image, images, results)

    for found in ahead(paired, told, read):
        if found.state != "orphaned" or (
            look.orphans and not found.key.startswith(tuple(_unreadable(images)))
        ):
            yield found


def _without_letters(results: Side, failed: Place | None) -> Iterator[Meta]:
    """What is listed of the results, but for dead letters where they have a place of their own."""
    listed = results.store.list(results.place.prefix)
    if failed in (None, results.place) or not results.place.holds(failed):
        return listed
    return (meta for meta in listed if not meta.key.startswith(failed.prefix))


def _without(image: Meta, images: Side, results: Side) -> Check:
    try:
        result_key(images.place.relative(image.key) or "", results.place)
    except KeyRefused as error:
        return Check(image.key, "refused", str(error))
    return Check(image.key, "missing", _NONE)


def _orphan(key: str, result: Meta) -> Check:
    return Check(key, "orphaned", f"there is no such image, but its result {result.key}")


def _unreadable(images: Side) -> dict[str, str]:
    """Folders that may not be read, with the reason; what is in them is not known to be gone."""
    return images.store.unreadable if isinstance(images.store, FolderStore) else {}


def ahead(items: Iterable[A], told: Callable[[A], B | None], read: Callable[[A], B]) -> Iterator[B]:
    """What `told` says of each item, or else `read`, in their order; reads overlap, on threads."""
    pool = ThreadPoolExecutor(_AHEAD // 2)
    waiting: deque[Future[B] | B] = deque()
    reading = 0

    def first() -> B:
        nonlocal reading
        one = waiting.popleft()
        if not isinstance(one, Future):
            return one
        while not one.done():  # Ctrl-C does not always wake who waits without end
            wait([one], _LOOK)
        reading -= 1
        return one.result()

    try:
        for item in items:
            known = told(item)
            reading += known is None
            waiting.append(pool.submit(read, item) if known is None else known)
            while reading >= _AHEAD or len(waiting) >= _WINDOW or (waiting and not reading):
                yield first()
        while waiting:
            yield first()
    finally:
        # A read that nobody waits for any more may go on trying for minutes where OSS is down.
        pool.shutdown(wait=False, cancel_futures=True)
