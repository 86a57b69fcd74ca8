"""The bound of throughput: processes that decode, prepare and infer, with nothing around it.

Their pictures lie in memory, and their headers have been read: no file, no result, no checks.
"""

import multiprocessing
import time
from collections.abc import Sequence
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

import cv2

from fanlight import backends
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import FanlightError
from fanlight.image import decode, read_header
from fanlight.preprocess import min_side, to_tensor

_LOOK = 0.02
"""Seconds between looks at the clock, more or less."""


class Bound:
    """Processes with a model on one thread each, as long as the `with` block lasts."""

    def __init__(self, bundle: Path, pictures: Sequence[bytes], processes: int) -> None:
        """Each process works on all of `pictures`, in turn."""
        spawning = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._theirs: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            here, there = spawning.Pipe()
            self._pipes.append(here)
            self._theirs.append(there)
            self._processes.append(
                spawning.Process(target=_serve, args=(bundle, pictures, there), daemon=True)
            )

    def __enter__(self) -> "Bound":
        """Start them and wait until each has a warm model."""
        for process, there in zip(self._processes, self._theirs, strict=True):
            process.start()
            there.close()  # else nobody would notice that a process has ended
        self.rate(len(self._processes), _LOOK)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """End them."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()

    def rate(self, processes: int, seconds: float) -> float:
        """Images a second of the first `processes` together, each busy for `seconds`.

        FanlightError when one of them has ended, having said why.
        """
        chosen = self._pipes[:processes]
        try:
            for pipe in chosen:
                pipe.send(seconds)
            return sum(float(pipe.recv()) for pipe in chosen)
        except (EOFError, OSError):
            raise FanlightError("a process of the bound has ended") from None


def _serve(folder: Path, pictures: Sequence[bytes], pipe: Connection) -> None:
    cv2.setNumThreads(1)
    bundle, limits = Bundle.read(folder), Limits()
    backend = backends.load(bundle.format, folder / bundle.file, 1)
    side = min_side(bundle.input)
    known = cycle([(data, read_header(data, limits)) for data in pictures])
    portion = 1
    while True:
        seconds, done, began, spent = pipe.recv(), 0, time.perf_counter(), 0.0
        while spent < seconds:
            for _ in range(portion):
                data, header = next(known)
                backend.run(to_tensor(decode(data, header, side), bundle.input))
            done += portion
            spent = time.perf_counter() - began
            portion = max(1, int(_LOOK * done / spent))
        pipe.send(done / spent)
