"""Names in order, however many there are: what memory is not to hold is sorted on the disk.

External merge sort: runs sorted in memory go to a temporary file and are merged from there.
Source: Knuth, The Art of Computer Programming, volume 3, section 5.4.
"""

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from typing import IO

from fanlight.errors import ConfigError

AT_ONCE = 8192
"""Names sorted in memory, about half a megabyte of them."""

_BLOCK = 4096
"""Bytes of each run in memory while the runs are merged: half a byte for each name."""

_END = b"\0"  # no file name has one


def ordered(names: Iterable[bytes], at_once: int = AT_ONCE) -> Iterator[bytes]:
    """The names, which have no zero bytes, in the order of their bytes; all are taken at once.

    With fewer than `at_once` of them no file is written. ConfigError when there is no room for
    it; what `names` raises is passed on.
    """
    names = iter(names)
    first = sorted(islice(names, at_once))
    if len(first) < at_once:
        return iter(first)
    with _told():
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - _merged closes it
    try:
        bounds = [0]
        while first:
            with _told():
                bounds.append(bounds[-1] + _write(file, _END.join(first) + _END))
            first = sorted(islice(names, at_once))
    except BaseException:
        file.close()
        raise
    return _merged(file, bounds)


@contextmanager
def _told() -> Iterator[None]:
    """An error of the temporary file must not be taken for one of the folder that is listed."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{error.strerror}: a large folder is sorted in a temporary file; make room for it, "
            "or name another place with TMPDIR"
        ) from None


def _write(file: IO[bytes], data: bytes) -> int:
    """All of it, which one call need not write; how many bytes that were."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    return len(data)


def _merged(file: IO[bytes], bounds: list[int]) -> Iterator[bytes]:
    with file:
        yield from heapq.merge(*(_run(file.fileno(), *ends) for ends in pairwise(bounds)))


def _run(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    """The names between two places of a file, a block at a time."""
    cut = b""
    while start < stop:
        with _told():
            block = os.pread(descriptor, min(_BLOCK, stop - start), start)
        start += len(block)
        *whole, cut = (cut + block).split(_END)
        yield from whole
