"""Names in order, however many there are: what memory is not to hold is sorted on the disk.

External merge sort: runs sorted in memory go to a temporary file and are merged from there.
Source: Knuth, The Art of Computer Programming, volume 3, section 5.4.
"""

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import IO

AT_ONCE = 8192
"""Names sorted in memory, about half a megabyte of them."""

_BLOCK = 4096
"""Bytes of each run in memory while the runs are merged: half a byte for each name."""

_END = b"\0"  # no file name has one


def ordered(names: Iterable[bytes], at_once: int = AT_ONCE) -> Iterator[bytes]:
    """The names, which have no zero bytes, in the order of their bytes; all are taken at once.

    With no more than `at_once` of them no file is written. OSError when there is no room for it.
    """
    names = iter(names)
    first = sorted(islice(names, at_once))
    if len(first) < at_once:
        return iter(first)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - _merged closes it
    try:
        bounds = [0]
        while first:
            file.write(_END.join(first) + _END)
            bounds.append(file.tell())
            first = sorted(islice(names, at_once))
        file.flush()
    except BaseException:
        file.close()
        raise
    return _merged(file, bounds)


def _merged(file: IO[bytes], bounds: list[int]) -> Iterator[bytes]:
    with file:
        yield from heapq.merge(*(_run(file.fileno(), *ends) for ends in pairwise(bounds)))


def _run(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    """The names between two places of a file, a block at a time."""
    cut = b""
    while start < stop:
        block = os.pread(descriptor, min(_BLOCK, stop - start), start)
        start += len(block)
        *whole, cut = (cut + block).split(_END)
        yield from whole
