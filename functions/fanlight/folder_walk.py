"""Every file below a folder, and what the system's errors on the way mean."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator

from fanlight.errors import ConfigError, FanlightError, KeyRefused
from fanlight.ordered import ordered


def walk(
    folder: str, prefix: str, unreadable: dict[str, str]
) -> Iterator[tuple[str, os.stat_result]]:
    """Relative path and status of every file, in the order of the paths' bytes.

    A folder of a million files is nothing special: its names are sorted in bounded memory. One that
    may not be read is passed over, and gets its reason in `unreadable`. Links are not followed.
    """
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            names = ordered(_names(entries))
    except PermissionError as error:
        unreadable[prefix] = str(failure(error))
        return
    except OSError as error:
        check_absent(error)
        return
    for name in map(os.fsdecode, names):
        path = f"{folder}/{name}"
        if name.endswith("/"):
            yield from walk(path[:-1], prefix + name, unreadable)
        else:
            try:
                status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - a Path for each file takes longer
            except OSError as error:
                check_absent(error)
                continue
            if stat.S_ISREG(status.st_mode):  # it may have become something else meanwhile
                yield prefix + name, status


def _names(entries: Iterable["os.DirEntry[bytes]"]) -> Iterator[bytes]:
    """The names of files and folders, those of folders with a slash, which orders whole paths."""
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield entry.name + b"/"
        elif entry.is_file(follow_symlinks=False):
            yield entry.name


def check_absent(error: OSError) -> None:
    """Return if the error says that there is nothing at a path; raise ours otherwise."""
    # A file where a folder is expected, a name that is too long, or a link (ELOOP): no object.
    if error.errno not in _ABSENT:
        raise failure(error) from None


_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


def failure(error: OSError) -> FanlightError:
    """Ours for one of the system's: of one file, if that may not be used, else of a setting."""
    name = error.filename  # bytes where a folder is listed
    path = os.fsdecode(name) if isinstance(name, bytes) else name
    if isinstance(error, PermissionError) and path:
        return KeyRefused(f"{path}: permission denied; let this user read and write it")
    what = f"{error.strerror}: {path}" if path else str(error)
    return ConfigError(f"{what}; check the path, its permissions and the room on the disk")
