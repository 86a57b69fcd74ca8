"""What passes between the parts of the OSS endpoint."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate

from tools.localcloud.body import Body

# The content of an element: text, or (tag, content) pairs.
Xml = str | Sequence[tuple[str, "Xml"]]


class OssError(Exception):
    """A refusal, as OSS words it: HTTP status, code, message, and what its headers add."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}


@dataclass(frozen=True)
class Request:
    """One request. Header names are lower case; header values hold bytes as Latin-1 text."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    request_id: str


@dataclass(frozen=True)
class Response:
    """One response, before the headers that all of them carry."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body = b""


@dataclass(frozen=True)
class Stored:
    """An object without its bytes. ETag: upper-case hex, no quotes; Normal: the content's MD5."""

    etag: str
    size: int
    modified: int  # Unix time in seconds, all that Last-Modified can say
    crc: int
    headers: Mapping[str, str]  # content-type and the like, x-oss-meta-*
    kind: str = "Normal"  # or Multipart, Appendable, Symlink

    @property
    def last_modified(self) -> str:
        """The time as in the Last-Modified header."""
        return formatdate(self.modified, usegmt=True)


@dataclass(frozen=True)
class Entry:
    """One line of a listing, of objects or of parts (whose key is their number)."""

    key: str
    modified: int
    etag: str
    size: int
    kind: str = "Normal"

    @property
    def last_modified(self) -> str:
        """The time in ISO 8601."""
        return iso_time(self.modified)


@dataclass(frozen=True)
class Page:
    """One answer of a listing; `last` is where the next one goes on, empty at the end."""

    entries: Sequence[Entry]
    prefixes: Sequence[str]
    last: str


@dataclass(frozen=True)
class Upload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    upload: str
    modified: int

    @property
    def last_modified(self) -> str:
        """When it began, in ISO 8601."""
        return iso_time(self.modified)


@dataclass(frozen=True)
class UploadPage:
    """One answer of a listing of uploads; `last` is the key and id that the next one goes on after.

    Both are empty at the end, the id also after a common prefix.
    """

    uploads: Sequence[Upload]
    prefixes: Sequence[str]
    last: tuple[str, str]


def iso_time(seconds: int) -> str:
    """A Unix time as OSS spells it in XML."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


@dataclass(frozen=True)
class ObjectCreated:
    """An object was made, or a part of one.

    `user_meta` has the names with their `x-oss-meta-`, as events do. `position`: where what was
    appended begins, of AppendObject alone.
    """

    bucket: str
    key: str
    name: str  # as events spell it: ObjectCreated:PutObject
    size: int
    etag: str
    mime_type: str
    user_meta: dict[str, str]
    request_id: str
    position: int | None = None
