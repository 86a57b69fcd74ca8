"""Buckets and objects as OSS has them, on disk: an index in SQLite, large content in files.

With a folder, what was answered is there again after the process was killed at any moment.
"""

import fcntl
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from functools import reduce
from itertools import islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

from tools.localcloud import oss_rows
from tools.localcloud.body import Body, crc64
from tools.localcloud.oss_blobs import Blobs
from tools.localcloud.oss_index import OBJECTS, Index, first_after, walk
from tools.localcloud.oss_parts import Multipart
from tools.localcloud.oss_rows import Record
from tools.localcloud.oss_types import Entry, OssError, Page, Stored
from tools.localcloud.oss_untold import Untold

_INLINE = 64 * 1024  # bytes; longer content has a file of its own


class Store:
    """The buckets of one endpoint. Every method raises OssError for what OSS refuses.

    `folder` is made if it is not there, and belongs to one store at a time: OSError for a second.
    Without one, everything goes with the store.
    """

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since 1970, for what is stored."""
        self._clock = clock
        self._remove: Callable[[], object] | None = None
        if folder is None:
            folder = Path(mkdtemp(prefix="localcloud-"))
            # Also for a store that nobody closes: then with the object, or with the process.
            self._remove = finalize(self, rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._claim = (folder / "lock").open("w")
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._claim.close()
            raise OSError(f"{folder} is in use by another local cloud") from None
        self._index = Index(folder / "index.sqlite")
        self._blobs = Blobs(folder)
        self._blobs.sweep(self._index.blobs())
        self.multipart = Multipart(self._index, self._blobs, self._now)
        self.untold = Untold(self._index)
        self.arriving = self._blobs.arriving  # where bodies are spooled that put() is to take
        self.on_deleted: list[Callable[[str, Sequence[str]], None]] = []  # told bucket and keys

    def close(self) -> None:
        """Let go of the folder; without one of its own, remove everything."""
        self._index.close()
        self._claim.close()
        if self._remove is not None:
            self._remove()

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one's own may be made again, as in OSS."""
        with self._index.writing() as rows:
            rows.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?)", (bucket, self._now()))

    def delete_bucket(self, bucket: str) -> None:
        """Remove an empty bucket, without uploads either."""
        with self._index.writing() as rows:
            oss_rows.require_bucket(rows, bucket)
            for table in ("objects", "uploads"):
                query = f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1"  # noqa: S608
                if rows.execute(query, (bucket,)).fetchone():
                    message = "The bucket you tried to delete is not empty."
                    raise OssError(409, "BucketNotEmpty", message)
            rows.execute("DELETE FROM buckets WHERE name = ?", (bucket,))

    def buckets(self) -> dict[str, datetime]:
        """The names of all buckets in order, and when they were made."""
        with self._index.reading() as rows:
            found = rows.execute("SELECT name, created FROM buckets ORDER BY name").fetchall()
        return {name: datetime.fromtimestamp(created, timezone.utc) for name, created in found}

    def bucket_created(self, bucket: str) -> datetime:
        """When the bucket was made; raises NoSuchBucket."""
        with self._index.reading() as rows:
            return datetime.fromtimestamp(oss_rows.require_bucket(rows, bucket), timezone.utc)

    def put(  # noqa: PLR0913 - what is written, and by name how
        self,
        bucket: str,
        key: str,
        body: Body,
        headers: Mapping[str, str],
        *,
        forbid: bool,
        untold: str = "",
    ) -> Stored:
        """Write an object; with `forbid` only if there is none of that key.

        `untold`, here and below: the event that `self.untold` has until it is told.
        """
        etag, crc = body.md5.hex().upper(), body.crc
        with self._blobs.fresh() as fresh, self._index.writing() as rows:
            oss_rows.require_free(rows, bucket, key, forbid=forbid)
            stored = Stored(etag, body.size, self._now(), crc, headers)
            if body.size > _INLINE:
                record = Record(stored, blob=fresh.keep(body), untold=untold)
            else:
                record = Record(stored, content=body.read(), untold=untold)
            replaced = oss_rows.write(rows, bucket, key, record)
        self._blobs.remove(replaced)
        return stored

    def append(  # noqa: PLR0913 - what is written, and by name how
        self,
        bucket: str,
        key: str,
        position: int,
        body: Body,
        headers: Mapping[str, str],
        *,
        untold: str = "",
    ) -> Stored:
        """Add to the end of an object, or begin one, which then has these headers.

        Raises ObjectNotAppendable, and PositionNotEqualToLength unless the object has `position`
        bytes (none: 0); that error's headers say how many it has.
        """
        with self._blobs.fresh() as fresh, self._index.writing() as rows:
            record = oss_rows.find(rows, bucket, key)
            record = record or Record(Stored("", 0, 0, 0, headers, "Appendable"))
            present = record.stored
            oss_rows.check_appendable(present, position)
            blob = record.blob or fresh.keep(Body())
            self._blobs.append(blob, position, body)
            etag = hashlib.md5(present.etag.encode() + body.md5, usedforsecurity=False)
            stored = replace(
                present,
                etag=etag.hexdigest().upper(),
                size=position + body.size,
                modified=self._now(),
                crc=reduce(lambda crc, piece: crc64(piece, crc), body, present.crc),
            )
            oss_rows.write(rows, bucket, key, Record(stored, blob, untold=untold))
        return stored

    def put_symlink(  # noqa: PLR0913 - what is written, and by name how
        self,
        bucket: str,
        key: str,
        target: str,
        headers: Mapping[str, str],
        *,
        forbid: bool,
        untold: str = "",
    ) -> Stored:
        """Write a link to another key of the bucket, which need not be there."""
        digest = hashlib.md5(target.encode(), usedforsecurity=False)
        with self._index.writing() as rows:
            oss_rows.require_free(rows, bucket, key, forbid=forbid)
            stored = Stored(digest.hexdigest().upper(), 0, self._now(), 0, headers, "Symlink")
            record = Record(stored, target=target, untold=untold)
            replaced = oss_rows.write(rows, bucket, key, record)
        self._blobs.remove(replaced)
        return stored

    def symlink(self, bucket: str, key: str) -> tuple[str, Stored]:
        """What a link points to, and the link itself; raises NotSymlink."""
        with self._index.reading() as rows:
            record = oss_rows.require(rows, bucket, key)
        if record.stored.kind != "Symlink":
            raise OssError(400, "NotSymlink", "The object is not a symbolic link.")
        return record.target, record.stored

    def head(self, bucket: str, key: str) -> Stored:
        """An object; for a link, what get() says."""
        with self._index.reading() as rows:
            return oss_rows.followed(rows, bucket, key)[0]

    def get(self, bucket: str, key: str) -> tuple[Stored, Body]:
        """An object and its content, to be closed by the caller.

        A link gives its target's content, size, ETag and CRC, the later of both times, and its own
        headers. Raises SymlinkTargetNotExist, and InvalidTargetType for a link to a link.
        """
        with self._index.reading() as rows:
            stored, place, record = oss_rows.followed(rows, bucket, key)
            if record.blob is not None:
                return stored, self._blobs.open(record.blob, stored.size)
            return stored, Body(oss_rows.content(rows, bucket, place))

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        headers: Mapping[str, str] | None,
        *,
        forbid: bool,
        untold: str = "",
    ) -> Stored:
        """Copy an object, with its own headers or with others; a link is copied as a link."""
        with self._blobs.fresh() as fresh, self._index.writing() as rows:
            record = oss_rows.require(rows, *source)
            oss_rows.require_free(rows, *target, forbid=forbid)
            stored = replace(record.stored, modified=self._now())
            if headers is not None:
                stored = replace(stored, headers=headers)
            blob = record.blob and fresh.link(record.blob)
            if blob is not None and stored.kind == "Appendable":
                with closing(self._blobs.open(blob, stored.size)) as body:
                    stored = replace(stored, kind="Normal", etag=body.md5.hex().upper())
            inline = None if blob is not None else oss_rows.content(rows, *source)
            copied = Record(stored, blob, inline, record.target, untold)
            replaced = oss_rows.write(rows, *target, copied)
        self._blobs.remove(replaced)
        return stored

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there count as removed."""
        with self._index.writing() as rows:
            oss_rows.require_bucket(rows, bucket)
            gone = oss_rows.delete(rows, bucket, keys)
        self._blobs.remove(gone)
        for told in self.on_deleted:
            told(bucket, keys)

    def page(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """Up to `limit` keys and common prefixes in order, from the first one after `after`."""
        place = (prefix, delimiter)
        with self._index.reading() as rows:
            oss_rows.require_bucket(rows, bucket)
            names = walk(rows, OBJECTS, bucket, place, first_after(after, place))
            found = list(islice(names, limit + 1))
        shown = found[:limit]
        return Page(
            [Entry(name, *row[1:]) for name, row in shown if row is not None],
            [name for name, row in shown if row is None],
            shown[-1][0] if len(found) > limit else "",
        )

    def _now(self) -> int:
        return int(self._clock())
