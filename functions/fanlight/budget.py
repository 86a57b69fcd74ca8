"""Bounded memory: the bytes of images that may be held at a time, whatever the images are."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of encoded images held at a time by one process; pixels are those of one image anyway."""


class Budget:
    """So many bytes for all threads together, given out in the order they are asked for.

    First come, first served: a large image is not passed over by small ones for ever. One that
    is larger than the whole budget gets it when nobody else has any of it.
    """

    def __init__(self, limit: int = IN_FLIGHT) -> None:
        """`limit`: bytes."""
        self._limit, self.used = limit, 0
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """Nothing yet; what is taken with it meanwhile is given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    def take(self, size: int) -> None:
        """Wait until `size` bytes are left, and take them."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._has(size))
                self.used += size
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait for their bytes."""
        return len(self._waiting)

    def give_back(self, size: int) -> None:
        """For those who wait."""
        with self._changed:
            self.used -= size
            self._changed.notify_all()

    def _has(self, size: int) -> bool:
        return not self.used or self.used + size <= self._limit


class Share:
    """What one image has of a budget. Nobody waits with a share in hand, so none waits for ever."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._size = budget, 0

    def take(self, size: int) -> None:
        """`size` bytes in place of what it had; waits until they are there."""
        self.give_back()
        self._budget.take(size)
        self._size = size

    def give_back(self) -> None:
        """All of it."""
        size, self._size = self._size, 0
        if size:
            self._budget.give_back(size)
