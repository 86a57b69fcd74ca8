"""The index of the store: what there is, in SQLite. Content lies beside it, in files.

A change is on disk as far as the operating system is concerned once it is committed, so what was
answered survives a kill of the process at any moment. It need not survive a loss of power: neither
the log nor the files are forced onto the disk.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from fanlight.errors import ConfigError

# Keys are the bytes of their UTF-8: SQLite compares blobs byte by byte, which is OSS's order.
# A CRC takes 64 bits without sign, which SQLite's integers do not have: hence text.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, crc TEXT NOT NULL, kind TEXT NOT NULL, headers TEXT NOT NULL,
    target TEXT NOT NULL, blob TEXT, content BLOB,
    PRIMARY KEY (bucket, key)
);
CREATE TABLE IF NOT EXISTS untold (
    bucket TEXT NOT NULL, key BLOB NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
);
CREATE TABLE IF NOT EXISTS uploads (
    bucket TEXT NOT NULL, key BLOB NOT NULL, id TEXT NOT NULL, modified INTEGER NOT NULL,
    headers TEXT NOT NULL,
    PRIMARY KEY (bucket, key, id)
);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, blob TEXT NOT NULL,
    PRIMARY KEY (upload, number)
);
"""

# What a listing goes through: (bucket, first key, end) -> rows in order, the key first.
OBJECTS = """SELECT key, modified, etag, size, kind FROM objects
WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key"""
UPLOADS = """SELECT key, id, modified FROM uploads
WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, id"""

Row = tuple[Any, ...]


class Index:
    """The tables in `file`. One connection and one lock: every operation is atomic."""

    def __init__(self, file: Path) -> None:
        """ConfigError if the file is no such index, or a damaged one."""
        self._lock = RLock()
        try:
            self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._connection.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _SCHEMA
            )
        except sqlite3.Error as error:
            raise ConfigError(f"{file}: {error}") from None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; nothing changes meanwhile."""
        with self._lock:
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock within a transaction, which an exception undoes."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def blobs(self) -> set[str]:
        """The names of all files that rows speak of."""
        query = "SELECT blob FROM objects WHERE blob IS NOT NULL UNION SELECT blob FROM parts"
        with self.reading() as rows:
            return {name for (name,) in rows.execute(query)}

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._connection.close()


def walk(
    rows: sqlite3.Connection, query: str, bucket: str, place: tuple[str, str], first: bytes
) -> Iterator[tuple[str, Row | None]]:
    """Names in order from `first`: keys with their rows, common prefixes with None.

    `query` is OBJECTS or UPLOADS, `place` a prefix and a delimiter. The keys under a common prefix
    are not looked at one by one: the search goes on behind the last that there could be.
    """
    prefix, delimiter = (text.encode() for text in place)
    first, end = max(first, prefix), _behind(prefix)
    while True:
        for row in rows.execute(query, (bucket, first, end)):
            common = _common(row[0], prefix, delimiter)
            if common:
                yield common.decode(), None
                first = _behind(common)
                break
            yield row[0].decode(), row
        else:
            return


def first_after(marker: str, place: tuple[str, str]) -> bytes:
    """Where a listing starts that is to go on after `marker`, a key or a common prefix.

    A common prefix that the marker lies in comes before the marker, so it is over.
    """
    prefix, delimiter = (text.encode() for text in place)
    common = _common(marker.encode(), prefix, delimiter)
    if common:
        return _behind(common)
    return marker.encode() + b"\0" if marker else b""


def _common(key: bytes, prefix: bytes, delimiter: bytes) -> bytes:
    found = key.find(delimiter, len(prefix)) if delimiter and key.startswith(prefix) else -1
    return b"" if found < 0 else key[: found + len(delimiter)]


def _behind(prefix: bytes) -> bytes:
    # The first bytes after everything that starts so; no UTF-8 has 0xFF, so one more always fits.
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else b"\xff"
