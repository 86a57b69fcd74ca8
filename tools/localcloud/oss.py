"""A local OSS endpoint: the real oss2 client works against it unchanged.

`oss_store` keeps buckets and objects on disk, `oss_dialect` speaks OSS, `signature` checks who
asks, `server` carries it all over HTTP. What is stored outlives stop() and start(), so that an
outage can be played, and with a folder for it the process too. Endpoints share nothing.
"""

import logging
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.localcloud.body import Body
from tools.localcloud.credentials import Credentials, Keyring
from tools.localcloud.meddling import REFUSAL, Meddle
from tools.localcloud.oss_dialect import answer
from tools.localcloud.oss_events import Events
from tools.localcloud.oss_objects import Service
from tools.localcloud.oss_request import (
    check_bucket,
    check_digest,
    from_environ,
    new_request_id,
    to_xml,
)
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import ObjectCreated, OssError, Response
from tools.localcloud.permissions import Policy, parse
from tools.localcloud.server import WsgiServer

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Credentials", "ObjectCreated", "OssEndpoint"]

logger = logging.getLogger(__name__)


class OssEndpoint:
    """OSS on 127.0.0.1, for the holders of `credentials`.

    `policies`: RAM policy documents by access key ID, as one of `account`; whoever has no entry
    may do everything. ConfigError for a document with parts that are not supported.

    `data`: the folder to keep everything in; OSError if another endpoint has it. Without one,
    everything goes with close().

    `clock`: seconds since 1970, by which signatures are stale, credentials expire and objects are
    dated. `meddle`: asked about each request, for faults on demand.
    `keys`: what it accepts; another endpoint may share it.

    `on_created` is called for each object made, after the write and before the response, in the
    thread of the request. What it raises fails the upload, though the object is there: no upload
    is answered whose event nobody has, and a client sends it again. It is called again at the next
    start, in whatever process, for an object that is still there and of which it has not returned.
    """

    def __init__(  # noqa: PLR0913 - each has a default; together they are the endpoint
        self,
        credentials: Sequence[Credentials],
        *,
        region: str = "cn-hangzhou",
        account: str = "0",
        port: int = 0,
        policies: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        data: Path | None = None,
        on_created: Callable[[ObjectCreated], None] | None = None,
        clock: Callable[[], float] = time.time,
        meddle: Meddle | None = None,
    ) -> None:
        self._store = Store(data, clock)
        self._policies = {key: _parsed(own) for key, own in (policies or {}).items()}
        self.keys = Keyring(credentials)
        self._events = Events(self._store.untold, on_created)
        self._service = Service(
            self._store, self.keys, clock, region, account, self._policies, self._events
        )
        self._server = WsgiServer(self._serve, port, self._store.arriving, meddle)

    @property
    def url(self) -> str:
        """The endpoint to give to oss2; meaningful once started."""
        return self._server.url

    def start(self) -> None:
        """Tell `on_created` what it has not heard, then accept connections.

        Raises OSError if the port is taken, and what `on_created` raises.
        """
        self._events.tell_rest()
        self._server.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._server.stop()

    def close(self) -> None:
        """Stop for good: let go of the folder, or remove what was stored without one."""
        self.stop()
        self._store.close()

    def __enter__(self) -> "OssEndpoint":
        with ExitStack() as undo:
            undo.callback(self.close)
            self.start()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def accept(
        self, credentials: Credentials, policies: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        """Accept credentials from now on, in place of any of the same id and security token.

        `policies`: what their id may do; None leaves that as it is.
        """
        if policies is not None:
            self._policies[credentials.access_key_id] = _parsed(policies)
        self.keys.accept(credentials)

    @property
    def store(self) -> Store:
        """What is kept, for who reads it in this process and needs no request."""
        return self._store

    def create_bucket(self, name: str) -> None:
        """Make a bucket without a request. Raises OssError for a name OSS would not take."""
        self._store.create_bucket(check_bucket(name))

    def _serve(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request_id = new_request_id()
        try:
            if REFUSAL in environ:
                raise environ[REFUSAL]
            request = from_environ(environ, request_id)
            check_digest(request)
            response = answer(self._service, request)
        except OssError as error:
            response = _refusal(error, environ, request_id)
        except Exception:
            logger.exception("error while answering %(REQUEST_METHOD)s %(RAW_URI)s", environ)
            fault = OssError(500, "InternalError", "We encountered an internal error.")
            response = _refusal(fault, environ, request_id)
        body = response.body if isinstance(response.body, Body) else Body(response.body)
        headers = {"x-oss-request-id": request_id, **response.headers}
        if response.status not in (204, 304):
            headers.setdefault("Content-Length", str(body.size))
        if body.size:
            headers.setdefault("Content-Type", "application/xml")
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return body


def _parsed(documents: Sequence[Mapping[str, Any]]) -> list[Policy]:
    return [parse(document) for document in documents]


def _refusal(error: OssError, environ: "WSGIEnvironment", request_id: str) -> Response:
    body = to_xml(
        "Error",
        [
            ("Code", error.code),
            ("Message", error.message),
            ("RequestId", request_id),
            ("HostId", environ.get("HTTP_HOST", "")),
        ],
    )
    # An answer to HEAD has no body to say it in.
    err = {"x-oss-err": b64encode(body).decode()} if environ["REQUEST_METHOD"] == "HEAD" else {}
    return Response(error.status, {**error.headers, **err}, body)
