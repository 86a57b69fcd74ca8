"""Every order in which workers' store operations can happen, played through the real reconcile.

A worker is `Reconciler.reconcile` itself, run on a store that replays the answers it has had so
far and stops it at the first operation that has none. What a worker will do next depends only on
those answers, so worlds with equal stores and equal answers are one world: the search visits each
once and is complete without ever starting a thread.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from fanlight.document import to_bytes
from fanlight.errors import TransientError
from fanlight.place import Place
from fanlight.reconcile import Read, Reconciler
from fanlight.result import Source
from fanlight.store import Meta, Object, Wanted, always
from tests.fakes import answer_as

IMAGE, RESULT = "in/x.png", "out/x.png.json"
CONTENTS = (b"", b"first", b"second", b"third")
Operation = tuple[str, str, bytes, bool]
ORDER: Operation = ("order", "", b"", False)
"""No operation: which of two that are under way at the same time is carried out first."""
RESULT_FIRST, IMAGE_FIRST = "result first", "image first"


class Pause(BaseException):
    """The worker wants to do `operation` next."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self.operation = operation


class ReplayStore:
    """Gives the recorded answers in turn, then pauses the worker."""

    name = "bucket"

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self._answers = iter(answers)

    def _next(self, operation: Operation) -> Any:
        for answer in self._answers:
            return answer
        raise Pause(operation)

    def head(self, key: str) -> Meta | None:
        found: Meta | None = self._next(("head", key, b"", False))
        return found

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        found: Object | None = self._next(("get", key, b"", False))
        return found if found is None or wanted(found.meta) else Object(found.meta, None)

    def beside(self, read: Read) -> Read:
        """Read at once, or only when the answer is needed: after what was asked for meanwhile."""
        order: str = self._next(ORDER)
        answer = cache(read)
        if order == RESULT_FIRST:
            answer()
        return answer

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        written: bool = self._next(("put", key, data, if_absent))
        return written

    def delete(self, key: str) -> None:
        raise AssertionError("reconciling deletes nothing")

    def list(self, prefix: str) -> Iterator[Meta]:
        raise AssertionError("reconciling lists nothing")


@dataclass(frozen=True)
class Worker:
    """One delivery of an event: which upload it tells of, on which deployment, how far it is.

    `at_once`: it asks for result and image at the same time, so that either may be read first.
    """

    upload: int
    model: str
    at_once: bool = True
    answers: tuple[Any, ...] = ()
    done: bool = False


@dataclass(frozen=True)
class World:
    """Two objects, the workers, and what may still happen to them."""

    uploads: int  # how many there have been; the image's content is CONTENTS[uploads]
    uploads_left: int
    result: bytes | None
    workers: tuple[Worker, ...]
    crashes_left: int

    def image(self) -> Object | None:
        """The image as it is now. Contents may repeat; versions do not."""
        if not self.uploads:
            return None
        data = CONTENTS[self.uploads]
        return Object(Meta(IMAGE, len(data), "", f"v{self.uploads}"), data)


@dataclass(frozen=True)
class Step:
    """What happened from one world to the next; `wrote` is the result a worker put."""

    before: World
    after: World
    wrote: bytes | None = None


def explore(start: World, reconciler: type[Reconciler] = Reconciler) -> Iterator[Step]:
    """Every step of every order, each world's once."""
    seen, waiting = {start}, [start]
    while waiting:
        world = waiting.pop()
        for step in _steps(world, reconciler):
            yield step
            if step.after not in seen:
                seen.add(step.after)
                waiting.append(step.after)


def quiet(world: World) -> bool:
    """Whether nothing is left to happen."""
    return not world.uploads_left and all(worker.done for worker in world.workers)


def _steps(world: World, reconciler: type[Reconciler]) -> Iterator[Step]:
    if world.uploads_left:
        after = replace(world, uploads=world.uploads + 1, uploads_left=world.uploads_left - 1)
        yield Step(world, after)
    for index, worker in enumerate(world.workers):
        if worker.done or worker.upload > world.uploads:
            continue
        for chosen in _orders(worker, reconciler):
            step = _advance(world, index, chosen, reconciler)
            yield step
            if world.crashes_left:  # the operation took effect, its answer was never seen
                again = replace(worker, answers=())
                crashed = replace(step.after, crashes_left=world.crashes_left - 1,
                                  workers=_with(step.after.workers, index, again))  # fmt: skip
                yield replace(step, after=crashed)


def _orders(worker: Worker, reconciler: type[Reconciler]) -> list[Worker]:
    """The worker, once for each of the orders it may be about to read in."""
    if _wants(worker, reconciler) != ORDER:
        return [worker]
    return [replace(worker, answers=(*worker.answers, order))
            for order in (RESULT_FIRST, IMAGE_FIRST)]  # fmt: skip


def _advance(world: World, index: int, worker: Worker, reconciler: type[Reconciler]) -> Step:
    """Let one worker do its next operation; it is done when it then wants no other."""
    operation = _wants(worker, reconciler)
    assert operation is not None, "a worker that is not done wants something"
    name, key, data, if_absent = operation
    result = world.result
    answer: Any
    if name == "put":
        answer = not (if_absent and result is not None)
        result = data if answer else result
    else:
        found = world.image() if key == IMAGE else _result(result)
        answer = found.meta if found and name == "head" else found
    moved = replace(worker, answers=_alike((*worker.answers, answer)))
    moved = replace(moved, done=_wants(moved, reconciler) is None)
    after = replace(world, result=result, workers=_with(world.workers, index, moved))
    return Step(world, after, data if name == "put" and answer else None)


def _alike(answers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Once both are read nobody can tell which was read first: one world, not two."""
    if answers[-3:-2] == (IMAGE_FIRST,):
        *before, _, image, result = answers
        return (*before, RESULT_FIRST, result, image)
    return answers


def _wants(worker: Worker, reconciler: type[Reconciler]) -> Operation | None:
    kind: Any = reconciler  # a class can be hashed, whatever mypy thinks of it
    return _wanted(worker.model, worker.answers, kind, at_once=worker.at_once)


@cache
def _wanted(
    model: str, answers: tuple[Any, ...], reconciler: Any, *, at_once: bool
) -> Operation | None:
    store = ReplayStore(answers)
    place_in, place_out = Place("bucket", "in/"), Place("bucket", "out/")
    try:
        reconciler(store, place_in, store, place_out, answer_as(model), 100,
                   beside=store.beside if at_once else None).reconcile(IMAGE)  # fmt: skip
    except Pause as pause:
        return pause.operation
    except TransientError:
        # Gave up after so many tries: the platform invokes again, from the start.
        return _wanted(model, (), reconciler, at_once=at_once)
    return None


def _result(data: bytes | None) -> Object | None:
    return Object(Meta(RESULT, len(data), "", "r"), data) if data is not None else None


def _with(workers: tuple[Worker, ...], index: int, worker: Worker) -> tuple[Worker, ...]:
    return (*workers[:index], worker, *workers[index + 1 :])


def is_true(world: World, result: bytes | None) -> bool:
    """Whether a result speaks of the image as it is now, in version and in content."""
    image = world.image()
    if result is None or image is None or image.data is None:
        return False
    document = json.loads(result)
    label = document["predictions"][0]["label"]
    return (document["source"]["version"], label) == (image.meta.version, image.data.decode())


def result_of_first(model: str) -> bytes:
    """The true result of the first upload."""
    image = World(1, 0, None, (), 0).image()
    assert image is not None
    meta = image.meta
    source = Source("bucket", IMAGE, meta.version, meta.etag, meta.size)
    return to_bytes(answer_as(model)(source, image.data))
