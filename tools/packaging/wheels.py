"""The target's wheels: from a cache folder, and from the package registry what is not there."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from fanlight.errors import ConfigError
from tools.cache import cache_below
from tools.packaging.target import Target

_SOURCES_ONLY = frozenset({"oss2"})
"""Published as pure Python sources, never as a wheel: its modules are taken as they are."""

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/fanlight/wheels`, else below ~/.cache."""
    return cache_below("wheels")


def fetch(pins: dict[str, str], target: Target, cache: Path, say: Say) -> dict[str, Path]:
    """The file of each name -> version, downloaded unless the cache has it.

    ConfigError when the registry has no wheel for the target, or cannot be reached.
    """
    missing = {
        name: version
        for name, version in pins.items()
        if cached(cache, name, version, target) is None
    }
    for sources in (False, True):
        wanted = [
            f"{name}=={version}"
            for name, version in missing.items()
            if (name in _SOURCES_ONLY) == sources
        ]
        if wanted:
            say(f"downloading for Python {target.python}: {', '.join(wanted)}")
            _download(wanted, _choice(target, sources=sources), cache, target)
    found = {}
    for name, version in pins.items():
        file = cached(cache, name, version, target)
        if file is None:
            raise ConfigError(f"{name} {version} was downloaded, yet it does not suit {target}")
        found[name] = file
    return found


def cached(cache: Path, name: str, version: str, target: Target) -> Path | None:
    """The file in the cache that suits the target best, or None."""
    if not cache.is_dir():
        return None
    ranked = [
        (rank, file)
        for file in sorted(cache.iterdir())
        if (rank := _rank(file.name, name, version, target)) is not None
    ]
    return min(ranked)[1] if ranked else None


def _rank(file: str, name: str, version: str, target: Target) -> int | None:
    try:
        if file.endswith(".whl"):
            this, its, _, _ = parse_wheel_filename(file)
            return target.rank(file) if (this, str(its)) == (name, version) else None
        this, its = parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None  # not one of pip's files
    return 0 if name in _SOURCES_ONLY and (this, str(its)) == (name, version) else None


def _choice(target: Target, *, sources: bool) -> list[str]:
    """Options of pip: the target's wheels and nothing else, or sources."""
    if sources:
        return ["--no-binary=:all:"]
    platforms = [f"--platform={platform}" for platform in target.platforms]
    abis = [f"--abi={abi}" for abi in (target.abi, "abi3", "none")]
    return ["--only-binary=:all:", "--implementation=cp", f"--python-version={target.python}",
            *abis, *platforms]  # fmt: skip


def _download(wanted: list[str], choice: list[str], cache: Path, target: Target) -> None:
    """Into a folder of its own first, so that the cache never holds half a file."""
    if find_spec("pip") is None:
        raise ConfigError("packaging needs pip: python -m ensurepip")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps",
             "--disable-pip-version-check", f"--dest={folder}", *choice, *wanted],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ConfigError(_explained(done.stderr, target))
        for file in Path(folder).iterdir():
            file.replace(cache / file.name)


def _explained(stderr: str, target: Target) -> str:
    """What pip says last, and what to do."""
    said = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    return (
        f"pip cannot get what Python {target.python} on Linux x86-64 needs: "
        f"{said[-1].removeprefix('ERROR: ') if said else 'it gave no reason'}\n"
        "Is the package registry reachable? Else change the version in constraints.txt."
    )


def name_and_version(file: Path) -> tuple[str, str]:
    """Of a wheel or an sdist, read from its file name."""
    if file.suffix == ".whl":
        name, version, _, _ = parse_wheel_filename(file.name)
    else:
        name, version = parse_sdist_filename(file.name)
    return canonicalize_name(name), str(version)
