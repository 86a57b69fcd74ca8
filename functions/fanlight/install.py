"""Zips from OSS onto the instance's disk: downloaded in parts, checked, unpacked once."""

import errno
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from fanlight.archive import Archive
from fanlight.digest import sha256_of
from fanlight.errors import ConfigError, WrongDigest
from fanlight.store import Meta
from fanlight.unzip import check_room, disk_error, unpack

PART = 8 * 1024 * 1024
"""Bytes asked for at once."""

THREADS = 8
"""Parts under way at once: one connection gives a fraction of what the network does."""


class Ranges(Protocol):
    """A store that can be read in parts."""

    def head(self, key: str) -> Meta | None:
        """What the object is; None if there is none."""

    def read_range(self, key: str, start: int, stop: int, etag: str) -> bytes | None:
        """Bytes `start` to `stop`, the latter not included, while the ETag is still `etag`."""


OpenStore = Callable[[str], Ranges]
"""A bucket's name -> its store."""


def install(archive: Archive, open_store: OpenStore, root: Path | None = None) -> Path:
    """The folder with the zip's content, made if this instance has not made it yet.

    `root`: where on the disk; by default a folder of temporary files. Raises WrongDigest before
    anything is unpacked, what `unpack` raises, and ConfigError when there is no such object.
    """
    root = root or Path(tempfile.gettempdir(), "fanlight")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.stat().st_uid != os.getuid():  # code is imported from there
        raise ConfigError(f"{root} belongs to someone else; set TMPDIR to a folder of your own")
    folder = root / archive.sha256
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=root) as scratch:
        path = Path(scratch, archive.key.rpartition("/")[2])
        _download(archive, open_store(archive.bucket), path)
        found = sha256_of(path)
        if found != archive.sha256:
            raise WrongDigest(
                f"{archive}: the object has sha256={found}; publish it again and set what that "
                "prints, or set this digest if the object is what you mean to run"
            )
        whole = Path(scratch, "whole")
        unpack(path, whole)
        _keep(whole, folder)
    return folder


def _keep(whole: Path, folder: Path) -> None:
    try:
        whole.rename(folder)
    except OSError:
        if not folder.is_dir():  # another process of this machine was faster
            raise


def _download(archive: Archive, store: Ranges, path: Path) -> None:
    meta = store.head(archive.key)
    if meta is None:
        raise ConfigError(f"{archive}: there is no such object; publish it, or correct the key")
    check_room(meta.size, path.parent, f"downloading {path.name}")
    with path.open("wb") as file:
        os.truncate(file.fileno(), meta.size)

        def part(start: int) -> None:
            stop = min(start + PART, meta.size)
            data = store.read_range(archive.key, start, stop, meta.etag)
            if data is None:
                raise ConfigError(f"{archive}: the object was deleted while it was read")
            if os.pwrite(file.fileno(), data, start) != len(data):
                raise OSError(errno.ENOSPC, "the disk took a part of it")

        try:
            with ThreadPoolExecutor(THREADS) as pool:
                for done in [pool.submit(part, start) for start in range(0, meta.size, PART)]:
                    done.result()
        except OSError as error:
            raise disk_error(error, f"downloading {path.name}") from None
