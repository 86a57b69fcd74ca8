"""Calls moto's S3 application in this process, under keys and names that survive the way.

A key travels as one letter a byte: the byte b of its UTF-8 as the character U+0100 + b. Those are
plain letters to every layer, so no `..`, `//`, `%` or control character is ever seen, normalised
or refused; and since the letters keep the order of the bytes, moto's listing, with its
prefixes, delimiters and markers, comes out in the order of OSS, which is that of the bytes.
"""

import io
import itertools
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

import moto.s3.models
from moto.moto_server.werkzeug_app import create_backend_app

from tools.localcloud.oss_request import from_xml, texts
from tools.localcloud.oss_types import OssError

# OSS takes parts of 100 KB, S3 of 5 MB; a constant of moto's module is the only place to say so.
moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = 100 * 1024

_LETTERS = 0x100
_serials = itertools.count(1)
_build_lock = Lock()
_app: Any = None


def to_letters(key: str) -> str:
    """The key as moto is told it."""
    return "".join(chr(_LETTERS + byte) for byte in key.encode("utf-8"))


def from_letters(letters: str) -> str:
    """The key that moto knows by these letters."""
    return bytes(ord(letter) - _LETTERS for letter in letters).decode("utf-8")


class Moto:
    """A share of this process's moto that no other instance can see.

    moto keeps buckets by name for the whole process, whatever the account, so each instance
    puts its own number into the names.
    """

    def __init__(self) -> None:
        self._serial = next(_serials)
        self._numbers: dict[str, int] = {}

    def path(self, bucket: str, key: str = "") -> str:
        """The quoted path of a bucket or an object in moto."""
        number = self._numbers.setdefault(bucket, len(self._numbers))
        path = f"/localcloud-{self._serial}-{number}"
        return f"{path}/{quote(to_letters(key))}" if key else path

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[int, dict[str, str], bytes]:
        """Make a request; returns status, headers (names in lower case) and body.

        Raises OssError for a status of 400 or more, with the code that S3 shares with OSS.
        """
        answer: list[tuple[str, list[tuple[str, str]]]] = []
        environ = _environ(method, path, urlencode(query or {}), body)
        for name, value in (headers or {}).items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        # moto remembers every object it ever held, for a reset that nobody here asks for.
        moto.s3.models.FakeKey.instances_tracked.clear()
        chunks = application()(environ, lambda *started: answer.append(started[:2]))
        content = b"".join(chunks)
        line, pairs = answer[-1]
        status = int(line.split(" ")[0])
        if status >= 400:
            raise _error(status, content)
        return status, {name.lower(): value for name, value in pairs}, content


def application() -> Any:
    """Build moto's S3 application, once for the process (half a second with its imports)."""
    global _app  # noqa: PLW0603 (a cache of one; moto's own state is global anyway)
    with _build_lock:
        if _app is None:
            _app = create_backend_app("s3")
        return _app


def _environ(method: str, path: str, query: str, body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": f"{path}?{query}" if query else path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": "localcloud",  # the signature was checked; moto refuses anonymity
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _error(status: int, content: bytes) -> OssError:
    if not content:  # an answer to HEAD
        code = {404: "NoSuchKey", 412: "PreconditionFailed"}.get(status, "InternalError")
        return OssError(status, code, f"The request was refused: {code}.")
    root = from_xml(content)
    code, message = next(iter(texts(root, "Code")), ""), next(iter(texts(root, "Message")), "")
    return OssError(status, code, message)
