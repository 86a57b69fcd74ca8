"""Content on its way in or out: in memory while it is small, in a file once it is not.

A body that arrives is read once. What it is stored under and checked by (size, MD5, CRC) is known
when the last byte is in, and its file can become the stored one by a rename.
"""

import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import crcmod  # type: ignore[import-untyped]

MAX_IN_MEMORY = 1024 * 1024  # bytes; a longer body is in a file from here on
_PIECE = 256 * 1024

# CRC-64 of ECMA-182, as OSS and oss2 compute it. crc64(b, crc64(a)) is crc64(a + b).
crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF)


class Body:
    """Bytes of known size: `content`, or `span` of an open `file`.

    Iterating gives pieces of at most 256 KB; EOFError if the file ends before its span does.
    close() closes the file, and removes it if it has a `path` and nobody took it with move_to().
    """

    def __init__(
        self,
        content: bytes = b"",
        file: BinaryIO | None = None,
        span: range = range(0),
        path: Path | None = None,
        digests: tuple[bytes, int] | None = None,
    ) -> None:
        self._content, self._file, self._path, self._digests = content, file, path, digests
        self._span = range(len(content)) if file is None else span

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._span)

    @property
    def md5(self) -> bytes:
        """The MD5 of the content, 16 bytes."""
        return self._digest()[0]

    @property
    def crc(self) -> int:
        """The CRC-64 of the content."""
        return self._digest()[1]

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        if self._file is None:
            yield self._content
            return
        for start in range(self._span.start, self._span.stop, _PIECE):
            # By position: parts of one body, and two who read it, do not move each other.
            length = min(_PIECE, self._span.stop - start)
            piece = os.pread(self._file.fileno(), length, start)
            if len(piece) < length:
                raise EOFError(f"the file of a body ends too early, at {start + len(piece)}")
            yield piece

    def read(self) -> bytes:
        """The whole content in memory."""
        return self._content if self._file is None else b"".join(self)

    def part(self, start: int, stop: int) -> "Body":
        """The bytes from `start` to before `stop`. Closing either closes the file of both."""
        if self._file is None:
            return Body(self._content[start:stop])
        return Body(file=self._file, span=self._span[start:stop])

    def move_to(self, path: Path) -> None:
        """Be the file at `path`: by renaming one's own if there is one, else by writing it.

        Nothing is left there by what fails.
        """
        if self._path is None:
            try:
                with path.open("wb") as file:
                    file.writelines(self)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        else:
            self._path.replace(path)
            self._path = None

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _digest(self) -> tuple[bytes, int]:
        if self._digests is None:
            md5, crc = hashlib.md5(usedforsecurity=False), 0
            for piece in self:
                md5.update(piece)
                crc = crc64(piece, crc)
            self._digests = md5.digest(), crc
        return self._digests


def receive(pieces: Iterable[bytes], folder: Path | None = None) -> Body:
    """The body that arrives in `pieces`; a large one in a file of `folder` (or a temporary one).

    What `pieces` raises goes through, and leaves no file behind; so does OSError for a file that
    cannot be written.
    """
    arriving, held = iter(pieces), io.BytesIO()
    for piece in arriving:
        held.write(piece)
        if held.tell() > MAX_IN_MEMORY:
            return _spool(held.getvalue(), arriving, folder or Path(tempfile.gettempdir()))
    return Body(held.getvalue())


def _spool(first: bytes, others: Iterator[bytes], folder: Path) -> Body:
    path = folder / f"localcloud-{secrets.token_hex(16)}"
    md5, crc, size = hashlib.md5(usedforsecurity=False), 0, 0
    file = path.open("w+b")
    try:
        for piece in chain([first], others):
            file.write(piece)
            md5.update(piece)
            crc, size = crc64(piece, crc), size + len(piece)
        file.flush()  # it is read by position, past the buffer
    except BaseException:
        path.unlink()
        with suppress(OSError):  # a full disk fails here once more, for what is in the buffer
            file.close()
        raise
    return Body(file=file, span=range(size), path=path, digests=(md5.digest(), crc))
