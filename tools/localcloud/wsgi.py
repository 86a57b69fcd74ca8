"""Between an HTTP request and a WSGI application: what it is given, and how it is called."""

import io
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tools.localcloud.body import Body

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


def environ_of(request: BaseHTTPRequestHandler, body: Body) -> "WSGIEnvironment":
    """What an application is told of a request whose headers have been read."""
    path, _, query = request.path.partition("?")
    host, port = request.connection.getsockname()
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.command,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "RAW_URI": request.path,  # as sent: a key with %2F is not a key with /
        "QUERY_STRING": query,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": request.request_version,
        "REMOTE_ADDR": request.client_address[0],
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(body.size),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name.lower() not in ("content-type", "content-length") and "_" not in name:
            environ["HTTP_" + name.upper().replace("-", "_")] = value.strip()
    return environ


def call(
    app: "WSGIApplication", environ: "WSGIEnvironment"
) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
    """Run an application in this thread; returns status line, headers and body."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Any:
        started.append((status, headers))

    chunks = app(environ, start_response)
    return (*started[-1], chunks)
