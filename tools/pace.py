"""Keys given out no faster than so many a second, so that a backfill leaves others their share."""

import time
from collections.abc import Callable, Iterable, Iterator

_LONGEST = 3600.0
"""Seconds of one pause; a clock has no room for those of a rate of next to nothing."""

_LATE = 1.0
"""Seconds whose keys may be made up for at once, after there was nothing to give or nobody took."""


class Pace:
    """At most `rate` keys a second, evenly.

    The schedule of each key is that of the one before it and 1/rate seconds. Source: the generic
    cell rate algorithm, ITU-T I.371, with a tolerance of _LATE.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = rate
        self._clock, self._sleep = clock, sleep

    def within(self, seconds: float) -> int:
        """How many keys come in that time, at least one: more would wait for the last of them."""
        return max(1, int(self.rate * seconds))

    def __call__(self, keys: Iterable[str]) -> Iterator[str]:
        """The same keys, each when its time has come."""
        due = self._clock()
        for key in keys:
            now = self._clock()
            while (left := due - self._clock()) > 0:
                self._sleep(min(left, _LONGEST))
            yield key
            due = max(due, now - _LATE) + 1 / self.rate
