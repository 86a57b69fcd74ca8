"""Objects as rows of the index: what finds them, refuses them, writes them and takes them out."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tools.localcloud.oss_types import OssError, Stored


@dataclass(frozen=True)
class Record:
    """An object as the index has it: in a file `blob`, in the row itself, or a link to `target`."""

    stored: Stored
    blob: str | None = None
    content: bytes | None = None  # not filled in by find(): content() reads it
    target: str = ""
    untold: str = ""  # the event to be told of it; not filled in by find()


def require_bucket(rows: sqlite3.Connection, bucket: str) -> int:
    """When the bucket was made, Unix time; raises NoSuchBucket."""
    found = rows.execute("SELECT created FROM buckets WHERE name = ?", (bucket,)).fetchone()
    if found is None:
        message = f"The specified bucket does not exist: {bucket}."
        raise OssError(404, "NoSuchBucket", message)
    created: int = found[0]
    return created


def find(rows: sqlite3.Connection, bucket: str, key: str) -> Record | None:
    """The object of that key, if there is one; raises NoSuchBucket."""
    require_bucket(rows, bucket)
    query = """SELECT etag, size, modified, crc, headers, kind, blob, target
    FROM objects WHERE bucket = ? AND key = ?"""
    found = rows.execute(query, (bucket, key.encode())).fetchone()
    if found is None:
        return None
    etag, size, modified, crc, headers, kind, blob, target = found
    stored = Stored(etag, size, modified, int(crc), json.loads(headers), kind)
    return Record(stored, blob, target=target)


def require(rows: sqlite3.Connection, bucket: str, key: str) -> Record:
    """The object of that key; raises NoSuchBucket and NoSuchKey."""
    record = find(rows, bucket, key)
    if record is None:
        raise OssError(404, "NoSuchKey", "The specified key does not exist.")
    return record


def content(rows: sqlite3.Connection, bucket: str, key: str) -> bytes:
    """The content of an object that has it in its row."""
    query = "SELECT content FROM objects WHERE bucket = ? AND key = ?"
    inline: bytes = rows.execute(query, (bucket, key.encode())).fetchone()[0]
    return inline


def require_free(rows: sqlite3.Connection, bucket: str, key: str, *, forbid: bool) -> None:
    """Raise NoSuchBucket, and with `forbid` FileAlreadyExists if there is an object of that key."""
    if forbid and find(rows, bucket, key) is not None:
        message = "The object you specified already exists and can not be overwritten."
        raise OssError(409, "FileAlreadyExists", message)
    require_bucket(rows, bucket)


def write(rows: sqlite3.Connection, bucket: str, key: str, record: Record) -> list[str]:
    """Put an object in the place of what was there; returns the files no row needs any more."""
    replaced = [name for name in delete(rows, bucket, [key]) if name != record.blob]
    stored = record.stored
    about = (stored.etag, stored.size, stored.modified, str(stored.crc), stored.kind)
    where = (json.dumps(dict(stored.headers)), record.target, record.blob, record.content)
    rows.execute(
        "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (bucket, key.encode(), *about, *where),
    )
    if record.untold:
        values = (bucket, key.encode(), record.untold)
        rows.execute("INSERT INTO untold VALUES (?, ?, ?)", values)
    return replaced


def delete(rows: sqlite3.Connection, bucket: str, keys: Iterable[str]) -> list[str]:
    """Take objects and their untold events out; returns the files no row needs any more."""
    query = "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING blob"
    places = [(bucket, key.encode()) for key in keys]
    found = [rows.execute(query, place).fetchall() for place in places]
    rows.executemany("DELETE FROM untold WHERE bucket = ? AND key = ?", places)
    return [name for gone in found for (name,) in gone if name is not None]


def followed(rows: sqlite3.Connection, bucket: str, key: str) -> tuple[Stored, str, Record]:
    """What a reader is told, and under which key the content is, and how; see Store.get."""
    link = require(rows, bucket, key)
    if link.stored.kind != "Symlink":
        return link.stored, key, link
    record = find(rows, bucket, link.target)
    if record is None:
        raise OssError(404, "SymlinkTargetNotExist", "The symlink target object does not exist")
    if record.stored.kind == "Symlink":
        raise OssError(400, "InvalidTargetType", "The target of a link must not be a link.")
    stored = replace(
        record.stored,
        modified=max(link.stored.modified, record.stored.modified),
        headers=link.stored.headers,
        kind="Symlink",
    )
    return stored, link.target, record


def check_appendable(present: Stored, position: int) -> None:
    """Raise ObjectNotAppendable or PositionNotEqualToLength; see Store.append."""
    if present.kind != "Appendable":
        raise OssError(409, "ObjectNotAppendable", "The object is not appendable.")
    if position != present.size:
        message = "The position is not equal to the length of the object."
        expected = {"x-oss-next-append-position": str(present.size)}
        raise OssError(409, "PositionNotEqualToLength", message, expected)
