"""Keys listed ahead of the work on them, on the disk, so that what is left is known early.

Work on a million keys takes hours, listing them minutes. They are not held in memory meanwhile.
"""

import os
import struct
import tempfile
from collections.abc import Iterable, Iterator
from threading import Condition, Thread
from typing import IO

from fanlight.errors import FanlightError
from tools.plan import New

_HEAD = struct.Struct(">I?")
"""Bytes of the key, and whether it is New."""

_BLOCK = 64 * 1024
"""Bytes read at a time."""

_LOOK = 0.5
"""Seconds of waiting at a time: Ctrl-C does not always wake who waits for a lock without end."""

_PATIENCE = 1.0
"""Seconds for which the thread's end is waited for: a listing tries for minutes where OSS is down,
and may as well find that its file is closed."""


def spooled(keys: Iterable[str]) -> Iterator[str]:
    """The same keys in the same order, taken by a thread as fast as they come.

    What `keys` raises is raised after the keys before it. Closing this ends the thread after the
    key it waits for, which is not waited for where it is long in coming.
    """
    with tempfile.TemporaryFile(buffering=0) as file:
        spool = _Spool(file)
        thread = Thread(target=spool.fill, args=(keys,), name="listing", daemon=True)
        thread.start()
        try:
            yield from spool.keys()
        finally:
            spool.stopped = True
            thread.join(_PATIENCE)


class _Spool:
    """What one thread writes to the end of a file, and another reads from its beginning."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._more = file, Condition()
        self._written, self._ended = 0, False
        self._error: BaseException | None = None
        self.stopped = False

    def fill(self, keys: Iterable[str]) -> None:
        """Write them all, or until this is stopped."""
        try:
            for key in keys:
                if self.stopped:
                    break
                self._append(key)
        except BaseException as error:  # noqa: BLE001 - it is the reader's
            self._error = error
        with self._more:
            self._ended = True
            self._more.notify()

    def keys(self) -> Iterator[str]:
        """Read them all, waiting for those that are not there yet."""
        start, cut = 0, b""
        while True:
            with self._more:
                while start == self._written and not self._ended:
                    self._more.wait(_LOOK)
                size = min(_BLOCK, self._written - start)
            if not size:
                break
            block = cut + os.pread(self._file.fileno(), size, start)
            start += size
            at = 0
            while (found := _unpacked(block, at)) is not None:
                key, at = found
                yield key
            cut = block[at:]
        if self._error is not None:
            raise self._error

    def _append(self, key: str) -> None:
        data = key.encode("utf-8", "surrogateescape")
        rest = memoryview(_HEAD.pack(len(data), isinstance(key, New)) + data)
        size = len(rest)
        while rest:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                raise FanlightError(
                    f"keys wait in {tempfile.gettempdir()}: {error.strerror}; make room there, or "
                    "name another folder in TMPDIR, and run again: it goes on where it was"
                ) from None
        with self._more:
            self._written += size
            self._more.notify()


def _unpacked(block: bytes, at: int) -> tuple[str, int] | None:
    """The key whose record begins there, and where the next one does; None if it is cut."""
    begin = at + _HEAD.size
    if len(block) < begin:
        return None
    size, new = _HEAD.unpack_from(block, at)
    if len(block) < begin + size:
        return None
    key = block[begin : begin + size].decode("utf-8", "surrogateescape")
    return New(key) if new else key, begin + size
