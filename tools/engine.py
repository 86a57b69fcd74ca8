"""The local engine: keys reconciled by as many processes as there are cores."""

import itertools
import multiprocessing
import signal
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.answer import Answerer, Choices
from fanlight.apart import spared
from fanlight.cores import cores
from fanlight.errors import ConfigError, FanlightError
from fanlight.model import Model
from fanlight.place import SCHEME
from fanlight.reconcile import Reconciler
from fanlight.work import describe
from tools.places import Access, Side

CHUNK = 32
"""Keys a process takes at a time: little enough that Ctrl-C is answered at once."""

_THREADS = 8
"""Keys of a bucket a process works on at a time, so that it does not wait for the network."""

_FEW = 64
"""With no more keys than this, starting processes would take longer than the work."""


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
        images = Side.images(self.source, self.access)
        results = Side.results(self.out, self.access)
        answer = Answerer(self.load(threads), self.choices)
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


def run(job: Job, keys: Iterable[str], processes: int) -> Iterator[dict[str, Any]]:
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
            for chunk in _chunks(iter(first)):
                yield from _reconcile(reconciler, chunk, remote=job.remote)
        return
    yield from _pooled(job, _chunks(itertools.chain(first, keys)), processes)


def _pooled(job: Job, chunks: Iterator[list[str]], processes: int) -> Iterator[dict[str, Any]]:
    Model.load(job.model, 1)  # what is wrong with it is told here, not by a process that ends
    suspects: list[str] = []
    while lost := (yield from _one_pool(job, chunks, processes)):
        suspects.extend(itertools.chain.from_iterable(lost))
    # A process died with these at hand. One at a time, the one that kills its process is known.
    while suspects:
        alone = ([key] for key in suspects)
        lost = yield from _one_pool(job, alone, 1, ahead=1)
        if not lost:
            break
        ((culprit,),) = lost
        yield {"key": culprit, "outcome": "failed", "reason": "its decoding ended the process"}
        suspects = suspects[suspects.index(culprit) + 1 :]


def _one_pool(
    job: Job, chunks: Iterator[list[str]], processes: int, *, ahead: int = 2
) -> Generator[dict[str, Any], None, list[list[str]]]:
    """Work until the chunks or a process come to their end; returns the chunks that were lost.

    `ahead`: chunks given out for each process, so that none waits for the next.
    """
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start, (job,))
    running: dict[Future[list[dict[str, Any]]], list[str]] = {}
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
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                chunk = running.pop(future)
                try:
                    yield from future.result()
                except BrokenProcessPool:
                    lost.append(chunk)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, chunk: list[str]) -> "Future[list[dict[str, Any]]]":
    """Ctrl-C is for the parent: processes started here inherit that they ignore it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return pool.submit(_work, chunk)
    finally:
        signal.signal(signal.SIGINT, before)


_process: tuple[Reconciler, bool] | None = None


def _start(job: Job) -> None:
    """Load the model once in this process, on one thread: the processes are the parallelism."""
    global _process  # noqa: PLW0603 - a pool's initializer can leave its work nowhere else
    _process = job.reconciler(threads=1), job.remote


def _work(keys: list[str]) -> list[dict[str, Any]]:
    assert _process is not None  # noqa: S101 - the pool calls _start first
    reconciler, remote = _process
    return _reconcile(reconciler, keys, remote=remote)


def _reconcile(reconciler: Reconciler, keys: list[str], *, remote: bool) -> list[dict[str, Any]]:
    if not remote:
        return [_one(reconciler, key) for key in keys]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda key: _one(reconciler, key), keys))


def _one(reconciler: Reconciler, key: str) -> dict[str, Any]:
    try:
        return describe(reconciler.reconcile(key))
    except ConfigError:
        raise
    except FanlightError as error:
        return {"key": key, "outcome": "failed", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - one image must not end a run of a million
        reason = f"{type(error).__name__}: {error}"
        return {"key": key, "outcome": "failed", "reason": reason}


def _chunks(keys: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(itertools.islice(keys, CHUNK)):
        yield chunk
