"""Several things at a time in one process: waiting for the network overlaps, computing does not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from threading import Lock
from typing import Any, TypeVar

from fanlight.reconcile import Answer, Beside
from fanlight.result import Source

T = TypeVar("T")
R = TypeVar("R")


def beside(pool: Executor) -> Beside:
    """What is begun runs on a thread of `pool`."""
    return lambda read: pool.submit(read).result


def in_turns(answer: Answer) -> Answer:
    """The same answers, one at a time.

    The pixels of one image can take hundreds of megabytes: those of two would take twice as much.
    For that, on two cores, two at a time saved nothing where the network is large, and 0.8 of 5 ms
    an image where it is tiny.
    """
    turn = Lock()

    def answered(source: Source, data: bytes | None) -> dict[str, Any]:
        with turn:
            return answer(source, data)

    return answered


def each(do: Callable[[T], R], items: Sequence[T], threads: int) -> Iterator[tuple[T, R]]:
    """Every item with what `do` makes of it, as they get done; items can be keys of a dict.

    What `do` raises ends it: items that are begun are waited for, others are not begun.
    """
    threads = min(threads, len(items))
    if threads <= 1:
        for item in items:
            yield item, do(item)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        running = {pool.submit(do, item): item for item in items}
        for future in as_completed(running):
            yield running[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def flowing(do: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[tuple[T, R]]:
    """As `each`, for items too many to be held: one is taken when there is a thread for it."""
    pool = ThreadPoolExecutor(threads)
    running: dict[Future[R], T] = {}
    try:
        for item in items:
            running[pool.submit(do, item)] = item
            if len(running) < threads:
                continue
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
        for future in as_completed(running):
            yield running[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)
