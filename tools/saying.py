"""What a command says in the end, to people and as JSON, though nobody may read it any more."""

import json
import os
import sys
from contextlib import suppress
from typing import IO, Any

import click


def say(line: str, *, err: bool = False) -> None:
    """A line for people. A closed pipe is no failure: the exit code tells what there is to tell."""
    try:
        click.echo(line, err=err)
    except BrokenPipeError:
        _to_nowhere(sys.stderr if err else sys.stdout)


def beside(text: str) -> None:
    """A line on standard error, in place of a bar that may stand there; that is drawn again.

    Nothing fails because nobody reads it any more: it may be said in the middle of the work.
    """
    drawn = sys.stderr is not None and sys.stderr.isatty()
    with suppress(OSError):
        click.echo(f"\r\x1b[K{text}" if drawn else text, err=True)


def begin(file: IO[str]) -> None:
    """Open the FILE of --json: that it cannot be written is told now, not after hours of work."""
    if file.name == "-" and sys.stdout is None:
        raise click.UsageError("--json -: standard output is closed; name a file")
    file.write("")


def write(file: IO[str], document: dict[str, Any]) -> None:
    """Write all of a --json FILE, as `say` does where that is standard output."""
    try:
        file.write(json.dumps(document, indent=2) + "\n")
        file.flush()
    except BrokenPipeError:
        _to_nowhere(file)


def one_line(text: str) -> str:
    """A text that may be in a line with others; a key can hold newlines, and so lines of its own.

    Everything else that is not printable is for `shown`.
    """
    return text.replace("\n", "\\n")


def _to_nowhere(stream: IO[str]) -> None:
    """What is still to be written there goes nowhere, so that the end does not fail for it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
