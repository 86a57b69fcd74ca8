"""Buckets and objects as OSS has them, kept in moto.

moto holds bytes, ETags, times, parts and the order of keys. What S3 has no place for, or what
moto would change on the way (a form's content type makes it parse the body), stands beside it
here: each object's own headers and its CRC. One lock makes every operation atomic.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from threading import RLock
from xml.etree.ElementTree import Element

import crcmod  # type: ignore[import-untyped]

from tools.localcloud.oss_moto import Moto, from_letters, to_letters
from tools.localcloud.oss_request import from_xml, texts, to_xml
from tools.localcloud.oss_types import Entry, OssError, Page, Stored

# CRC-64 of ECMA-182, as OSS and oss2 compute it.
crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF)

_MAX_PARTS = "10000"


@dataclass(frozen=True)
class _Extra:
    headers: Mapping[str, str]
    crc: int


class Store:
    """The buckets of one endpoint. Every method raises OssError for what OSS refuses."""

    def __init__(self) -> None:
        self._moto = Moto()
        self._lock = RLock()
        self._buckets: dict[str, datetime] = {}
        self._extras: dict[tuple[str, str], _Extra] = {}
        self._uploads: dict[str, tuple[str, str, Mapping[str, str]]] = {}

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one's own may be made again, as in OSS."""
        with self._lock:
            if bucket not in self._buckets:
                self._moto.call("PUT", self._moto.path(bucket))
                self._buckets[bucket] = datetime.now(timezone.utc)

    def delete_bucket(self, bucket: str) -> None:
        """Remove an empty bucket."""
        with self._lock:
            self.bucket_created(bucket)
            self._moto.call("DELETE", self._moto.path(bucket))
            del self._buckets[bucket]

    def buckets(self) -> dict[str, datetime]:
        """The names of all buckets in order, and when they were made."""
        with self._lock:
            return dict(sorted(self._buckets.items()))

    def bucket_created(self, bucket: str) -> datetime:
        """When the bucket was made; raises NoSuchBucket."""
        try:
            return self._buckets[bucket]
        except KeyError:
            message = f"The specified bucket does not exist: {bucket}."
            raise OssError(404, "NoSuchBucket", message) from None

    def put(
        self, bucket: str, key: str, body: bytes, headers: Mapping[str, str], *, forbid: bool
    ) -> Stored:
        """Write an object; with `forbid` only if there is none of that key."""
        extra = _Extra(headers, crc64(body))
        with self._lock:
            self._check_free(bucket, key, forbid=forbid)
            _, answer, _ = self._moto.call("PUT", self._moto.path(bucket, key), body=body)
            self._extras[bucket, key] = extra
        return _stored(answer, len(body), extra)

    def head(self, bucket: str, key: str, conditions: Mapping[str, str]) -> tuple[int, Stored]:
        """Status (200 or 304) and object; raises PreconditionFailed."""
        status, stored, _ = self._read("HEAD", bucket, key, conditions)
        return status, stored

    def get(
        self, bucket: str, key: str, conditions: Mapping[str, str]
    ) -> tuple[int, Stored, bytes]:
        """Status (200 or 304), object and content; raises PreconditionFailed."""
        return self._read("GET", bucket, key, conditions)

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        headers: Mapping[str, str] | None,
        *,
        forbid: bool,
    ) -> Stored:
        """Copy an object, with its own headers or with others."""
        with self._lock:
            kept = self._extra(*source)
            self._check_free(*target, forbid=forbid)
            directions = {
                "x-amz-copy-source": self._moto.path(*source),
                "x-amz-metadata-directive": "REPLACE",  # else S3 refuses a copy onto itself
            }
            self._moto.call("PUT", self._moto.path(*target), headers=directions)
            self._extras[target] = _Extra(kept.headers if headers is None else headers, kept.crc)
            return self.head(*target, {})[1]

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there count as removed."""
        listed = [("Object", [("Key", to_letters(key))]) for key in keys]
        with self._lock:
            self.bucket_created(bucket)
            self._moto.call(
                "POST", self._moto.path(bucket), {"delete": ""}, body=to_xml("Delete", listed)
            )
            for key in keys:
                self._extras.pop((bucket, key), None)

    def page(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """Up to `limit` keys and common prefixes in order, from the first one after `after`."""
        query = {"list-type": "2", "max-keys": str(limit), "prefix": to_letters(prefix)}
        if delimiter:
            query["delimiter"] = to_letters(delimiter)
        if after:
            query["start-after"] = to_letters(after)
        with self._lock:
            self.bucket_created(bucket)
            _, _, content = self._moto.call("GET", self._moto.path(bucket), query)
        root = from_xml(content)
        entries = [
            dataclasses.replace(entry, key=from_letters(entry.key))
            for entry in _entries(root, "Key")
        ]
        prefixes = [
            from_letters(text)
            for common in root.iterfind("{*}CommonPrefixes")
            for text in texts(common, "Prefix")
        ]
        truncated = next(iter(texts(root, "IsTruncated"))) == "true"
        names = [entry.key for entry in entries] + prefixes
        last = max(names, key=lambda name: name.encode("utf-8")) if truncated else ""
        return Page(entries, prefixes, last)

    def create_upload(
        self, bucket: str, key: str, headers: Mapping[str, str], *, forbid: bool
    ) -> str:
        """Begin a multipart upload; returns its id."""
        with self._lock:
            self._check_free(bucket, key, forbid=forbid)
            path = self._moto.path(bucket, key)
            _, _, content = self._moto.call("POST", path, {"uploads": ""})
            upload = next(iter(texts(from_xml(content), "UploadId")))
            self._uploads[upload] = (bucket, key, headers)
            return upload

    def put_part(self, bucket: str, key: str, upload: str, number: int, body: bytes) -> str:
        """Write one part; returns its ETag."""
        query = {"uploadId": upload, "partNumber": str(number)}
        with self._lock:
            self._upload_headers(bucket, key, upload)
            _, answer, _ = self._moto.call("PUT", self._moto.path(bucket, key), query, body=body)
        return _etag(answer["etag"])

    def parts(self, bucket: str, key: str, upload: str) -> list[Entry]:
        """The parts that are there, by number."""
        query = {"uploadId": upload, "max-parts": _MAX_PARTS}
        with self._lock:
            self._upload_headers(bucket, key, upload)
            _, _, content = self._moto.call("GET", self._moto.path(bucket, key), query)
        return _entries(from_xml(content), "PartNumber")

    def complete_upload(
        self, bucket: str, key: str, upload: str, parts: Sequence[tuple[int, str]], *, forbid: bool
    ) -> Stored:
        """Make the object of the parts named by number and ETag."""
        listed = [
            ("Part", [("PartNumber", str(number)), ("ETag", f'"{etag.lower()}"')])
            for number, etag in parts
        ]
        body = to_xml("CompleteMultipartUpload", listed)
        with self._lock:
            headers = self._upload_headers(bucket, key, upload)
            self._check_free(bucket, key, forbid=forbid)
            path = self._moto.path(bucket, key)
            self._moto.call("POST", path, {"uploadId": upload}, body=body)
            del self._uploads[upload]
            _, answer, content = self._moto.call("GET", path)
            extra = self._extras[bucket, key] = _Extra(headers, crc64(content))
        return _stored(answer, len(content), extra)

    def abort_upload(self, bucket: str, key: str, upload: str) -> None:
        """Forget an upload and its parts."""
        with self._lock:
            self._upload_headers(bucket, key, upload)
            self._moto.call("DELETE", self._moto.path(bucket, key), {"uploadId": upload})
            del self._uploads[upload]

    def _read(
        self, method: str, bucket: str, key: str, conditions: Mapping[str, str]
    ) -> tuple[int, Stored, bytes]:
        with self._lock:
            extra = self._extra(bucket, key)
            path = self._moto.path(bucket, key)
            status, answer, content = self._moto.call(method, path, headers=conditions)
            if status == 304:  # Flask leaves out what such an answer need not repeat
                _, answer, content = self._moto.call("HEAD", path)
        return status, _stored(answer, int(answer.get("content-length", 0)), extra), content

    def _extra(self, bucket: str, key: str) -> _Extra:
        self.bucket_created(bucket)
        try:
            return self._extras[bucket, key]
        except KeyError:
            raise OssError(404, "NoSuchKey", "The specified key does not exist.") from None

    def _check_free(self, bucket: str, key: str, *, forbid: bool) -> None:
        self.bucket_created(bucket)
        if forbid and (bucket, key) in self._extras:
            message = "The object you specified already exists and can not be overwritten."
            raise OssError(409, "FileAlreadyExists", message)

    def _upload_headers(self, bucket: str, key: str, upload: str) -> Mapping[str, str]:
        self.bucket_created(bucket)
        found = self._uploads.get(upload)
        if found is None or found[:2] != (bucket, key):
            raise OssError(404, "NoSuchUpload", "The specified upload does not exist.")
        return found[2]


def _entries(root: Element, key_tag: str) -> list[Entry]:
    columns = [texts(root, tag) for tag in (key_tag, "LastModified", "ETag", "Size")]
    return [
        Entry(key, modified, _etag(etag), int(size))
        for key, modified, etag, size in zip(*columns, strict=True)
    ]


def _etag(text: str) -> str:
    return text.strip('"').upper()


def _stored(answer: Mapping[str, str], size: int, extra: _Extra) -> Stored:
    return Stored(_etag(answer["etag"]), size, answer["last-modified"], extra.crc, extra.headers)
