"""A bucket behind the real oss2 client and the real `OssStore`, at the local OSS endpoint.

Every HTTP request is a wish, and what befalls it befalls it on the wire: refusals, connections
that are lost, bodies cut short or changed. Trying again is `OssStore`'s own, with its `Retry`.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from oss2.exceptions import RequestError
from oss2.http import Response

from fanlight.retry import Retry
from fanlight.store import Store
from fanlight.store_oss import Credentials, OssStore, connections
from tools.localcloud import oss
from tools.prove.fates import BUCKET, CRASHES, WRITE_CRASHES, Fate, Wish
from tools.prove.puppet import Puppet

PATIENCE = 0.5
"""Seconds an invocation may pause between its tries, all together: for two or three."""

_BUSY = Fate("503", now=False, late=False, end="503")
_READS = (
    _BUSY,
    Fate("403", now=False, late=False, end="403"),
    Fate("connection lost", now=True, late=False, end="lost"),
    Fate("body cut short", now=True, late=False, end="cut"),
    Fate("body changed", now=True, late=False, end="changed"),
)
_WRITES = (
    _BUSY,
    Fate("carried out, connection lost", now=True, late=False, end="lost"),
    Fate("connection lost, lands late", now=False, late=True, end="lost"),
    Fate("500, carried out", now=True, late=False, end="500"),
    Fate("500, lands late", now=False, late=True, end="500"),
)
_CODES = {"403": "AccessDenied", "500": "InternalError", "503": "ServiceUnavailable"}


@dataclass
class _Time:
    """Passes only while somebody sleeps."""

    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def retry(self) -> Retry:
        return Retry(lambda: PATIENCE, lambda: self.now, self.sleep, lambda _, high: high)


@dataclass(frozen=True)
class _GatedSession:
    """oss2's session, with every request a wish of the puppet."""

    session: Any
    puppet: Puppet

    def do_request(self, request: Any, timeout: Any) -> Any:
        verb = "list" if "list-type" in request.params else request.method.lower()
        key = unquote(urlsplit(request.url).path).removeprefix("/").partition("/")[2]
        forbids = request.headers.get("x-oss-forbid-overwrite") == "true"
        send = partial(_sent, self.session, request, timeout)
        return self.puppet.ask(Wish(verb, key, forbids, send))


class HttpCloud:
    """See `Cloud`. One bucket of an endpoint."""

    def __init__(self, url: str, session: Any, bucket: str) -> None:
        self._url, self._session, self._bucket = url, session, bucket
        self.plain: Store = self._open(session, Retry.lasting(0))

    def store(self, puppet: Puppet) -> tuple[Store, Retry]:
        """See `Cloud.store`."""
        retry = _Time().retry()
        return self._open(_GatedSession(self._session, puppet), retry), retry

    def fates(self, wish: Wish) -> tuple[Fate, ...]:
        """See `Cloud.fates`."""
        if wish.verb == "put":
            return (*_WRITES, *WRITE_CRASHES)
        return (*(_READS if wish.verb == "get" else _READS[:3]), *CRASHES)

    def tell(self, end: str, value: Any) -> Any:
        """See `Cloud.tell`."""
        if end == "lost":
            raise RequestError(requests.ConnectionError("connection reset"))
        if end in _CODES:
            body = f"<Error><Code>{_CODES[end]}</Code></Error>".encode()
            return _response(int(end), {"Content-Length": str(len(body))}, body)
        answer = value.response
        body = answer.raw.read()
        other = body[:-1] if end == "cut" else bytes([*body[:-1], body[-1] ^ 1]) if body else body
        return _response(answer.status_code, answer.headers, other)

    def _open(self, session: Any, retry: Retry) -> OssStore:
        return OssStore(self._bucket, endpoint=self._url, region="cn-hangzhou",
                        credentials=Credentials("id", "secret"), retry=retry,
                        session=session)  # fmt: skip


@contextmanager
def http_clouds() -> Iterator[Iterator[HttpCloud]]:
    """Clouds without end, each an empty bucket of one endpoint."""
    with oss.OssEndpoint([oss.Credentials("id", "secret")]) as endpoint:
        yield _clouds(endpoint)


def _clouds(endpoint: oss.OssEndpoint) -> Iterator[HttpCloud]:
    session, number = connections(), 0
    while True:
        number += 1
        name = f"{BUCKET}-{number}"
        endpoint.create_bucket(name)
        yield HttpCloud(endpoint.url, session, name)


def _sent(session: Any, request: Any, timeout: Any) -> Any:
    """The answer, read whole, so that the connection is free whatever becomes of it."""
    answer = session.do_request(request, timeout)
    body = answer.response.raw.read(decode_content=False)
    return _response(answer.status, answer.headers, body, request.method)


def _response(status: int, headers: Any, body: bytes, method: str = "GET") -> Any:
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update(headers)
    answer.raw = urllib3.HTTPResponse(
        io.BytesIO(body), headers, status, preload_content=False, request_method=method
    )
    return Response(answer)
