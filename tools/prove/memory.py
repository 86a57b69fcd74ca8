"""What a local cloud's process and its instances hold in memory, where there is a /proc."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB: of the server's process, and of each process that it has started."""

    server: float
    instances: tuple[float, ...]

    def __str__(self) -> str:
        each = " + ".join(f"{one:.0f}" for one in self.instances) or "0"
        return f"server {self.server:.0f} MB, instances {each} MB"


def measured() -> Memory:
    """As it is now; zeros without a /proc."""
    me = os.getpid()
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):  # processes come and go meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == me:
                children.append(_resident(int(stat.parent.name)))
    return Memory(_resident(me), tuple(sorted(children)))


def _resident(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1024**2
    return 0.0
