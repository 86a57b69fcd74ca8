"""Plans into zips."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fanlight.bundle import Bundle
from fanlight.digest import sha256_of
from fanlight.errors import ConfigError
from tools.packaging.bytecode import bytecode
from tools.packaging.components import BACKENDS, IMAGES, LIBRARIES, OSS
from tools.packaging.contents import folder, library
from tools.packaging.limits import PACKAGE_LARGE
from tools.packaging.plan import Package
from tools.packaging.target import Target
from tools.packaging.zipped import Entry, packed, write_zip

_COMPILED = {"crcmod-plus": "crcmod/_crcfunext."}
"""Libraries that go on, hundreds of times slower, without their extension module."""


@dataclass(frozen=True)
class Part:
    """One component of a zip: its bytes in there, and unpacked."""

    name: str
    version: str
    compressed: int
    size: int


@dataclass(frozen=True)
class Built:
    """A zip that has been written. `sha256`: of its bytes, hexadecimal."""

    path: Path
    parts: tuple[Part, ...]
    compressed: int
    sha256: str

    @property
    def size(self) -> int:
        """Bytes when unpacked."""
        return sum(part.size for part in self.parts)


def build(
    package: Package,
    files: dict[str, Path],
    target: Target,
    source: Path,
    python: Path | None = None,
) -> Built:
    """Write a function's zip where its template says.

    `files`: each library's, as `wheels.fetch` gives them. `python`: an interpreter of the target's
    version, if bytecode is to go in as well. ConfigError when the zip is too large for every
    region, or a library lacks its extension.
    """
    entries: list[Entry] = []
    for name in package.code:
        if (source / name).is_dir():
            entries += folder(source, name, "fanlight")
        else:
            entries.append(packed(name, "fanlight", (source / name).read_bytes()))
    if package.model:
        bundle = Bundle.read(source / package.model)
        entries += folder(source, package.model, f"model:{bundle.name} {bundle.version}")
    entries += libraries(package.libraries, files, target)
    if python:
        entries += bytecode(entries, python, target)
    too_large(package.function.code.name, entries)
    return written(package.function.code, entries)


def libraries(names: Iterable[str], files: dict[str, Path], target: Target) -> list[Entry]:
    """The entries of libraries; ConfigError when one is not compiled for the target."""
    entries: list[Entry] = []
    for name in names:
        its = list(library(files[name]))
        check_compiled(name, [entry.path for entry in its], target)
        entries += its
    return entries


def check_compiled(name: str, paths: list[str], target: Target) -> None:
    """Refuse extension modules of another Python, and the lack of one that must be there."""
    for path in paths:
        _, marked, rest = path.rpartition("/")[2].partition(".cpython-")
        if marked and not rest.startswith(f"{target.abi[2:]}-x86_64-linux-gnu.so"):
            raise ConfigError(f"{name}: {path} is not made for Python {target.python} on x86-64")
    needed = _COMPILED.get(name)
    suffixes = ("abi3.so", f"cpython-{target.abi[2:]}-x86_64-linux-gnu.so")
    if needed and not any(needed + suffix in paths for suffix in suffixes):
        raise ConfigError(
            f"{name} has no extension module for Python {target.python}, and would be hundreds of "
            "times slower; pin a version that has a manylinux wheel"
        )


def too_large(name: str, entries: list[Entry]) -> None:
    """Refuse what no region takes, before it is written."""
    total = sum(entry.compressed for entry in entries)
    if total > PACKAGE_LARGE:
        raise ConfigError(
            f"{name} would have {total / 1e6:,.0f} MB; no region takes more than "
            f"{PACKAGE_LARGE / 1e6:,.0f}. Keep the model in OSS: `fanlight model publish`, then "
            "FANLIGHT_MODEL: oss://bucket/key.zip#sha256=..."
        )


def library_names(zip_name: str) -> list[str]:
    """What a zip of libraries holds: all that the function's own package does not."""
    package = {*OSS, *IMAGES, *BACKENDS[zip_name]}
    return [name for name in LIBRARIES[zip_name] if name not in package]


def written(path: Path, entries: list[Entry]) -> Built:
    """Write a zip, and say what is in it, the largest component first."""
    write_zip(path, entries)
    sums: dict[str, tuple[int, int]] = {}
    for entry in entries:
        compressed, size = sums.get(entry.component, (0, 0))
        sums[entry.component] = (compressed + entry.compressed, size + entry.size)
    parts = [
        Part(name.partition(" ")[0].replace(":", " "), name.partition(" ")[2], compressed, size)
        for name, (compressed, size) in sums.items()
    ]
    parts.sort(key=lambda part: (-part.compressed, part.name))
    return Built(path, tuple(parts), path.stat().st_size, sha256_of(path))
