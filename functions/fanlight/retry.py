"""Trying again, while there is time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fanlight.errors import StaleCredentials, TransientError

T = TypeVar("T")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds."""


class Unreachable(TransientError):
    """No whole answer came: the endpoint is wrong or down, or the network is."""


@dataclass(frozen=True)
class Retry:
    """Repeats an operation on TransientError until `deadline()` (on `clock`, in seconds).

    The pause before try n is random between 0 and FIRST_PAUSE * 2**n, LONGEST_PAUSE at most, so
    that a thousand instances throttled together do not come back together. Source: "full jitter"
    in M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """

    deadline: Callable[[], float]
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    uniform: Callable[[float, float], float] = field(default=random.uniform)

    @classmethod
    def until(cls, deadline: float) -> "Retry":
        """One deadline for all operations together, as an invocation has."""
        return cls(lambda: deadline)

    @classmethod
    def lasting(cls, seconds: float) -> "Retry":
        """So long for each operation by itself, counted from its start."""
        return cls(lambda: time.monotonic() + seconds)

    def __call__(self, operation: Callable[[], T]) -> T:
        """What `operation` returns; its last TransientError when no time is left."""
        deadline = self.deadline()
        tries = 0
        while True:
            try:
                return operation()
            except StaleCredentials:  # they are as stale the next time
                raise
            except TransientError as error:
                pause = self.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**tries))
                if self.clock() + pause >= deadline:
                    raise
                self.wait(pause, error)
                tries += 1

    def wait(self, pause: float, error: TransientError) -> None:
        """Before the next try: for `pause` seconds, after `error`."""
        del error  # for kinds of it that say or decide something
        self.sleep(pause)

    def remaining(self) -> float:
        """Seconds an operation begun now would have."""
        return self.deadline() - self.clock()
