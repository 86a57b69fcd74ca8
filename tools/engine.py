"""The local engine: keys reconciled by as many processes as there are cores."""

import gc
import itertools
import multiprocessing
import signal
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from fanlight.answer import Answerer, Choices
from fanlight.apart import spared
from fanlight.cores import cores
from fanlight.errors import ConfigError, FanlightError, StaleCredentials
from fanlight.model import Model
from fanlight.place import SCHEME
from fanlight.preprocess import min_side
from fanlight.reconcile import Reconciler
from fanlight.together import each, in_turns
from fanlight.work import describe
from tools.ending import end_with_parent
from tools.pace import Pace
from tools.places import Access, Side
from tools.together import together

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
    the keys that are being worked on.
    """
    keys = iter(keys)
    first = list(itertools.islice(keys, _FEW + 1))
    if not first:
        return
    if len(first) <= _FEW:
        with ExitStack() as spare:
            reconciler = job.reconciler(cores(), spare)
            for chunk in (chunks := Chunks(iter(first), pace=pace)):
                outcomes, seconds = _timed(reconciler, chunk, remote=job.remote)
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
    lost: list[list[str]] = []
    try:
        while True:
            while not lost and len(running) < ahead * processes and (chunk := next(chunks, None)):
                try:
                    running[_submit(pool, chunk)] = chunk
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
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, chunk: list[str]) -> "Future[Worked]":
    """Ctrl-C is for the parent: processes started here inherit that they ignore it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return pool.submit(work, chunk)
    finally:
        signal.signal(signal.SIGINT, before)


Worked = tuple[list[dict[str, Any]], float]
"""Outcomes, and the seconds they took."""

_process: tuple[Reconciler, bool] | FanlightError | None = None


def start(job: Job) -> None:
    """Load the model once in this process, on one thread: the processes are the parallelism.

    What is wrong with it is raised where work is asked for: here, it would end the pool unsaid.
    """
    global _process  # noqa: PLW0603 - a pool's initializer can leave its work nowhere else
    end_with_parent()
    try:
        _process = job.reconciler(threads=1), job.remote
    except FanlightError as error:
        _process = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is to tell of it
        _process = FanlightError(f"{type(error).__name__}: {error}")
    gc.collect()
    gc.freeze()  # what is loaded stays; to look through it again and again takes time


def work(keys: list[str]) -> Worked:
    """Reconcile keys in this process, one of many. Raises what was wrong at its start."""
    assert _process is not None  # noqa: S101 - start was called first
    if isinstance(_process, FanlightError):
        raise _process
    reconciler, remote = _process
    return _timed(reconciler, keys, remote=remote)


def _timed(reconciler: Reconciler, keys: list[str], *, remote: bool) -> Worked:
    began = time.perf_counter()
    outcomes = _reconcile(reconciler, keys, remote=remote)
    return outcomes, time.perf_counter() - began


def _reconcile(reconciler: Reconciler, keys: list[str], *, remote: bool) -> list[dict[str, Any]]:
    if not remote:
        return together(reconciler, keys, _one)
    reconciler = replace(reconciler, answer=in_turns(reconciler.answer))
    became = dict(each(partial(_one, reconciler), keys, reconciler.threads))
    return [became[key] for key in keys]


def _one(reconciler: Reconciler, key: str) -> dict[str, Any]:
    try:
        return describe(reconciler.reconcile(key))
    except (ConfigError, StaleCredentials):  # every key after it would end the same way
        raise
    except FanlightError as error:
        return {"key": key, "outcome": "failed", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - one image must not end a run of a million
        reason = f"{type(error).__name__}: {error}"
        return {"key": key, "outcome": "failed", "reason": reason}
