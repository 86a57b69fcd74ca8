"""Unpacking a zip that someone else may have made: whole, in its own folder, or not at all."""

import errno
import shutil
import stat
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from fanlight.errors import ConfigError, DamagedZip, NoRoom, UnsafeZip, ZipBomb

MOST_ENTRIES = 100_000
_MOST_RATIO = 100
"""Bytes unpacked for one packed. Libraries and models come to less than 10."""

_UNSUSPICIOUS = 64 * 1024 * 1024
"""Bytes up to which no ratio is suspicious: an empty table packs very well."""

_LONGEST_NAME = 1024
"""Characters, folders included."""

_CHUNK = 1024 * 1024
_THREADS = 4
"""zlib works outside Python's lock, so several files are inflated at once."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack `archive` as `folder`, which appears once everything is in it.

    Entries are checked before a byte is written: DamagedZip, UnsafeZip, ZipBomb, NoRoom.
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            files = _checked(opened, archive, folder.parent)
            part.mkdir(parents=True)
            for parent in sorted({part / name.parent for name in files}):
                parent.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_THREADS) as pool:
                for done in [
                    pool.submit(_write, opened, entry, part / name) for name, entry in files.items()
                ]:
                    done.result()
        part.rename(folder)
    except _DAMAGE as error:
        raise DamagedZip(f"{archive.name} is damaged: {error}") from None
    except OSError as error:
        raise disk_error(error, f"unpacking {archive.name}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, OverflowError,
    RuntimeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What zipfile raises for a zip that is cut, garbled, encrypted or packed in a way unknown.

ValueError: names that are no Unicode, and 64-bit offsets that no file has.
"""


def disk_error(error: OSError, what: str) -> ConfigError:
    """Ours for one of the disk's."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoRoom(f"{what}: the instance's disk is full; set diskSize: 10240 in template.yml")
    return ConfigError(f"{what}: {error.strerror}")


def check_room(needed: int, where: Path, what: str) -> None:
    """NoRoom when the disk that holds `where` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(where).free
    if free < needed:
        raise NoRoom(
            f"{what} needs {_megabytes(needed)} MB of the instance's disk and "
            f"{_megabytes(free)} MB are free; set diskSize: 10240 in template.yml"
        )


def _checked(
    opened: zipfile.ZipFile, archive: Path, where: Path
) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files by their safe names."""
    entries = opened.infolist()
    if len(entries) > MOST_ENTRIES:
        raise ZipBomb(f"{archive.name} has {len(entries)} entries, {MOST_ENTRIES} at most are read")
    total, packed = sum(entry.file_size for entry in entries), archive.stat().st_size
    if total > max(_UNSUSPICIOUS, _MOST_RATIO * packed):
        raise ZipBomb(
            f"{archive.name} would unpack to {_megabytes(total)} MB, over {_MOST_RATIO} times its "
            "own size"
        )
    check_room(total, where, f"unpacking {archive.name}")
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _safe(entry, archive.name)
        if entry.is_dir():
            continue
        if name in files:
            raise UnsafeZip(f"{archive.name}: {entry.filename!r} stands in it twice")
        files[name] = entry
    for name in files:
        if inside := next((parent for parent in name.parents if parent in files), None):
            raise UnsafeZip(f"{archive.name}: '{inside}' is a file and a folder")
    return files


def _safe(entry: zipfile.ZipInfo, archive: str) -> PurePosixPath:
    # orig_filename: zipfile itself cuts a name at a NUL.
    name = entry.orig_filename
    if len(name) > _LONGEST_NAME:
        raise UnsafeZip(f"{archive}: a name of {len(name)} characters stands in it")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile bounds what comes out of deflate alone by what the entry says of its size.
        raise UnsafeZip(f"{archive}: {name!r} is packed in a way that is not read; use deflate")
    parts = name.rstrip("/").split("/")
    if "\\" in name or "\0" in name or ":" in parts[0] or not {"", ".", ".."}.isdisjoint(parts):
        raise UnsafeZip(f"{archive}: {name!r} would lead out of its folder")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeZip(f"{archive}: {name!r} is a link or a device; put the file itself in")
    return PurePosixPath(name.rstrip("/"))


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    """An entry never gives more bytes than it says; its CRC tells when it would have."""
    with opened.open(entry) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)


def _megabytes(size: int) -> int:
    return -(-size // 1_000_000)
