"""Multipart uploads: begun, filled part by part, made an object or given up."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from sqlite3 import Connection

from tools.localcloud import oss_rows
from tools.localcloud.body import Body
from tools.localcloud.oss_blobs import Blobs
from tools.localcloud.oss_index import UPLOADS, Index, Row, first_after, walk
from tools.localcloud.oss_rows import Record
from tools.localcloud.oss_types import Entry, OssError, Page, Stored, Upload, UploadPage

MIN_PART = 100 * 1024  # bytes, for all parts but the last


class Multipart:
    """The uploads of one store. Every method raises OssError for what OSS refuses."""

    def __init__(self, index: Index, blobs: Blobs, now: Callable[[], int]) -> None:
        self._index, self._blobs, self._now = index, blobs, now

    def create(self, bucket: str, key: str, headers: Mapping[str, str], *, forbid: bool) -> str:
        """Begin an upload; returns its id."""
        upload = secrets.token_hex(16).upper()
        with self._index.writing() as rows:
            oss_rows.require_free(rows, bucket, key, forbid=forbid)
            values = (bucket, key.encode(), upload, self._now(), json.dumps(dict(headers)))
            rows.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)", values)
        return upload

    def put_part(self, bucket: str, key: str, upload: str, number: int, body: Body) -> str:
        """Write one part, in the place of one of that number; returns its ETag."""
        etag = body.md5.hex().upper()
        blob = self._blobs.keep(body)  # outside the lock: it may be a copy of gigabytes
        unneeded = [blob]
        try:
            with self._index.writing() as rows:
                _headers(rows, bucket, key, upload)
                replaced = "DELETE FROM parts WHERE upload = ? AND number = ? RETURNING blob"
                old = [name for (name,) in rows.execute(replaced, (upload, number)).fetchall()]
                values = (upload, number, etag, body.size, self._now(), blob)
                rows.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)", values)
            unneeded = old
        finally:
            self._blobs.remove(unneeded)
        return etag

    def parts(self, bucket: str, key: str, upload: str, after: int = 0, limit: int = 1000) -> Page:
        """Up to `limit` parts with numbers above `after`; Page.last is the last number, as text."""
        query = """SELECT number, modified, etag, size FROM parts
        WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"""
        with self._index.reading() as rows:
            _headers(rows, bucket, key, upload)
            found = rows.execute(query, (upload, after, limit + 1)).fetchall()
        entries = [Entry(str(number), *about) for number, *about in found[:limit]]
        return Page(entries, [], entries[-1].key if len(found) > limit else "")

    def complete(  # noqa: PLR0913 - what is written, and by name how
        self,
        bucket: str,
        key: str,
        upload: str,
        parts: Sequence[tuple[int, str]],
        *,
        forbid: bool,
        untold: str = "",
    ) -> Stored:
        """Make the object of the parts named by number and ETag; `untold` as for Store.put."""
        with self._index.reading() as rows:
            _headers(rows, bucket, key, upload)
            oss_rows.require_free(rows, bucket, key, forbid=forbid)
            chosen = _chosen(rows, upload, parts)
        digests = b"".join(bytes.fromhex(etag) for etag, _, _ in chosen)
        digest = hashlib.md5(digests, usedforsecurity=False).hexdigest().upper()
        try:  # outside the lock: it may be a copy of gigabytes
            joined = self._blobs.join((blob, size) for _, size, blob in chosen)
        except FileNotFoundError:  # another request replaced a part or ended the upload
            raise OssError(400, "InvalidPart", _INVALID) from None
        with (
            closing(joined) as body,
            self._blobs.fresh() as fresh,
            self._index.writing() as rows,
        ):
            headers = _headers(rows, bucket, key, upload)
            oss_rows.require_free(rows, bucket, key, forbid=forbid)
            if _chosen(rows, upload, parts) != chosen:
                raise OssError(400, "InvalidPart", _INVALID)
            now, etag = self._now(), f"{digest}-{len(chosen)}"
            stored = Stored(etag, body.size, now, body.crc, headers, "Multipart")
            record = Record(stored, fresh.keep(body), untold=untold)
            unneeded = oss_rows.write(rows, bucket, key, record)
            unneeded += _forget(rows, bucket, key, upload)
        self._blobs.remove(unneeded)
        return stored

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Forget an upload and its parts."""
        with self._index.writing() as rows:
            _headers(rows, bucket, key, upload)
            unneeded = _forget(rows, bucket, key, upload)
        self._blobs.remove(unneeded)

    def uploads(
        self,
        bucket: str,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> UploadPage:
        """Up to `limit` uploads and common prefixes, by key, those of one key by id.

        `after`: key and id of an upload; without the id, those of that key are over.
        """
        key_marker, upload_marker = after
        place = (prefix, delimiter)
        first = first_after(key_marker, place)
        if upload_marker:  # from the very key, not from the next there could be
            first = first.removesuffix(b"\0")
        with self._index.reading() as rows:
            oss_rows.require_bucket(rows, bucket)
            names = walk(rows, UPLOADS, bucket, place, first)
            rest = (
                (name, row)
                for name, row in names
                if row is None or name != key_marker or row[1] > upload_marker
            )
            found = list(islice(rest, limit + 1))
        return _page(found[:limit], more=len(found) > limit)


_INVALID = "One or more of the specified parts could not be found or the ETag did not match."


def _page(shown: Sequence[tuple[str, Row | None]], *, more: bool) -> UploadPage:
    key, row = shown[-1] if more else ("", None)
    return UploadPage(
        [Upload(name, *about[1:]) for name, about in shown if about is not None],
        [name for name, about in shown if about is None],
        (key, row[1] if row is not None else ""),
    )


def _headers(rows: Connection, bucket: str, key: str, upload: str) -> Mapping[str, str]:
    oss_rows.require_bucket(rows, bucket)
    query = "SELECT headers FROM uploads WHERE bucket = ? AND key = ? AND id = ?"
    found = rows.execute(query, (bucket, key.encode(), upload)).fetchone()
    if found is None:
        raise OssError(404, "NoSuchUpload", "The specified upload does not exist.")
    headers: Mapping[str, str] = json.loads(found[0])
    return headers


def _chosen(
    rows: Connection, upload: str, parts: Sequence[tuple[int, str]]
) -> list[tuple[str, int, str]]:
    """ETag, size and file of each part; raises InvalidPart and EntityTooSmall."""
    query = "SELECT number, etag, size, blob FROM parts WHERE upload = ?"
    there = {number: tuple(about) for number, *about in rows.execute(query, (upload,))}
    chosen = [there.get(number, ("", 0, "")) for number, _ in parts]
    if not chosen or [one[0] for one in chosen] != [etag.strip('"').upper() for _, etag in parts]:
        raise OssError(400, "InvalidPart", _INVALID)
    if any(size < MIN_PART for _, size, _ in chosen[:-1]):
        raise OssError(400, "EntityTooSmall", "A part but the last is smaller than 100 KB.")
    return chosen


def _forget(rows: Connection, bucket: str, key: str, upload: str) -> list[str]:
    found = rows.execute("DELETE FROM parts WHERE upload = ? RETURNING blob", (upload,)).fetchall()
    query = "DELETE FROM uploads WHERE bucket = ? AND key = ? AND id = ?"
    rows.execute(query, (bucket, key.encode(), upload))
    return [name for (name,) in found]
