"""An OSS bucket as a store, through oss2."""

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import requests
import urllib3

from fanlight.connections import SIZE, Connections, detoured
from fanlight.errors import ConfigError, FanlightError, KeyRefused, TransientError, Unsettled
from fanlight.oss_sdk import oss2
from fanlight.refusals import ADVICE, refusal
from fanlight.retry import Retry, Unreachable
from fanlight.store import Meta, Object, Wanted, always

T = TypeVar("T")

# At DEBUG, which a function's own settings may ask for, oss2 writes what it signs: tokens too.
logging.getLogger("oss2").setLevel(logging.WARNING)

_TIMEOUT = 20
"""Seconds without a byte from OSS before a request is given up and repeated."""

_SMALL = 64 * 1024
"""Bytes. What is not wanted of so small a body has arrived already; a larger one costs a new
connection, since what is left of it is never sent. Linux offers a sender this much at first."""


@dataclass(frozen=True)
class Credentials:
    """An access key; `token` is set for temporary ones. Never shown, not even by `repr`."""

    access_key_id: str
    access_key_secret: str
    token: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


def signing(key: Credentials) -> Any:
    """What oss2 signs requests with: V4, since V1 is closed to new accounts and buckets."""
    if key.token:
        return oss2.StsAuth(key.access_key_id, key.access_key_secret, key.token,
                            auth_version=oss2.AUTH_VERSION_4)  # fmt: skip
    return oss2.AuthV4(key.access_key_id, key.access_key_secret)


def connections() -> Any:
    """A pool of connections for `OssStore`, to be kept for as long as its process lives."""
    return oss2.Session(SIZE) if detoured() else Connections()


class OssStore:
    """One bucket. Every request is repeated under `retry` while repeating can help."""

    def __init__(  # noqa: PLR0913 - what it takes to reach a bucket
        self,
        bucket: str,
        *,
        endpoint: str,
        region: str,
        credentials: Any,
        retry: Retry,
        session: Any = None,
    ) -> None:
        """`session`: what `connections` gives, where it is shared; it holds no credentials.

        `credentials`: Credentials, or an oss2 auth, which may take other keys as time goes by.
        """
        auth = signing(credentials) if isinstance(credentials, Credentials) else credentials
        # Where crcmod lacks its extension, CRC-64 runs at 1 MB/s: the MD5 is checked instead.
        try:
            self._bucket = oss2.Bucket(auth, endpoint, bucket, region=region,
                                       session=session or connections(),
                                       connect_timeout=_TIMEOUT, enable_crc=False)  # fmt: skip
        except (oss2.exceptions.ClientError, ValueError):
            raise ConfigError(
                f"bucket {bucket!r} at endpoint {endpoint!r}: one of the two is not spelled right"
            ) from None
        self._retry, self._endpoint = retry, endpoint
        self.name = bucket

    def head(self, key: str) -> Meta | None:
        """See `Store.head`."""
        return self._call(key, lambda: meta_of(key, self._bucket.head_object(key)))

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        """See `Store.get`. A body cut short or changed on its way is read again."""
        return self._call(key, lambda: _read(key, self._bucket.get_object(key), limit, wanted))

    def read_range(self, key: str, start: int, stop: int, etag: str) -> bytes | None:
        """See `install.Ranges`. TransientError when the object has changed meanwhile."""

        def read() -> bytes:
            answer = self._bucket.get_object(
                key, byte_range=(start, stop - 1), headers={"If-Match": f'"{etag}"'}
            )
            data = bytes(answer.resp.response.raw.read(stop - start + 1, decode_content=False))
            if len(data) != stop - start:
                answer.resp.response.close()
                raise TransientError(f"{key}: {len(data)} of {stop - start} bytes arrived")
            return data

        return self._call(key, read)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        """See `Store.put`.

        Raises Unsettled after an overwrite if a try of it may have been carried out unanswered:
        OSS has no conditional overwrite, so that one could land after everybody's last look.
        """
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        headers = {"Content-MD5": md5, "Content-Type": "application/json"}
        if if_absent:
            headers["x-oss-forbid-overwrite"] = "true"

        unanswered = False

        def write() -> bool:
            nonlocal unanswered
            try:
                self._bucket.put_object(key, data, headers=headers)
            except oss2.exceptions.ServerError as error:
                if error.code == "FileAlreadyExists":
                    return False
                # A 503 is a refusal; what is behind another 5xx may be at work still.
                unanswered = unanswered or (error.status >= 500 and error.status != 503)
                raise
            except _NETWORK:
                unanswered = True
                raise
            return True

        written = bool(self._call(key, write))
        if unanswered and not if_absent:
            raise Unsettled(
                f"oss://{self.name}/{key}: an earlier try of this write lost its answer and may "
                "still land; look again later"
            )
        return written

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._call(key, lambda: self._bucket.delete_object(key))

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        """See `Store.list`: in the order of the keys' bytes, 1,000 keys a request.

        `after`: a key, which need not be there; only those that follow it are listed.
        """
        at = {"start_after": after}
        while at:
            page = self._call(prefix, partial(self._bucket.list_objects_v2, prefix,
                                              max_keys=1000, **at))  # fmt: skip
            if page is None:
                raise ConfigError(f"oss://{self.name}/{prefix}: {ADVICE['NoSuchBucket']}")
            for item in page.object_list:
                version = object_version(item.etag, item.size, item.last_modified)
                yield Meta(item.key, item.size, item.etag, version, item.last_modified)
            at = {"continuation_token": page.next_continuation_token} if page.is_truncated else {}

    def _call(self, key: str, request: Callable[[], T]) -> T | None:
        """The request's answer, tried again while that can help; None for no such object."""
        # urllib3 would tidy a path of dots up, and the request reach the bucket itself. Half a
        # surrogate pair, as JSON and names of files can have, is not in UTF-8.
        if key in (".", "..") or re.search(r"[\ud800-\udfff]", key):
            raise KeyRefused(f"oss://{self.name}/{key}: not a key that can be sent over HTTP")

        def once() -> T | None:
            try:
                return request()
            except (oss2.exceptions.NoSuchKey, oss2.exceptions.NotFound) as error:
                if error.code in ("NoSuchKey", "", None):
                    return None
                raise self._error(key, error) from None
            except _NETWORK as error:
                raise Unreachable(
                    f"oss://{self.name}/{key}: {self._endpoint} cannot be reached "
                    f"({type(error).__name__}); check FANLIGHT_OSS_ENDPOINT"
                ) from None
            except oss2.exceptions.OssError as error:
                raise self._error(key, error) from None

        return self._retry(once)

    def _error(self, key: str, error: Any) -> FanlightError:
        """Ours for one of oss2's, quoting only parts: its text can hold signed headers."""
        code = error.code or f"status {error.status}"
        where = f"oss://{self.name}/{key}: {code} (request {error.request_id})"
        if isinstance(error, oss2.exceptions.ClientError):
            return ConfigError(f"oss://{self.name}/{key}: {error.body}")
        return refusal(where, error.status, error.code)


_NETWORK = (
    oss2.exceptions.RequestError,
    oss2.exceptions.InconsistentError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)


def meta_of(key: str, answer: Any) -> Meta:
    """What the headers of an answer of oss2's say of the object that was asked for."""
    size, etag, modified = int(answer.headers["Content-Length"]), answer.etag, answer.last_modified
    return Meta(key, size, etag, object_version(etag, size, modified), modified)


def object_version(etag: str, size: int, last_modified: int) -> str:
    """`last_modified`: seconds. An ETag alone is an MD5, which two pictures can have."""
    return f"{etag}-{size}-{last_modified}"


def _read(key: str, answer: Any, limit: int, wanted: Wanted) -> Object:
    meta = meta_of(key, answer)
    response = answer.resp.response
    if meta.size > limit or not wanted(meta):
        if meta.size <= _SMALL:
            response.raw.drain_conn()
        else:
            response.close()
        return Object(meta, None)
    # As it is stored: with decoding, a Content-Encoding would change the length and inflate bombs.
    data = response.raw.read(meta.size + 1, decode_content=False)
    if len(data) != meta.size:
        response.close()
        raise TransientError(f"{key}: {len(data)} of {meta.size} bytes arrived")
    expected = _md5(answer.headers, meta.etag)
    if expected and hashlib.md5(data, usedforsecurity=False).digest() != expected:
        raise TransientError(f"{key}: the bytes that arrived do not have the MD5 OSS names")
    return Object(meta, data)


def _md5(headers: Any, etag: str) -> bytes | None:
    """The MD5 of the stored bytes where OSS tells it: only for an object written in one piece."""
    if "Content-MD5" in headers:
        return base64.b64decode(headers["Content-MD5"])
    plain = "x-oss-server-side-encryption" not in headers
    whole = headers.get("x-oss-object-type") == "Normal"
    return bytes.fromhex(etag) if whole and plain and re.fullmatch("[0-9A-F]{32}", etag) else None
