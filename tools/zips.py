"""Zips that are the same whenever their content is."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can give; every entry has it."""

_CHUNK = 1024 * 1024


def zip_folder(folder: Path, target: Path) -> None:
    """Pack every file below `folder`, sorted, stored as it is: weights hardly get smaller."""
    names = sorted(
        (path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()
    )
    write_zip(names, target)


def write_zip(files: Iterable[tuple[str, Path]], target: Path) -> None:
    """Pack (name, file) pairs in their order, without the files' times and permissions."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name, path in files:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o100644 << 16
            # Told beforehand, so that only huge files get zip64 fields, which not every Python
            # writes alike.
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, packed.open(entry, "w") as out:
                while chunk := source.read(_CHUNK):
                    out.write(chunk)
