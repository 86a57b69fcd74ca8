"""What goes into a zip from where: wheels, sources, our own folders."""

import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fanlight.errors import ConfigError
from tools.packaging.trim import why_left_out
from tools.packaging.wheels import name_and_version
from tools.packaging.zipped import Entry, packed

_PLACED = re.compile(r"^[^/]+\.data/(?:purelib|platlib)/")
"""Where a wheel keeps what belongs beside its other modules (PEP 427)."""

_LOCAL_HEADER = struct.Struct("<26xHH")
"""Of a zip entry's local header: the lengths of its name and of its extra field."""


def library(file: Path) -> Iterator[Entry]:
    """The entries of a wheel or an sdist, without what `trim` leaves out.

    ConfigError for a file that cannot be read, or holds a path that leaves its folder.
    """
    name, version = name_and_version(file)
    try:
        if file.suffix == ".whl":
            yield from _of_wheel(file, f"{name} {version}", name)
        else:
            yield from _of_sources(file, f"{name} {version}", name)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, struct.error, zlib.error) as error:
        raise ConfigError(f"{file} is damaged ({error}); delete it and package again") from None


def folder(root: Path, below: str, component: str) -> Iterator[Entry]:
    """Every file of `root`/`below` but caches and hidden ones, at the same path in the zip."""
    for path in sorted((root / below).rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not _hidden(inside):
            yield packed(inside.as_posix(), component, path.read_bytes())


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _of_wheel(file: Path, component: str, name: str) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as wheel:
        for info in wheel.infolist():
            path = _PLACED.sub("", info.filename)
            if info.is_dir() or why_left_out(name, path):
                continue
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{path} is compressed in an unusual way")
            mode = 0o755 if info.external_attr >> 16 & 0o100 else 0o644
            yield Entry(
                _safe(path, file), component, mode, info.compress_type, info.CRC,
                info.compress_size, info.file_size, _Slice(file, info.header_offset,
                                                           info.compress_size),
            )  # fmt: skip


class _Slice:
    """Reads one entry's bytes out of a wheel, as they are compressed there."""

    def __init__(self, file: Path, header: int, length: int) -> None:
        self._file, self._header, self._length = file, header, length

    def __call__(self) -> bytes:
        with self._file.open("rb") as wheel:
            wheel.seek(self._header)
            name, extra = _LOCAL_HEADER.unpack(wheel.read(_LOCAL_HEADER.size))
            wheel.seek(name + extra, 1)
            return wheel.read(self._length)


def _of_sources(file: Path, component: str, name: str) -> Iterator[Entry]:
    """The package folder that is called like the sdist, its licence and its metadata."""
    about = f"{component.replace(' ', '-')}.dist-info"
    with tarfile.open(file, "r:gz") as sources:
        for member in sources:
            if not member.isfile():
                continue
            inside = PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix()
            if inside == "PKG-INFO":
                path = f"{about}/METADATA"
            elif re.fullmatch(r"LICEN[CS]E\S*", inside):
                path = f"{about}/licenses/{inside}"
            elif inside.startswith(f"{name}/") and not why_left_out(name, inside):
                path = inside
            else:
                continue
            body = sources.extractfile(member)
            assert body  # noqa: S101 - for the type checker: it is a file
            yield packed(_safe(path, file), component, body.read())


def _safe(path: str, file: Path) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\\" in path:
        raise ConfigError(f"{file} holds {path!r}, which leaves its folder; it is not to be used")
    return path
