"""Keys of a folder reconciled together: each step of all of them, then the next step.

A plain digit takes as long in files, headers and JSON as in its network. Key after key, each step
finds the processor's caches full of the others' code and tables, which makes it twice as slow. So
objects are read ahead and answers are made ahead, and the core then finds both done.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from fanlight.answer import Answerer
from fanlight.errors import FanlightError
from fanlight.reconcile import RESULT_LIMIT, Reconciler
from fanlight.result import Source
from fanlight.store import Meta, Object, Store, Wanted, always
from tools.plan import New

T = TypeVar("T")

MOST = 64
"""Keys: more would push what has been read, and is yet to be used, out of the caches."""

MOST_BYTES = 256 * 1024
"""Of images that wait, read, for their answers; the last of them may go beyond it. Photographs gain
nothing by waiting for each other, and so go one by one or nearly so."""


class ReadAhead:
    """A store some of whose objects have been read. Each of those is given once."""

    def __init__(self, store: Store) -> None:
        self.name = store.name
        self._store = store
        self._read: dict[str, Object | Exception | None] = {}

    def ahead(self, key: str, limit: int) -> Object | None:
        """Read it now. An error is kept for who asks for it."""
        try:
            found = self._store.get(key, limit)
        except Exception as error:  # noqa: BLE001 - one file that cannot be read costs no other
            self._read[key] = error
            return None
        self._read[key] = found
        return found

    def absent(self, key: str) -> None:
        """Take it that there is none, the first time somebody asks."""
        self._read[key] = None

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        """See `Store.get`. What has been read is given, wanted or not, within the limit of then."""
        if key not in self._read:
            return self._store.get(key, limit, wanted)
        found = self._read.pop(key)
        if isinstance(found, Exception):
            raise found
        return found

    def head(self, key: str) -> Meta | None:
        """See `Store.head`."""
        return self._store.head(key)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        """See `Store.put`."""
        return self._store.put(key, data, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._store.delete(key)

    def list(self, prefix: str) -> Iterator[Meta]:
        """See `Store.list`."""
        return self._store.list(prefix)


class AnswersAhead:
    """An `Answer` that has been made for some objects. Each of those is given once."""

    def __init__(self, answerer: Answerer, objects: Sequence[tuple[Source, bytes | None]]) -> None:
        self._answerer = answerer
        self._made: dict[str, tuple[Source, dict[str, Any] | Exception]] = {}
        going = [(source, answerer.steps(source, data)) for source, data in objects]
        while going:
            going = [one for one in going if self._goes_on(*one)]

    def _goes_on(self, source: Source, steps: Iterator[None]) -> bool:
        try:
            next(steps)
        except StopIteration as answered:
            self._made[source.key] = source, answered.value
        except Exception as error:  # noqa: BLE001 - it is kept for who asks for the answer
            self._made[source.key] = source, error
        else:
            return True
        return False

    def __call__(self, source: Source, data: bytes | None) -> dict[str, Any]:
        """See `Answerer.__call__`."""
        known, made = self._made.pop(source.key, (None, None))
        if made is None or known != source:
            return self._answerer(source, data)
        if isinstance(made, Exception):
            raise made
        return made


def together(
    reconciler: Reconciler, keys: Sequence[str], one: Callable[[Reconciler, str], T]
) -> list[T]:
    """What `one` gives for each key and a reconciler, in the same order.

    As always a result is read before its image, or known to be missing. Both may be somewhat older
    when they are used: the write, which finds a result that came since, and the look at the image
    after it tell of what happened meanwhile.
    """
    done = []
    for begin in range(0, len(keys), MOST):
        some = keys[begin : begin + MOST]
        results = ReadAhead(reconciler.results)
        for key in some:
            with suppress(FanlightError, ValueError):  # a key without a result: `one` says so
                target = reconciler.target(key)
                if isinstance(key, New):
                    results.absent(target)
                else:
                    results.ahead(target, RESULT_LIMIT)
        rest = iter(some)
        # Anew each time: an image that nobody asks for, since its result is true, is not kept.
        while portion := _portion(
            rest, images := ReadAhead(reconciler.images), reconciler.max_bytes
        ):
            ready = replace(reconciler, images=images, results=results)
            if isinstance(reconciler.answer, Answerer):
                objects = [(_source(images.name, found.meta), found.data)
                           for _, found in portion if found]  # fmt: skip
                ready = replace(ready, answer=AnswersAhead(reconciler.answer, objects))
            done += [one(ready, key) for key, _ in portion]
    return done


def _portion(keys: Iterator[str], images: ReadAhead, limit: int) -> list[tuple[str, Object | None]]:
    """Some keys, with their images read."""
    portion: list[tuple[str, Object | None]] = []
    size = 0
    while size < MOST_BYTES and (key := next(keys, None)) is not None:
        portion.append((key, found := images.ahead(key, limit)))
        size += len(found.data) if found and found.data else 0
    return portion


def _source(name: str, meta: Meta) -> Source:
    return Source(name, meta.key, meta.version, meta.etag, meta.size)
