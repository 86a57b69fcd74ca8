"""Processes as /proc tells of them; none where there is no /proc. Source: proc(5), stat."""

import os
from pathlib import Path


def stat_of(folder: Path) -> tuple[str, int] | None:
    """State, in a letter, and parent of what has that folder in /proc; None if it has ended."""
    try:
        state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):  # it has ended meanwhile
        return None
    return state, int(parent)


def children(pid: int | None = None) -> list[int]:
    """The processes that a process has started, this one if none is named."""
    parent = os.getpid() if pid is None else pid
    found = ((stat_of(folder), folder) for folder in Path("/proc").glob("[0-9]*"))
    return sorted(int(folder.name) for stat, folder in found if stat and stat[1] == parent)


def lives(pid: int) -> bool:
    """Whether it is there, and no zombie that nobody has asked after yet."""
    stat = stat_of(Path(f"/proc/{pid}"))
    return stat is not None and stat[0] != "Z"
