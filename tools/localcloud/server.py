"""Serves a WSGI application from a thread: HTTP/1.1 with keep-alive, loopback only, silent.

Werkzeug's development server closes the connection after every response, and a new connection
for each request costs more than the request. Here the body is read before the application
runs, so that whatever it answers, the next request starts at the right byte; a large one into a
file. `wsgi.input` is a Body. An answer that tells its Content-Length is sent piece by piece, and a
generator as its pieces come, until it or its connection ends.
What cannot be read is answered 400 here; for what cannot be kept, the application is given the
OSError to answer, as its own fault.
"""

import io
import logging
import socket
import socketserver
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tools.localcloud.body import Body, receive
from tools.localcloud.incoming import MAX_BODY, Unreadable, pieces
from tools.localcloud.meddling import REFUSAL, Dropped, Meddle

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_IDLE_SECONDS = 120

logger = logging.getLogger(__name__)


class WsgiServer:
    """Serves `app` on 127.0.0.1 while started; port 0 picks a free one, kept for restarts.

    `arriving`: the folder for large bodies; they are gone with the answer, unless `app` took them.
    `meddle`: asked about each request, for faults on demand. `max_body`: bytes of a request's; a
    longer one is answered 400, and no more of it is read.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        port: int = 0,
        arriving: Path | None = None,
        meddle: Meddle | None = None,
        *,
        max_body: int = MAX_BODY,
    ) -> None:
        self._app, self._arriving, self._meddle = app, arriving, meddle
        self._port, self._max_body = port, max_body
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where the application answers; meaningful once started."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Accept connections. Raises OSError if the port is taken."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.app, self._server.arriving = self._app, self._arriving
        self._server.meddle, self._server.max_body = self._meddle, self._max_body
        self._port = self._server.server_address[1]
        # The interval is how long stop() may take to be noticed.
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="localcloud-http", daemon=True
        ).start()

    def stop(self) -> None:
        """Close the port and every open connection. Does nothing if not started."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.drop_connections()


class _Server(socketserver.ThreadingTCPServer):
    # Not HTTPServer, which looks up the machine's name and may wait for a name server.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    app: "WSGIApplication"
    arriving: Path | None
    meddle: Meddle | None
    max_body: int

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        # Without this a stopped server would go on answering clients that kept a connection.
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed meanwhile

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Reached when a client goes away or sends what is not HTTP: its thread ends, nothing else.
        logger.debug("connection from %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else small answers wait up to 40 ms for an acknowledgement
    wbufsize = 64 * 1024  # headers and a small body leave in one packet
    timeout = _IDLE_SECONDS
    server: _Server

    def version_string(self) -> str:
        return "localcloud"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        logger.debug(format, *args)

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()  # the client sends its body only once it has seen this
        return going_on

    def _respond(self) -> None:
        server, meddling = self.server, None
        if server.meddle is not None:
            meddling = server.meddle(self.command, self.path, self.headers, self.rfile, self.wfile)
        try:
            incoming = pieces(self.headers, self.rfile, server.max_body)
            if meddling is None:
                self._answer(incoming, server.app)
            else:
                app = meddling.around(server.app, server.arriving)
                self._answer(meddling.incoming(incoming), app)
        except Dropped:
            self.close_connection = True
        except Unreadable:
            self.send_error(400)
            self.close_connection = True  # nobody knows where the next request would start

    def _answer(self, incoming: Iterator[bytes], app: "WSGIApplication") -> None:
        body, told = self._received(incoming)
        with closing(body):
            try:
                status, headers, chunks = _call(app, {**self._environ(body), **told})
            except Dropped:
                raise
            except Exception:  # one request's fault must not end the server
                logger.exception("error while answering %s %s", self.command, self.path)
                status, headers, chunks = "500 Internal Server Error", [], []
            try:
                self._send(status, headers, chunks)
            except EOFError:  # of a stored file; the client notices by the end of the connection
                logger.exception("answer cut short: %s %s", self.command, self.path)
                self.close_connection = True
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()

    def _received(self, incoming: Iterator[bytes]) -> tuple[Body, "WSGIEnvironment"]:
        """The body, and what the environ says if there was no room for it."""
        try:
            return receive(incoming, self.server.arriving), {}
        except OSError as error:
            for _ in incoming:  # a client may listen only once it has sent everything
                pass
            return Body(), {REFUSAL: error}

    def _environ(self, body: Body) -> "WSGIEnvironment":
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "RAW_URI": self.path,  # as sent: a key with %2F is not a key with /
            "QUERY_STRING": query,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(body.size),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            if name.lower() not in ("content-type", "content-length") and "_" not in name:
                environ["HTTP_" + name.upper().replace("-", "_")] = value.strip()
        return environ

    def _send(self, status: str, headers: list[tuple[str, str]], chunks: Iterable[bytes]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if isinstance(chunks, Generator):
            self.send_header("Connection", "close")  # which is how the client knows of its end
            self.end_headers()
            for piece in chunks:
                self.wfile.write(piece)
                self.wfile.flush()
            return
        bodiless = code in ("204", "304")
        if not bodiless and not any(name.lower() == "content-length" for name, _ in headers):
            chunks = [b"".join(chunks)]
            self.send_header("Content-Length", str(len(chunks[0])))
        self.end_headers()
        if self.command != "HEAD" and not bodiless:
            self.wfile.writelines(chunks)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PATCH = _respond  # noqa: N815


def _call(
    app: "WSGIApplication", environ: "WSGIEnvironment"
) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
    """Run a WSGI application in this thread; returns status line, headers and body."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Any:
        started.append((status, headers))

    chunks = app(environ, start_response)
    return (*started[-1], chunks)
