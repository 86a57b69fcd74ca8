"""The objects of the buckets, on a port and so an origin of their own, to be looked at.

What was uploaded is not to be trusted: only what is a picture by its first bytes is shown as one,
and nothing runs. The page's own origin never serves it.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fanlight.errors import Rejected
from fanlight.sniff import sniff
from tools.console.guard import SAFE, Forbidden, require_host, require_near_page
from tools.localcloud.body import Body
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import OssError

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_HEAD = 256
"""Bytes by which a picture is known."""

_SAFE = {
    **SAFE,
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    # Chromium takes no two ports of an IP address for one site here, though it does in
    # Sec-Fetch-Site, by which pages of other machines are kept out.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class Objects:
    """The WSGI application: `GET /?bucket=BUCKET&key=KEY`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        status, headers, body = self._answer(environ)
        told = {**_SAFE, "Content-Length": str(body.size), **headers}
        start_response(f"{status.value} {status.phrase}", list(told.items()))
        return body

    def _answer(self, environ: "WSGIEnvironment") -> tuple[HTTPStatus, dict[str, str], Body]:
        try:
            require_host(environ)
            require_near_page(environ)
        except Forbidden as error:
            return _plain(error.status, str(error))
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "objects can only be read here")
        query = parse_qs(environ["QUERY_STRING"])
        try:
            _, body = self._store.get(*(query.get(name, [""])[0] for name in ("bucket", "key")))
        except OssError as error:
            return _plain(HTTPStatus.NOT_FOUND, f"{error.code}: {error.message}")
        return HTTPStatus.OK, _headers(next(iter(body.part(0, min(_HEAD, body.size))), b"")), body


def _headers(first: bytes) -> dict[str, str]:
    """By what it is, whatever its uploader called it."""
    try:
        return {"Content-Type": f"image/{sniff(first)}"}
    except Rejected:
        return {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "attachment; filename=object.bin",
        }


def _plain(status: HTTPStatus, text: str) -> tuple[HTTPStatus, dict[str, str], Body]:
    return status, {"Content-Type": "text/plain; charset=utf-8"}, Body(f"{text}\n".encode())
