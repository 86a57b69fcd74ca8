"""What one instance takes of memory and disk, against what its function has.

Memory is the kernel's high-water mark, so that a peak between two looks counts; while there are
child processes it is also what all hold together, shared pages once. The disk is the space that the
files of the instance's own folder take; the platform instead lets the write fail.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from tools.template import Function

_DISK_PAUSE = 0.1
"""Seconds between looks at a folder, and no more than a tenth of the time goes into looking."""
_BLOCK = 512
"""What st_blocks counts in, whatever the file system."""


class Usage:
    """Of one process, its children and its folder. Without a /proc memory has no limit."""

    def __init__(self, function: Function, pid: int, disk: Path) -> None:
        self._memory_limit, self._disk_limit = function.memory_mb, function.disk_mb
        self._pid, self._disk = pid, disk
        self._status, self._children = f"/proc/{pid}/status", f"/proc/{pid}/task/{pid}/children"
        self._next_look = 0.0
        self._disk_mb = 0.0
        self.peak_mb = 0.0

    def exceeded(self) -> str:
        """Which limit the instance has passed, in words; empty while it has passed none."""
        self._look_at_memory()
        if self.peak_mb > self._memory_limit:
            return f"out of memory: {self.peak_mb:.0f} of {self._memory_limit} MB"
        now = time.monotonic()
        if now >= self._next_look:
            self._disk_mb = _size(self._disk) / 1024**2
            taken = time.monotonic() - now
            self._next_look = now + max(_DISK_PAUSE, 10 * taken)
        if self._disk_mb > self._disk_limit:
            return f"out of disk: {self._disk_mb:.0f} of {self._disk_limit} MB"
        return ""

    def _look_at_memory(self) -> None:
        with suppress(OSError):
            _, _, peak = _read(self._status).partition(b"\nVmHWM:")
            if peak:  # a process that has ended tells of none
                self.peak_mb = max(self.peak_mb, int(peak.split(None, 1)[0]) / 1024)
            if children := _read(self._children).split():
                held = sum(_held_mb(pid) for pid in (self._pid, *map(int, children)))
                self.peak_mb = max(self.peak_mb, held)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)  # plain calls: it is read very often
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _held_mb(pid: int) -> float:
    """What is a process's own and its share of the rest. Source: proc(5), smaps_rollup."""
    _, _, share = _read(f"/proc/{pid}/smaps_rollup").partition(b"\nPss:")
    return int(share.split(None, 1)[0]) / 1024 if share else 0.0


def _size(folder: Path) -> int:
    """Bytes on the disk; files that go away meanwhile do not count."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * _BLOCK  # noqa: PTH118
    return total
