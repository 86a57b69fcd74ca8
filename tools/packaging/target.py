"""What a package is made for: Linux on x86-64, and one of the platform's two Pythons."""

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

PYTHONS = ("3.12", "3.10")
"""The versions of the built-in runtimes that Fanlight runs on."""

_GLIBC = 28
"""python3.10 runs on Debian 10, glibc 2.28; python3.12 on Debian 11, glibc 2.31."""


@dataclass(frozen=True)
class Target:
    """`python`: one of `PYTHONS`. The machine packages are built on plays no part."""

    python: str

    @property
    def runtime(self) -> str:
        """How a template spells it."""
        return f"python{self.python}"

    @property
    def abi(self) -> str:
        """The CPython ABI that extension modules are named after."""
        return "cp" + self.python.replace(".", "")

    @property
    def platforms(self) -> list[str]:
        """Wheel platforms that run there, the newest glibc first (PEP 600, PEP 599)."""
        newer = [f"manylinux_2_{minor}_x86_64" for minor in range(_GLIBC, 16, -1)]
        return [*newer, "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]

    @property
    def markers(self) -> dict[str, str]:
        """The environment that markers of requirements are read in (PEP 508)."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_system": "Linux",
            "platform_release": "",
            "platform_version": "",
            "sys_platform": "linux",
            "extra": "",
        }

    def rank(self, wheel: str) -> int | None:
        """How well a wheel's file name suits, 0 best; None if it does not run there."""
        tags = parse_wheel_filename(wheel)[3]
        return min((at for at, tag in enumerate(self._tags()) if tag in tags), default=None)

    def _tags(self) -> Iterator[Tag]:
        major, minor = map(int, self.python.split("."))
        yield from cpython_tags((major, minor), [self.abi], self.platforms)
        yield from compatible_tags((major, minor), self.abi, self.platforms)
