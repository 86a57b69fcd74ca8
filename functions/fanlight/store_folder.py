"""A folder as a store. No key leads outside it: not by `..`, not by a link."""

import errno
import itertools
import os
import re
import secrets
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fanlight.errors import KeyRefused, TransientError
from fanlight.folder_names import TEMPORARY, from_path, to_path
from fanlight.folder_walk import check_absent, failure, walk
from fanlight.store import Meta, Object, Wanted, always

_TICK_NS = 20_000_000
"""File times move in ticks of up to 10 ms; two writes within one tick can look the same."""

_REMEMBERED = 1024
"""Folders known to lie inside; a run over a million folders is not to hold them all."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # never wait for a pipe's writer

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""What file systems without hard links answer, such as exFAT."""

_WRITE_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

_IS_PATH = re.compile(r"(?:(?!\.{1,2}/)[^/\x00]+/)*(?!\.{1,2}\Z)[^/\x00]+").fullmatch
"""Segments that are neither empty nor dots: the key is a path that leads nowhere else."""


class FolderStore:
    """The files below `root`. Safe for threads and for several processes on one folder.

    With `escaped`, any key can be stored and names are those of `folder_names`; without, a key is
    a file's path as it stands. Writes replace a file whole; they are not flushed to the disk one
    by one, since a result lost to a power cut is simply made again.
    """

    def __init__(self, root: Path, *, escaped: bool) -> None:
        """`root` need not exist yet; the first write makes it."""
        self._root = os.path.realpath(root)
        self._base = self._root.rstrip("/") + "/"
        self._own, self._numbers = secrets.token_hex(8), itertools.count()
        self._escaped = escaped
        self._known_parents: set[str] = set()
        self.unreadable: dict[str, str] = {}
        self.name = Path(self._root).as_uri()

    def head(self, key: str) -> Meta | None:
        """See `Store.head`."""
        path = self._path(key)
        try:
            if not self._inside(path):
                return None
            status = os.lstat(path)
        except OSError as error:
            check_absent(error)
            return None
        return _meta(key, status) if stat.S_ISREG(status.st_mode) else None

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        """See `Store.get`."""
        path = self._path(key)
        try:
            if not self._inside(path):
                return None
            descriptor = os.open(path, _READ)
        except OSError as error:
            check_absent(error)
            return None
        try:
            return _read(descriptor, key, limit, wanted)
        finally:
            os.close(descriptor)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        """See `Store.put`."""
        path = self._path(key)
        folder = _parent(path)
        unique = f"{self._own}-{os.getpid()}-{next(self._numbers)}"
        temporary = f"{folder}/{TEMPORARY}{unique}"
        try:
            # Asked first: behind a link, not even a folder is made.
            if folder not in self._known_parents:
                if os.path.realpath(folder) != folder:
                    raise KeyRefused(f"{key}: a link in {self._root} leads elsewhere")
                os.makedirs(folder, exist_ok=True)
                self._remember(folder)
            try:
                _write(temporary, data)
            except FileNotFoundError:  # somebody has removed the folder
                os.makedirs(folder, exist_ok=True)
                _write(temporary, data)
            if not if_absent:
                os.replace(temporary, path)
                return True
            return _link(temporary, path, data)
        except OSError as error:
            raise failure(error) from None
        finally:
            with suppress(OSError):
                os.unlink(temporary)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._path(key)
        try:
            if self._inside(path):
                os.unlink(path)
        except OSError as error:
            check_absent(error)

    def list(self, prefix: str) -> Iterator[Meta]:
        """See `Store.list`. Links, pipes and the like are no objects.

        A folder that may not be read is passed over, and stands in `unreadable` with the reason.
        """
        self.unreadable.clear()
        for relative, status in walk(self._root, "", self.unreadable):
            if self._escaped and relative.rpartition("/")[2].startswith(TEMPORARY):
                continue
            key = from_path(relative) if self._escaped else relative
            if key.startswith(prefix):
                yield _meta(key, status)

    def _path(self, key: str) -> str:
        """The absolute path of a key's file."""
        if self._escaped:
            return self._base + to_path(key)
        if os.altsep or not _IS_PATH(key):
            raise KeyRefused(f"{key!r} is not the path of a file in a folder")
        return self._base + key

    def _inside(self, path: str) -> bool:
        """Whether the folder of `path` exists below the root without passing through a link."""
        parent = _parent(path)
        if parent in self._known_parents:
            return True
        if os.path.realpath(parent, strict=True) != parent:
            return False
        self._remember(parent)
        return True

    def _remember(self, folder: str) -> None:
        if len(self._known_parents) >= _REMEMBERED:
            self._known_parents.clear()
        self._known_parents.add(folder)


def _parent(path: str) -> str:
    return path[: path.rindex("/")] or "/"


def _write(path: str, data: bytes) -> None:
    """A new file. Without a file object around it, whose making takes longer than the writing."""
    descriptor = os.open(path, _WRITE_NEW, 0o666)
    try:
        while data := data[os.write(descriptor, data) :]:
            pass
    finally:
        os.close(descriptor)


def _link(temporary: str, path: str, data: bytes) -> bool:
    """Give the file its name unless the name is taken; a rename would replace what is there."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Cut short by a crash, this one is not whole; then it counts as absent and is rewritten.
        try:
            _write(path, data)
        except FileExistsError:
            return False
    return True


def _read(descriptor: int, key: str, limit: int, wanted: Wanted) -> Object | None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    age = time.time_ns() - status.st_ctime_ns
    if 0 <= age < _TICK_NS:
        time.sleep((_TICK_NS - age) / 1e9)
        status = os.fstat(descriptor)
    if status.st_size > limit or not wanted(_meta(key, status)):
        return Object(_meta(key, status), None)
    data = os.read(descriptor, status.st_size + 1)
    while len(data) < status.st_size:
        if not (chunk := os.read(descriptor, status.st_size + 1 - len(data))):
            break
        data += chunk
    version = _version(status)
    # What has been appended since shows in the version.
    if len(data) != status.st_size or version != _version(os.fstat(descriptor)):
        raise TransientError(f"{key} changed while it was read")
    # Tells contents apart. An MD5 would take a tenth of the time of a photograph of 12 megapixels.
    etag = f"{zlib.crc32(data):08X}-{len(data)}"
    return Object(Meta(key, len(data), etag, version, status.st_mtime), data)


def _meta(key: str, status: os.stat_result) -> Meta:
    """Without an ETag: that would take reading the file."""
    return Meta(key, status.st_size, "", _version(status), status.st_mtime)


def _version(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
