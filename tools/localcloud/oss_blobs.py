"""The files that hold content too large for a row of the index, one for each content.

A file is complete before a row names it and is not written to afterwards, except behind the end
that its row tells of. So whoever opened it reads what he was told of, even after it is removed.
"""

import os
import secrets
from collections.abc import Iterable, Iterator, Set
from contextlib import closing
from pathlib import Path

from tools.localcloud.body import Body, receive


class Fresh:
    """Files that a `with` block makes, and that go again if an exception leaves it."""

    def __init__(self, blobs: "Blobs") -> None:
        self._blobs = blobs
        self._names: list[str] = []

    def keep(self, body: Body) -> str:
        """As Blobs.keep."""
        self._names.append(self._blobs.keep(body))
        return self._names[-1]

    def link(self, name: str) -> str:
        """As Blobs.link."""
        self._names.append(self._blobs.link(name))
        return self._names[-1]

    def __enter__(self) -> "Fresh":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._blobs.remove(self._names)


class Blobs:
    """The files of `folder`, by names of their own; `arriving` is where bodies may be spooled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "blobs"
        self.arriving = folder / "arriving"
        for each in (self._folder, self.arriving):
            each.mkdir(parents=True, exist_ok=True)

    def fresh(self) -> Fresh:
        """For what is made within a transaction: around it, so that it goes with its rows."""
        return Fresh(self)

    def keep(self, body: Body) -> str:
        """Make `body` a file of this folder; returns its name."""
        name = secrets.token_hex(16)
        body.move_to(self._folder / name)
        return name

    def link(self, name: str) -> str:
        """A second name for a file; its content stays until both are removed."""
        second = secrets.token_hex(16)
        (self._folder / second).hardlink_to(self._folder / name)
        return second

    def open(self, name: str, size: int) -> Body:
        """The first `size` bytes of a file."""
        return Body(file=(self._folder / name).open("rb"), span=range(size))

    def append(self, name: str, position: int, body: Body) -> None:
        """Write `body` into a file from `position`, making the file if it is not there."""
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.seek(position)
            file.writelines(body)

    def join(self, files: Iterable[tuple[str, int]]) -> Body:
        """The contents of several files, given by name and size, as one body."""
        return receive(self._pieces(files), self.arriving)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those who have them open read on."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def sweep(self, named: Set[str]) -> None:
        """Remove what a process that was killed left: all but the files that rows name."""
        self.remove({path.name for path in self._folder.iterdir()} - named)
        for path in self.arriving.iterdir():
            path.unlink()

    def _pieces(self, files: Iterable[tuple[str, int]]) -> Iterator[bytes]:
        for name, size in files:
            with closing(self.open(name, size)) as body:
                yield from body
