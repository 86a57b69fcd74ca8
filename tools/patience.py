"""Waiting for OSS to answer, aloud."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.saying import beside

_LONG = 1.0
"""Seconds of a pause; those before the first few tries are shorter."""

_AGAIN = 30.0
"""Seconds between two words."""


@dataclass
class Telling:
    """The `sleep` of a `Retry` that lasts `seconds`: says that it is being waited, now and then."""

    seconds: float
    tell: Callable[[str], None] = beside
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _silent_until: float = field(default=0.0, init=False)

    def __call__(self, pause: float) -> None:
        """Sleep for `pause` seconds."""
        if pause > _LONG and self.clock() >= self._silent_until:
            self._silent_until = self.clock() + _AGAIN
            self.tell(
                f"OSS fails or does not answer; trying again, for {self.seconds:.0f} s in all"
            )
        self.sleep(pause)
