"""Progress of a long run: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import RLock

import click

_EVERY = 10.0
"""Seconds between lines where there is no terminal."""

_REDRAW = 0.1
"""Seconds between two states of the bar."""


class Progress:
    """Counts images found, given out to be worked on, and settled.

    The total grows while the listing goes on, and what is left is known only once it has ended:
    until then it is at least what was found. One thread may list, and another work.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, terminal: bool | None = None
    ) -> None:
        """`terminal`: whether there is one; by default it is looked for."""
        self._clock = clock
        self._found = self._given = self._worked = self._settled = 0
        self._drawn = self._began = clock()
        self._failed, self._ended = 0, False
        self._terminal = bool(sys.stderr and sys.stderr.isatty()) if terminal is None else terminal
        self._open, self._lock = True, RLock()

    def found(self) -> None:
        """One more image is listed."""
        self._found += 1
        self._draw()

    def given(self) -> None:
        """One of those found is to be worked on."""
        self._given += 1

    def settled(self, *, failed: int) -> None:
        """One of those found needs no work. `failed`: how many have failed so far."""
        self._settled += 1
        self._failed = failed

    def listed(self) -> None:
        """All are found."""
        self._ended = True

    def worked(self, *, failed: int) -> None:
        """One of those given is done."""
        self._worked += 1
        self._failed = failed
        self._draw()

    def note(self, text: str) -> None:
        """A line of its own, above the bar."""
        with self._lock:
            self._erase()
            _say(text)

    def close(self) -> None:
        """Take the bar away."""
        with self._lock:
            self._erase()
            self._open = False

    def _draw(self) -> None:
        now = self._clock()
        if now - self._drawn < (_REDRAW if self._terminal else _EVERY):
            return
        self._drawn = now
        with self._lock:
            if self._open:
                self._show(now)

    def _show(self, now: float) -> None:
        done = self._worked + self._settled
        text = self._text(done, now - self._began)
        if not self._terminal:
            _say(text)
            return
        filled = 30 * done // max(self._found, 1)
        _say(f"\r\x1b[K[{'#' * filled}{'.' * (30 - filled)}] {text}", nl=False)

    def _text(self, done: int, seconds: float) -> str:
        failed = f", {self._failed:,} failed" if self._failed else ""
        return (f"{done:,} of {self._found:,} found{failed}, {done / seconds:,.0f}/s"
                f"{self._left(seconds)}")  # fmt: skip

    def _left(self, seconds: float) -> str:
        """At the rate of the work so far, which what needs none does not count for."""
        if not self._worked:
            return ""
        left = (self._given - self._worked) * seconds / self._worked
        if not self._ended and left < 1:  # more is found as it is taken: nothing is known
            return ""
        return f", {'' if self._ended else 'at least '}{lasting(left)} left"

    def _erase(self) -> None:
        if self._terminal and self._open:
            _say("\r\x1b[K", nl=False)


def _say(text: str, *, nl: bool = True) -> None:
    """On standard error. That nobody can read it any more is no reason to end hours of work."""
    with suppress(OSError):
        click.echo(text, err=True, nl=nl)


def lasting(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
