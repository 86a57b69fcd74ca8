"""The page's own origin: its files, the stream of what happens, and the few things it may ask."""

import json
import logging
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fanlight.errors import ConfigError
from tools.console.guard import SAFE, Forbidden, hosts, require_host, require_own_page
from tools.console.places import Target
from tools.console.records import own_event
from tools.console.streams import MOST, Streams, TooMany
from tools.console.uploads import LARGEST, NotStored, Uploads
from tools.console.watch import Watch
from tools.localcloud.body import Body
from tools.localcloud.meddling import REFUSAL
from tools.samples import pictures

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/console.css": ("console.css", "text/css; charset=utf-8"),
    "/console.js": ("console.js", "text/javascript; charset=utf-8"),
    "/upload.js": ("upload.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_MOST_SAMPLES = 12
_DIGITS = 20
"""Of a length, which int() could refuse to read if it had very many."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """An answer. `body`: a generator is a stream."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes | Generator[bytes, None, None] = b""
    type: str = "application/json"


class Refused(Exception):
    """An answer that is an error, in words for the page."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Page:
    """The WSGI application."""

    def __init__(
        self,
        watch: Watch,
        targets: list[Target],
        uploads: Uploads,
        invoke: Callable[[str, bytes], str],
        unfinished: Callable[[], int],
    ) -> None:
        """`invoke`: accepts an event for a function. `unfinished`: events that wait or run."""
        self.objects_port = ""
        self._watch, self._targets, self._uploads = watch, targets, uploads
        self._invoke = invoke
        self._streams = Streams(watch.feed, lambda: watch.counts(unfinished()), self._about)
        self._actions = {"/upload": self._upload, "/samples": self._samples,
                         "/replay": self._replay}  # fmt: skip

    def screen(self, environ: "WSGIEnvironment") -> "WSGIApplication | None":
        """What refuses a request by its headers alone, so that no body of it is read; else None."""
        try:
            self._require(environ)
        except (Forbidden, Refused) as error:
            return partial(self._send, _error(error.status, str(error)))
        return None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        try:
            reply = self._answer(environ)
        except (Forbidden, Refused) as error:
            reply = _error(error.status, str(error))
        except Exception:
            logger.exception("error while answering %(REQUEST_METHOD)s %(RAW_URI)s", environ)
            reply = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "an internal error has occurred")
        return self._send(reply, environ, start_response)

    def _send(
        self, reply: Reply, _environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        told = {**SAFE, **self._policy(), "Content-Type": reply.type}
        if isinstance(reply.body, bytes):
            told["Content-Length"] = str(len(reply.body))
        start_response(f"{reply.status.value} {reply.status.phrase}", list(told.items()))
        return [reply.body] if isinstance(reply.body, bytes) else reply.body

    def _policy(self) -> dict[str, str]:
        shown = " ".join(f"http://{host}" for host in hosts(self.objects_port))
        return {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                f"img-src 'self' {shown}; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'; require-trusted-types-for 'script'"
            ),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    def _require(self, environ: "WSGIEnvironment") -> None:
        """Raise Forbidden or Refused for what the headers say."""
        require_host(environ)
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path in self._actions:
            if method != "POST":
                raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes POST")
            require_own_page(environ, change=True)
        elif path == "/events":
            require_own_page(environ, change=False)
        _require_length(environ, LARGEST if path == "/upload" else 0)

    def _answer(self, environ: "WSGIEnvironment") -> Reply:
        self._require(environ)
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method in ("GET", "HEAD") and path in _FILES:
            name, kind = _FILES[path]
            return Reply(body=(_FOLDER / name).read_bytes(), type=kind)
        if (method, path) == ("GET", "/events"):
            return Reply(body=self._stream(environ), type="text/event-stream")
        if path not in self._actions:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        if REFUSAL in environ:
            raise Refused(HTTPStatus.INSUFFICIENT_STORAGE, "there is no room to keep it")
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        done = self._actions[path](query, environ)
        return Reply(body=json.dumps(done).encode())

    def _stream(self, environ: "WSGIEnvironment") -> Generator[bytes, None, None]:
        try:
            return self._streams.open(environ.get("HTTP_LAST_EVENT_ID", ""))
        except TooMany:
            message = f"{MOST} pages look on, and no more can: close one, or stop what else listens"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, message) from None

    def _about(self) -> dict[str, Any]:
        """What a page has to know of this cloud."""
        every = [asdict(target) for target in self._targets]
        return {"targets": every, "objects": self.objects_port}

    def _upload(self, query: dict[str, str], environ: "WSGIEnvironment") -> dict[str, Any]:
        name = query.get("name", "")
        return self._put(self._target(query), {name: environ["wsgi.input"]})

    def _samples(self, query: dict[str, str], _environ: "WSGIEnvironment") -> dict[str, Any]:
        target = self._target(query)
        if not target.samples:
            raise Refused(HTTPStatus.CONFLICT, f"there are no samples for {target.function}")
        found = pictures()
        some = found[:: max(1, len(found) // _MOST_SAMPLES)][:_MOST_SAMPLES]
        return self._put(target, {path.name: Body(path.read_bytes()) for path in some})

    def _put(self, target: Target, files: dict[str, Body]) -> dict[str, Any]:
        try:
            keys = [self._uploads.put(target, name, body) for name, body in files.items()]
        except NotStored as error:
            raise Refused(HTTPStatus.BAD_GATEWAY, str(error)) from None
        # A trigger with a suffix may not want it.
        return {"keys": keys, "unheard": [key for key in keys if not key.endswith(target.suffix)]}

    def _target(self, query: dict[str, str]) -> Target:
        try:
            return dict(enumerate(self._targets))[int(query.get("target", "0"))]
        except (ValueError, KeyError):
            raise Refused(HTTPStatus.BAD_REQUEST, "there is no such target") from None

    def _replay(self, query: dict[str, str], _environ: "WSGIEnvironment") -> dict[str, Any]:
        name, documents = query.get("letter", ""), self._watch.documents
        letter = documents and documents.letter(name)
        if not documents or not letter:
            raise Refused(HTTPStatus.GONE, "the letter has gone")
        function = str(letter.get("function")).rpartition("/")[2]
        event = own_event(letter)
        body = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        try:
            request_id = self._invoke(function, body.encode("utf-8", "surrogatepass"))
        except ConfigError as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from None
        documents.replayed(name, request_id)
        return {"request_id": request_id}


def _require_length(environ: "WSGIEnvironment", most: int) -> None:
    """Raise Refused for a body that is longer than this, in bytes, or does not say how long."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "say how long the body is: send Content-Length")
    length = environ["CONTENT_LENGTH"] or "0"
    if not (length.isascii() and length.isdecimal() and len(length) < _DIGITS):
        raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length is no number of bytes")
    if int(length) > most:
        told = f"a picture has at most {most >> 20} MB here" if most else "nothing is taken here"
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)


def _error(status: HTTPStatus, message: str) -> Reply:
    return Reply(status, json.dumps({"error": message}).encode())
