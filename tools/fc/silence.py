"""What is said while nothing is heard of what was sent away."""

import time
from collections.abc import Callable

from tools.saying import beside


class Silence:
    """Tells, now and then, that no event comes to anything, and what that may mean.

    An event for another place than the function's own is taken like any other, and comes to
    nothing: without a word that would show after `engine_fc.PATIENCE` alone.
    """

    def __init__(
        self,
        meaning: str,
        every: float,
        tell: Callable[[str], None] = beside,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`every`: seconds without news, and then between two words about it."""
        self._meaning, self._every, self._tell, self._clock = meaning, every, tell, clock
        self._heard = self._told = clock()

    def look(self, events: int, *, news: bool) -> None:
        """`events`: how many are on their way. `news`: whether there was some since the last."""
        now = self._clock()
        if news or not events:
            self._heard = self._told = now
        elif now - self._told >= self._every:
            self._told = now
            self._tell(
                f"no news for {now - self._heard:.0f} s of {events} events on their way: "
                f"{self._meaning}"
            )
