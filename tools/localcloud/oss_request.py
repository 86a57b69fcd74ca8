"""Reads requests and XML as OSS does, and writes XML."""

import base64
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_to_bytes
from xml.etree import ElementTree as ET

from tools.localcloud.body import Body
from tools.localcloud.oss_types import OssError, Request, Xml

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import WSGIEnvironment

MAX_KEY_BYTES = 1023
DIGITS = "[0-9]{1,4000}"
"""A number in a request. Python reads none of more than 4,300 digits, and nobody means one."""


def new_request_id() -> str:
    """Twenty-four upper-case hex digits, as OSS numbers its requests."""
    return secrets.token_hex(12).upper()


def from_environ(environ: "WSGIEnvironment", request_id: str) -> Request:
    """Parse a WSGI request. The key is taken from the path as sent, decoded once and no more."""
    path = environ["RAW_URI"].partition("?")[0]
    if not path.startswith("/"):
        raise OssError(400, "InvalidArgument", "The request line must name a path.")
    bucket, _, quoted_key = path[1:].partition("/")
    body: Body = environ["wsgi.input"]
    return Request(
        method=environ["REQUEST_METHOD"],
        bucket=check_bucket(bucket) if bucket else "",
        key=check_key(unquote_to_bytes(quoted_key.encode("latin-1"))) if quoted_key else "",
        query=dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)),
        headers=headers_of(environ),
        body=body,
        request_id=request_id,
    )


def headers_of(environ: "WSGIEnvironment") -> dict[str, str]:
    """The request's headers by their lower-case names."""
    headers = {
        name[5:].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    return headers


def check_bucket(name: str) -> str:
    """The name itself, if OSS would take it for a bucket; raises InvalidBucketName."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name):
        raise OssError(400, "InvalidBucketName", f"The specified bucket is not valid: {name!r}.")
    return name


def check_key(raw: bytes) -> str:
    """The key these bytes spell; raises InvalidObjectName for what OSS takes for none."""
    try:
        key = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise OssError(400, "InvalidObjectName", "An object name must be UTF-8.") from None
    if not 1 <= len(raw) <= MAX_KEY_BYTES:
        raise OssError(
            400, "InvalidObjectName", "The Length of Object name must be less than 1024."
        )
    if key.startswith(("/", "\\")):
        raise OssError(
            400, "InvalidObjectName", "An object name cannot start with a slash or a backslash."
        )
    return key


def check_digest(request: Request) -> None:
    """Raise InvalidDigest if the body is not the one the Content-MD5 header speaks of."""
    claimed = request.headers.get("content-md5")
    if claimed is not None and claimed != base64.b64encode(request.body.md5).decode():
        raise OssError(400, "InvalidDigest", "The Content-MD5 you specified is not valid.")


def copy_source(headers: Mapping[str, str]) -> tuple[str, str]:
    """Bucket and key that `x-oss-copy-source` names; raises OssError for names OSS has not."""
    source, _, query = headers["x-oss-copy-source"].lstrip("/").partition("?")
    if query:
        raise OssError(501, "NotImplemented", "Not spoken by this endpoint: a copy of a version.")
    bucket, _, key = source.partition("/")
    return check_bucket(bucket), check_key(unquote_to_bytes(key))


def keys_to_delete(body: Body) -> list[str]:
    """The keys that a DeleteMultipleObjects names; raises OssError."""
    root = from_xml(body.read())
    if any(texts(root, "VersionId")):
        raise OssError(501, "NotImplemented", "Not spoken by this endpoint: deleting by VersionId.")
    keys = [check_key(text.encode()) for text in texts(root, "Key")]
    if not 1 <= len(keys) <= 1000:
        raise OssError(400, "MalformedXML", "Between 1 and 1000 objects can be deleted at once.")
    return keys


def number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A number among the parameters; raises InvalidArgument if it is none or out of range."""
    text = query.get(name) or str(default)
    if not (re.fullmatch(DIGITS, text) and least <= int(text) <= most):
        raise OssError(400, "InvalidArgument", f"{name} must be between {least} and {most}.")
    return int(text)


def header_value(name: str, value: str) -> str:
    """The value itself; raises InvalidArgument if an answer's header of that name cannot have it.

    It would end early at a line break, and the rest be taken for headers or for the content.
    """
    if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII):
        raise OssError(400, "InvalidArgument", f"{name!r} is no name of a header.")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        raise OssError(400, "InvalidArgument", f"{name} must not contain control characters.")
    return value


def coder(query: Mapping[str, str]) -> Callable[[str], str]:
    """How the answer is to spell keys: percent-encoded if asked, else as they are."""
    coding = query.get("encoding-type", "")
    if coding not in ("", "url"):
        raise OssError(400, "InvalidArgument", f"Unknown encoding-type {coding!r}.")
    return (lambda text: quote(text, safe="")) if coding else str


def to_xml(tag: str, content: Xml) -> bytes:
    """An XML document of nested (tag, content) pairs."""
    document: bytes = ET.tostring(_element(tag, content), encoding="UTF-8", xml_declaration=True)
    return document


def _element(tag: str, content: Xml) -> ET.Element:
    element = ET.Element(tag)
    if isinstance(content, str):
        element.text = content
    else:
        element.extend(_element(*child) for child in content)
    return element


def from_xml(body: bytes) -> ET.Element:
    """The root of an XML document; raises MalformedXML."""
    try:
        return ET.fromstring(body)  # noqa: S314 (expat refuses entity bombs; loopback only)
    except ET.ParseError as error:
        raise OssError(400, "MalformedXML", f"The XML is not well-formed: {error}.") from None


def texts(root: ET.Element, tag: str) -> Iterable[str]:
    """The text of every element of that name below `root`, whatever its namespace."""
    return (element.text or "" for element in root.iterfind(f".//{{*}}{tag}"))
