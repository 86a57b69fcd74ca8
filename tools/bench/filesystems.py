"""Where files can lie: in memory, and on the disk."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_SHARED = Path("/dev/shm")  # noqa: S108 - files in it are in folders with names of their own
IN_MEMORY = ("tmpfs", "ramfs")


def filesystem(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that `folder` is on, `ext4`; `?` if unknown. See proc(5)."""
    found, longest = "?", -1
    with suppress(OSError):
        for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
            _, point, kind, *_ = line.split(" ")
            point = point.replace("\\040", " ")
            if folder.resolve().is_relative_to(point) and len(point) >= longest:
                found, longest = kind, len(point)
    return found


def memory() -> Path | None:
    """A folder on a file system that is in memory; None where there is none to write to."""
    if filesystem(_SHARED) in IN_MEMORY and os.access(_SHARED, os.W_OK):
        return _SHARED
    return None


def disk() -> Path:
    """The folder for temporary files, which may be in memory as well: ask `filesystem`."""
    return Path(tempfile.gettempdir())
