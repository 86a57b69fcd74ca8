"""The page's own origin: its files, the stream of what happens, and the few things it may ask."""

import json
import logging
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fanlight.errors import ConfigError
from tools.console.guard import SAFE, Forbidden, hosts, require_host, require_own_page
from tools.console.places import Target
from tools.console.records import own_event
from tools.console.uploads import NotStored, Uploads
from tools.console.watch import Watch
from tools.localcloud.meddling import REFUSAL
from tools.samples import pictures

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/console.css": ("console.css", "text/css; charset=utf-8"),
    "/console.js": ("console.js", "text/javascript; charset=utf-8"),
    "/upload.js": ("upload.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_PATIENCE = 15.0
"""Seconds of silence after which a page is sent a comment, by which a lost one is noticed."""
_GATHER = 0.05
"""Seconds in which what happens is told at once."""
_MOST_SAMPLES = 12

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
        self._invoke, self._unfinished = invoke, unfinished

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        try:
            reply = self._answer(environ)
        except Forbidden as error:
            reply = _error(HTTPStatus.FORBIDDEN, str(error))
        except Refused as error:
            reply = _error(error.status, str(error))
        except Exception:
            logger.exception("error while answering %(REQUEST_METHOD)s %(RAW_URI)s", environ)
            reply = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "an internal error has occurred")
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

    def _answer(self, environ: "WSGIEnvironment") -> Reply:
        require_host(environ)
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method in ("GET", "HEAD") and path in _FILES:
            name, kind = _FILES[path]
            return Reply(body=(_FOLDER / name).read_bytes(), type=kind)
        if (method, path) == ("GET", "/events"):
            require_own_page(environ, change=False)
            place = environ.get("HTTP_LAST_EVENT_ID", "")
            return Reply(body=self._stream(place), type="text/event-stream")
        actions = {"/upload": self._upload, "/samples": self._samples, "/replay": self._replay}
        if path not in actions:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        if method != "POST":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes POST")
        require_own_page(environ, change=True)
        if REFUSAL in environ:
            raise Refused(HTTPStatus.INSUFFICIENT_STORAGE, "there is no room to keep it")
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        done = actions[path](query, environ)
        return Reply(body=json.dumps(done).encode())

    def _stream(self, place: str) -> Generator[bytes, None, None]:
        """Server-sent events: batches of records, each with the place to go on at."""
        yield b"retry: 1000\n\n"
        while (batch := self._watch.feed.after(place, _PATIENCE)) is not None:
            if batch.place == place:
                yield b": nothing new\n\n"
                continue
            place = batch.place
            told: dict[str, Any] = {
                "records": batch.records,
                "counts": self._watch.counts(self._unfinished()),
            }
            if batch.anew:
                told["cloud"] = {
                    "targets": [asdict(target) for target in self._targets],
                    "objects": self.objects_port,
                }
            yield f"id: {place}\ndata: {json.dumps(told)}\n\n".encode()
            time.sleep(_GATHER)

    def _upload(self, query: dict[str, str], environ: "WSGIEnvironment") -> dict[str, Any]:
        name = query.get("name", "")
        return self._put(self._target(query), {name: environ["wsgi.input"].read()})

    def _samples(self, query: dict[str, str], _environ: "WSGIEnvironment") -> dict[str, Any]:
        target = self._target(query)
        if not target.samples:
            raise Refused(HTTPStatus.CONFLICT, f"there are no samples for {target.function}")
        found = pictures()
        some = found[:: max(1, len(found) // _MOST_SAMPLES)][:_MOST_SAMPLES]
        return self._put(target, {path.name: path.read_bytes() for path in some})

    def _put(self, target: Target, files: dict[str, bytes]) -> dict[str, Any]:
        try:
            keys = [self._uploads.put(target, name, data) for name, data in files.items()]
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


def _error(status: HTTPStatus, message: str) -> Reply:
    return Reply(status, json.dumps({"error": message}).encode())
