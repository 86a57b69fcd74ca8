"""Where the rows go: standard output, or a file that is there whole or not at all."""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path`, which takes its name when all went well, and else is removed.

    What is there is replaced in one step and keeps its permissions; a link stays a link. A pipe
    or a device cannot be replaced: it is given as it is.
    """
    target = Path(os.path.realpath(path))
    try:
        status = target.stat()
    except FileNotFoundError:
        mode = None
    else:
        if stat.S_ISDIR(status.st_mode):
            raise click.UsageError(f"--output {path} is a folder; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            yield target
            return
        mode = stat.S_IMODE(status.st_mode)
    # The end of the name stays: what is written may depend on it.
    temporary = target.with_name(f".{secrets.token_hex(8)}.part{target.suffix}")
    try:
        try:
            temporary.touch(exist_ok=False)
        except OSError as error:  # nobody has asked for the name that it is about
            what = "there is no folder" if error.errno == errno.ENOENT else error.strerror
            raise click.UsageError(f"--output {path}: {what} {target.parent}") from None
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def opened(path: Path | None) -> Iterator[IO[bytes]]:
    """To write to: standard output, or a file as `replacing` makes it."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(path) as temporary, temporary.open("wb") as file:
        yield file
