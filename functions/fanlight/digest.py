"""Digests: of a file's bytes, and of a bundle's files whatever they lie in."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

_CHUNK = 1024 * 1024


def sha256_of(path: Path) -> str:
    """Of a file's content, in hexadecimal; the file may be larger than memory."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def digest_of(folder: Path) -> str:
    """Of every file below a folder, `sha256:...`."""
    return digest(
        (path.relative_to(folder).as_posix(), sha256_of(path))
        for path in folder.rglob("*")
        if path.is_file()
    )


def digest(contents: Iterable[tuple[str, str]]) -> str:
    """Over the sorted (path, SHA-256 of content) pairs: a folder and a zip of it agree."""
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(contents))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()
