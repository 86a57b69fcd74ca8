"""What passes between the parts of the OSS endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# The content of an element: text, or (tag, content) pairs.
Xml = str | Sequence[tuple[str, "Xml"]]


class OssError(Exception):
    """A refusal, as OSS words it: HTTP status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Request:
    """One request. Header names are lower case; header values hold bytes as Latin-1 text."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    request_id: str


@dataclass(frozen=True)
class Response:
    """One response, before the headers that all of them carry."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Stored:
    """An object without its bytes. ETag: upper-case hex, no quotes."""

    etag: str
    size: int
    last_modified: str  # as in the Last-Modified header
    crc: int
    headers: Mapping[str, str]  # content-type and the like, x-oss-meta-*

    @property
    def kind(self) -> str:
        """`Normal`, whose ETag is the MD5 of the content, or `Multipart`."""
        return "Multipart" if "-" in self.etag else "Normal"


@dataclass(frozen=True)
class Entry:
    """One line of a listing, of objects or of parts (whose key is their number)."""

    key: str
    last_modified: str  # ISO 8601
    etag: str
    size: int


@dataclass(frozen=True)
class Page:
    """One answer of a listing; `last` is where the next one goes on, empty at the end."""

    entries: Sequence[Entry]
    prefixes: Sequence[str]
    last: str


@dataclass(frozen=True)
class ObjectCreated:
    """An object was made. `user_meta` has the names with their `x-oss-meta-`, as events do."""

    bucket: str
    key: str
    name: str  # as events spell it: ObjectCreated:PutObject
    size: int
    etag: str
    mime_type: str
    user_meta: dict[str, str]
    request_id: str
