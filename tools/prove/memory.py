"""What a local cloud's process and its instances hold in memory, where there is a /proc."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.processes import children

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
    return Memory(_resident(os.getpid()), tuple(sorted(map(_resident, children()))))


def _resident(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1024**2
    return 0.0
