"""How many cores this process really has: a container's share, not the machine it lies on.

Sources: sched_getaffinity(2), cgroups(7), and the kernel's cgroup-v2.rst (cpu.max) and
sched-bwc.rst (cpu.cfs_quota_us of cgroup v1).
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_MEMBERSHIP = "proc/self/cgroup"
_MOUNT = "sys/fs/cgroup"


def cores(root: Path = Path("/")) -> int:
    """The least of what affinity and the cgroups allow, a fraction rounded up; 1 or more.

    `root`: where proc and sys are found.
    """
    return max(1, math.ceil(min(_runnable(), quota(root))))


def _runnable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(root: Path) -> float:
    """Cores' worth of time that the process's cgroups grant; infinity where none sets a limit."""
    try:
        membership = (root / _MEMBERSHIP).read_text("utf-8", "surrogateescape")
    except OSError:
        return math.inf
    granted = (_granted(root / _MOUNT / folder) for folder in _folders(membership))
    return min(granted, default=math.inf)


def _folders(membership: str) -> Iterator[PurePosixPath]:
    """Where limits may stand, below the mount point: each group's folder and those above it.

    A container sees its own group as the topmost, though its path may be the host's; the folders
    of that path are then not there, and the topmost says it all.
    """
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [PurePosixPath(), PurePosixPath("unified")]
        elif "cpu" in controllers.split(","):
            mounts = [PurePosixPath("cpu"), PurePosixPath(controllers)]
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        if ".." in group.parts:  # a group outside of what this container sees
            group = PurePosixPath()
        for mount in mounts:
            yield from (mount / level for level in (group, *group.parents))


def _granted(folder: Path) -> float:
    with suppress(OSError):
        return share(*(folder / "cpu.max").read_text("ascii").split()[:2])
    with suppress(OSError):
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        return share(*((folder / name).read_text("ascii") for name in names))
    return math.inf


def share(allowed: str, period: str) -> float:
    """Microseconds in each period, as cores; infinity for `max`, -1 and what is no number."""
    try:
        found = int(allowed) / int(period)
    except (ValueError, ZeroDivisionError):
        return math.inf
    return found if found > 0 else math.inf
