"""The machine that figures belong to: without it they say nothing."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fanlight.cores import cores

PACKAGES = ("ai-edge-litert", "numpy", "opencv-python-headless", "oss2", "Pillow", "onnxruntime",
            "tensorflow")  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """`cores`: those this process really has; `load`: processes that wanted one as it began."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str
    versions: dict[str, str]
    load: float

    @property
    def told(self) -> str:
        """In a sentence or two."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gb:.0f} GB, {self.system}, "
            f"Python {self.python}, {versions}. Load at the start: {self.load:.1f}."
        )


def this_machine() -> Machine:
    """The one at hand."""
    return Machine(
        cpu=cpu_name(Path("/proc/cpuinfo")) or platform.processor() or platform.machine(),
        cores=cores(),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions={name: found for name in PACKAGES if (found := _version(name))},
        load=round(os.getloadavg()[0], 2),
    )


def cpu_name(info: Path) -> str:
    """From a file like /proc/cpuinfo; empty where it does not say. Source: proc(5)."""
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
