"""Waiting for an endpoint to answer, aloud, and not for long if it never has."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import parent_process
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from fanlight.errors import FanlightError, TransientError
from fanlight.retry import Retry, Unreachable
from tools.saying import beside

T = TypeVar("T")

SOON = 10.0
"""Seconds for an endpoint that has never answered: it is mistyped, or nothing runs there yet."""

_LONG = 1.0
"""Seconds of waiting that go by without a word."""

_AGAIN = 30.0
"""Seconds between two words, and until what failed last is another story."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class Line:
    """What is heard of one endpoint, and said about that. Threads may share it.

    `setting`: what names it. `seconds`: for which a request is repeated once it has answered.
    """

    endpoint: str
    setting: str
    seconds: float
    tell: Callable[[str], None] = beside
    clock: Callable[[], float] = time.monotonic
    heard: bool = False
    _since: float = field(default=0.0, init=False)
    _last: float | None = field(default=None, init=False)
    _silent_until: float | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def tried(self) -> None:
        """Something is asked, or has failed."""
        now = self.clock()
        if self._last is None or now - self._last > _AGAIN:
            self._since = now
        self._last = now

    def failed(self, error: TransientError, pause: float) -> None:
        """It will be tried again after `pause` seconds; raises `error` where that is in vain."""
        with self._lock:
            self.tried()
            until = self.clock() + pause
            new = isinstance(error, Unreachable) and not self.heard
            if new and until - self._since >= SOON:
                raise error
            waits = until - self._since if new else pause
            if waits > _LONG and (self._silent_until is None or until > self._silent_until):
                self._silent_until = until + _AGAIN
                self.tell(self._new() if new else self._known())

    def _new(self) -> str:
        here = urlsplit(self.endpoint).hostname in LOOPBACK
        return (
            f"{self.endpoint} cannot be reached ({self.setting}); "
            f"{'is `fanlight up` running?' if here else 'check it, and the network;'} "
            f"trying again, for {SOON:.0f} s in all"
        )

    def _known(self) -> str:
        return (
            f"{self.endpoint} is busy, fails or does not answer; trying again, "
            f"for {self.seconds:.0f} s in all"
        )


@cache
def line_to(endpoint: str, setting: str, seconds: float) -> Line:
    """The one to an endpoint, in this process; who started the process has heard of it."""
    return Line(endpoint, setting, seconds, heard=parent_process() is not None)


@dataclass(frozen=True)
class Patient(Retry):
    """A `Retry` that says what it waits for, and ends soon where nothing was ever heard."""

    line: Line = field(kw_only=True)

    def __call__(self, operation: Callable[[], T]) -> T:
        """See `Retry`."""
        self.line.tried()

        def listening() -> T:
            try:
                answer = operation()
            except Unreachable:
                raise
            except FanlightError:  # a refusal is an answer, too
                self.line.heard = True
                raise
            self.line.heard = True
            return answer

        return super().__call__(listening)

    def wait(self, pause: float, error: TransientError) -> None:
        """See `Retry`."""
        self.line.failed(error, pause)
        super().wait(pause, error)
