"""Work on threads that Ctrl-C ends at once, with results in the order of the work."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

Progress = Callable[[], object]
"""Called once for each piece of work that is done."""


def in_parallel(
    pool: ThreadPoolExecutor, function: Callable[[A], B], items: Sequence[A], progress: Progress
) -> Iterator[B]:
    """`map`; what is still waiting when the caller stops, or an item fails, is never begun."""
    waiting = deque(pool.submit(function, item) for item in items)
    try:
        while waiting:
            result = waiting.popleft().result()
            progress()
            yield result
    finally:
        for future in waiting:
            future.cancel()
