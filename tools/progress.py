"""Progress of a long run: a bar on a terminal, a line now and then elsewhere."""

import sys
import time

import click

_EVERY = 10.0
"""Seconds between lines where there is no terminal."""

_REDRAW = 0.1


class Progress:
    """Counts images found and done. The total grows while the listing goes on."""

    def __init__(self) -> None:
        self._found = self._done = self._failed = 0
        self._began = self._drawn = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._open = True

    def found(self) -> None:
        """One more image is listed."""
        self._found += 1

    def done(self, *, failed: int) -> None:
        """One more image is settled."""
        self._done += 1
        self._failed = failed
        now = time.monotonic()
        if now - self._drawn >= (_REDRAW if self._terminal else _EVERY):
            self._drawn = now
            self._draw()

    def note(self, text: str) -> None:
        """A line of its own, above the bar."""
        self._erase()
        click.echo(text, err=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._open:
            self._erase()
        self._open = False

    def _draw(self) -> None:
        seconds = time.monotonic() - self._began
        failed = f", {self._failed:,} failed" if self._failed else ""
        rate = self._done / seconds
        text = f"{self._done:,} of {self._found:,} found{failed}, {rate:,.0f}/s"
        if not self._terminal:
            click.echo(text, err=True)
            return
        filled = 30 * self._done // max(self._found, 1)
        click.echo(f"\r\x1b[K[{'#' * filled}{'.' * (30 - filled)}] {text}", err=True, nl=False)

    def _erase(self) -> None:
        if self._terminal and self._open:
            click.echo("\r\x1b[K", err=True, nl=False)
