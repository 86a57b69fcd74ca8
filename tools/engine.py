"""The local engine: keys reconciled by as many processes as there are cores."""

import itertools
import multiprocessing
import signal
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from fanlight.answer import Answerer, Choices
from fanlight.apart import spared
from fanlight.cores import cores
from fanlight.model import Model
from fanlight.place import SCHEME
from fanlight.preprocess import min_side
from fanlight.reconcile import Reconciler
from tools.engine_process import Worked, start, timed, work
from tools.pace import Pace
from tools.places import Access, Side

FIRST, MOST = 8, 512
"""Keys a process takes at a time: at the beginning, and at most."""

_SECONDS = 0.2
"""What those should take: long beside handing them over, and yet Ctrl-C is answered at once."""

_FEW = 64
"""With no more keys than this, starting processes would take longer than the work."""

ENDED = "its decoding ended the process"
"""Why a key failed whose image ends every process that works on it."""

_LONGEST = 60.0
"""Seconds for one image, where a process of its own decodes it."""


@dataclass(frozen=True)
class Job:
    """All a process needs to know, as text, so that it can open its own connections."""

    source: str
    out: str
    model: Path
    choices: Choices
    access: Access
    remake: bool = False
    """Whether results of another recipe are made anew."""

    def load(self, threads: int) -> Model:
        """The model, which may use `threads` threads."""
        return Model.load(self.model, threads)

    def reconciler(self, threads: int, spare: ExitStack | None = None) -> Reconciler:
        """Open both places and load the model.

        `spare`: no image is to end this process; until it is closed, a child decodes them.
        """
        results = Side.results(self.out, self.access)
        answer = Answerer(self.load(threads), self.choices)
        side = min_side(answer.model.bundle.input) if self.choices.oss_resize else None
        images = Side.images(self.source, self.access, side)
        if spare:
            answer = spare.enter_context(spared(answer, lambda: _LONGEST))
        return Reconciler(
            images=images.store,
            input=images.place,
            results=results.store,
            output=results.place,
            answer=answer,
            max_bytes=self.choices.limits.max_bytes,
            recipe=answer.recipe if self.remake else None,
        )

    @property
    def remote(self) -> bool:
        """Whether a network is between here and the images or their results."""
        return self.source.startswith(SCHEME) or self.out.startswith(SCHEME)


def run(
    job: Job, keys: Iterable[str], processes: int, pace: Pace | None = None
) -> Iterator[dict[str, Any]]:
    """Reconcile keys and yield what became of each, as `fanlight.work.describe` says it.

    A key that fails has outcome `failed` and a reason. Closing the iterator ends the work after
    the keys that are being worked on; KeyboardInterrupt does, too, once their outcomes are told.
    """
    keys = iter(keys)
    first = list(itertools.islice(keys, _FEW + 1))
    if not first:
        return
    if len(first) <= _FEW:
        with ExitStack() as spare:
            reconciler = job.reconciler(cores(), spare)
            for chunk in (chunks := Chunks(iter(first), pace=pace)):
                outcomes, seconds = timed(reconciler, chunk, remote=job.remote)
                chunks.took(len(chunk), seconds)
                yield from outcomes
        return
    yield from _pooled(job, Chunks(itertools.chain(first, keys), pace=pace), processes)


class Chunks(Iterator[list[str]]):
    """Keys, as many at a time as take a process `_SECONDS`, as far as is known."""

    def __init__(self, keys: Iterator[str], most: int = MOST, pace: Pace | None = None) -> None:
        if pace is not None:
            keys, most = pace(keys), min(most, pace.within(_SECONDS))
        self._keys, self._most = keys, most
        self._size = min(FIRST, most)

    def __next__(self) -> list[str]:
        if chunk := list(itertools.islice(self._keys, self._size)):
            return chunk
        raise StopIteration

    def took(self, count: int, seconds: float) -> None:
        """Learn how long `count` of them took."""
        fitting = int(count * _SECONDS / max(seconds, 1e-6))
        self._size = max(1, min(fitting, 2 * count, self._most))


def _pooled(job: Job, chunks: Chunks, processes: int) -> Iterator[dict[str, Any]]:
    suspects: list[str] = []
    while lost := (yield from _one_pool(job, chunks, processes)):
        if not suspects:
            Model.load(job.model, 1)  # one that ends its process ends this one, not key after key
        suspects.extend(itertools.chain.from_iterable(lost))
    # A process died with these at hand. One at a time, the one that kills its process is known.
    while suspects:
        alone = Chunks(iter(suspects), most=1)
        lost = yield from _one_pool(job, alone, 1, ahead=1)
        if not lost:
            break
        ((culprit,),) = lost
        yield {"key": culprit, "outcome": "failed", "reason": ENDED}
        suspects = suspects[suspects.index(culprit) + 1 :]


def _one_pool(
    job: Job, chunks: Chunks, processes: int, *, ahead: int = 2
) -> Generator[dict[str, Any], None, list[list[str]]]:
    """Work until the chunks or a process come to their end; returns the chunks that were lost.

    `ahead`: chunks given out for each process, so that none waits for the next.
    """
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), start, (job,))
    running: dict[Future[Worked], list[str]] = {}
    stopped = False
    try:
        return (yield from _given_out(pool, chunks, running, ahead * processes))
    except KeyboardInterrupt:
        stopped = True  # who stops it once more, while it waits here, is not to wait again
        pool.shutdown(wait=True, cancel_futures=True)
        for future in running:  # what was at hand is done, and counts
            if not future.cancelled() and future.exception() is None:
                yield from future.result()[0]
        raise
    finally:
        if not stopped:
            pool.shutdown(wait=True, cancel_futures=True)


def _given_out(
    pool: ProcessPoolExecutor, chunks: Chunks, running: dict[Future[Worked], list[str]], most: int
) -> Generator[dict[str, Any], None, list[list[str]]]:
    """As `_one_pool`. `running`: chunks that are given out, at most so many."""
    lost: list[list[str]] = []
    while True:
        while not lost and len(running) < most and (chunk := next(chunks, None)):
            try:
                _submit(pool, chunk, running)
            except BrokenProcessPool:
                lost.append(chunk)
        if not running:
            return lost
        # Not without end: Ctrl-C does not always wake who waits so.
        done, _ = wait(running, _SECONDS, FIRST_COMPLETED)
        for future in done:
            chunk = running.pop(future)
            try:
                outcomes, seconds = future.result()
            except BrokenProcessPool:
                lost.append(chunk)
                continue
            chunks.took(len(chunk), seconds)
            yield from outcomes


def _submit(
    pool: ProcessPoolExecutor, chunk: list[str], running: "dict[Future[Worked], list[str]]"
) -> None:
    """Give a chunk out. Ctrl-C is for the parent: processes that start here inherit its blocking.

    One that comes meanwhile is heard afterwards, when the chunk is among those that are `running`.
    """
    heard: list[int] = []
    resource_tracker.ensure_running()  # which ends the blocking, if the pool has to start it
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        running[pool.submit(work, chunk)] = chunk
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if heard:
            signal.raise_signal(signal.SIGINT)
