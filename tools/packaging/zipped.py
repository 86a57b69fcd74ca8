"""A zip whose bytes follow from its content.

Python's zipfile can only compress anew, which takes a minute, and what comes out depends on the
zlib at hand. Here what a wheel holds deflated is copied as it is. Only our own code and the model
are deflated here: two machines make the same bytes unless their zlib differ (as zlib-ng does), and
then those entries alone differ, not what they hold. Layout: PKWARE APPNOTE 6.3.10, sections 4.3.7
(local header), 4.3.12 (directory) and 4.3.16 (end); sizes below 4 GB, so no ZIP64.
"""

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from fanlight.errors import ConfigError

_DAY = 1 << 5 | 1
"""1 January 1980, the first day a zip can name, as MS-DOS wrote dates; midnight is 0."""

_MADE_BY_UNIX = 3 << 8 | 20
_VERSION = 20
_UTF8 = 1 << 11
_REGULAR_FILE = 0o100000
_MOST_ENTRIES = 0xFFFF
_MOST_BYTES = 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """One file. `body` reads it as it stands in the zip: `method` says deflated or stored."""

    path: str
    component: str
    mode: int
    method: int
    crc: int
    compressed: int
    size: int
    body: Callable[[], bytes]


def packed(path: str, component: str, data: bytes) -> Entry:
    """A file that no wheel holds, deflated at level 9, or stored where that is no smaller."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    method = zipfile.ZIP_DEFLATED
    if len(body) >= len(data):
        body, method = data, zipfile.ZIP_STORED
    return Entry(path, component, 0o644, method, zlib.crc32(data), len(body), len(data),
                 lambda: body)  # fmt: skip


def write_zip(target: Path, entries: Iterable[Entry]) -> None:
    """Write entries, sorted by path, to `target`: whole, or not at all.

    ConfigError when two entries have one path, or there are more than a zip can name.
    """
    ordered = sorted(entries, key=lambda entry: entry.path)
    _check(ordered)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    half = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, ordered)
        _verify(half, ordered)
        half.chmod(0o644)
        half.replace(target)
    except BaseException:  # Ctrl-C too leaves nothing behind
        half.unlink(missing_ok=True)
        raise


def _check(ordered: list[Entry]) -> None:
    for one, next_one in pairwise(ordered):
        if one.path == next_one.path:
            raise ConfigError(f"{one.path} is in both {one.component} and {next_one.component}")
    if len(ordered) > _MOST_ENTRIES or sum(e.compressed for e in ordered) > _MOST_BYTES // 2:
        raise ConfigError("more than a plain zip can hold")


def _write(file: BinaryIO, ordered: list[Entry]) -> None:
    directory = bytearray()
    at = 0
    for entry in ordered:
        name = entry.path.encode()
        fields = struct.pack(
            "<HHHHHIIIHH", _VERSION, _UTF8, entry.method, 0, _DAY, entry.crc, entry.compressed,
            entry.size, len(name), 0,
        )  # fmt: skip
        header = b"PK\3\4" + fields + name
        # After the same fields: comment, disk, internal attributes, then Unix mode and offset.
        directory += b"PK\1\2" + struct.pack("<H", _MADE_BY_UNIX) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, (_REGULAR_FILE | entry.mode) << 16, at) + name
        file.write(header)
        file.write(entry.body())
        at += len(header) + entry.compressed
    file.write(directory)
    count = len(ordered)
    file.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), at, 0))


def _verify(file: Path, ordered: list[Entry]) -> None:
    """Inflate all of it: a damaged download is noticed here, not on the platform."""
    components = {entry.path: entry.component for entry in ordered}
    with zipfile.ZipFile(file) as written:
        for path, component in components.items():
            try:
                with written.open(path) as file_inside:
                    while file_inside.read(1 << 20):
                        pass
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise ConfigError(
                    f"the download of {component} is damaged ({path}: {error}); delete its file "
                    "from the cache, ~/.cache/fanlight/wheels, and package again"
                ) from None
