"""Serves a WSGI application from a thread: HTTP/1.1 with keep-alive, loopback only, silent.

Werkzeug's development server closes the connection after every response, and a new connection
for each request costs more than the request. Here the body is read before the application
runs, so that whatever it answers, the next request starts at the right byte; a large one into a
file. `wsgi.input` is a Body. An answer that tells its Content-Length is sent piece by piece, and a
generator as its pieces come, until it or its connection ends; an empty piece sends nothing, and has
the connection looked at.
What cannot be read is answered 400 here; for what cannot be kept, the application is given the
OSError to answer, as its own fault.
"""

import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.localcloud.body import Body, receive
from tools.localcloud.connections import gone, part
from tools.localcloud.incoming import MAX_BODY, Unreadable, pieces
from tools.localcloud.meddling import REFUSAL, Dropped, Meddle
from tools.localcloud.wsgi import call, environ_of

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_IDLE_SECONDS = 120

Screen = Callable[["WSGIEnvironment"], "WSGIApplication | None"]
"""Given what the headers say, with the CONTENT_LENGTH of the body to come: what refuses the
request, if anything does."""

logger = logging.getLogger(__name__)


class WsgiServer:
    """Serves `app` on 127.0.0.1 while started; port 0 picks a free one, kept for restarts.

    `arriving`: the folder for large bodies; they are gone with the answer, unless `app` took them.
    `meddle`: asked about each request, for faults on demand. `max_body`: bytes of a request's; a
    longer one is answered 400, and no more of it is read. `screen`: asked before a body is read;
    what it gives answers in the application's stead, and the connection ends.
    """

    def __init__(  # noqa: PLR0913 - two that most take, and by name what few do
        self,
        app: "WSGIApplication",
        port: int = 0,
        arriving: Path | None = None,
        meddle: Meddle | None = None,
        *,
        max_body: int = MAX_BODY,
        screen: Screen | None = None,
    ) -> None:
        self._app, self._arriving, self._meddle = app, arriving, meddle
        self._port, self._max_body, self._screen = port, max_body, screen
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
        self._server.screen = self._screen
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
    screen: Screen | None

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
    _waits = False
    """Whether the client sends its body only once it is told to."""

    def version_string(self) -> str:
        return "localcloud"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        logger.debug(format, *args)

    def handle_expect_100(self) -> bool:
        self._waits = True  # it may be refused instead
        return True

    def _respond(self) -> None:
        server, meddling = self.server, None
        if self._screened():
            return
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
            self._part()  # nobody knows where the next request would start

    def _screened(self) -> bool:
        """Refuse a request by its headers, or have its body sent."""
        waits, self._waits = self._waits, False
        if self.server.screen is not None:
            told = {"CONTENT_LENGTH": self.headers.get("Content-Length", "")}
            environ = {**environ_of(self, Body()), **told}
            refusal = self.server.screen(environ)
            if refusal is not None:
                status, headers, chunks = call(refusal, environ)
                self._send(status, [*headers, ("Connection", "close")], chunks)
                self._part()
                return True
        if waits:
            super().handle_expect_100()
            self.wfile.flush()
        return False

    def _part(self) -> None:
        self.close_connection = True
        with suppress(OSError):  # the client may have gone
            self.wfile.flush()
            part(self.connection)

    def _answer(self, incoming: Iterator[bytes], app: "WSGIApplication") -> None:
        body, told = self._received(incoming)
        with closing(body):
            try:
                status, headers, chunks = call(app, {**environ_of(self, body), **told})
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
                if not piece and gone(self.connection):
                    return
            return
        bodiless = code in ("204", "304")
        if not bodiless and not any(name.lower() == "content-length" for name, _ in headers):
            chunks = [b"".join(chunks)]
            self.send_header("Content-Length", str(len(chunks[0])))
        self.end_headers()
        if self.command != "HEAD" and not bodiless:
            self.wfile.writelines(chunks)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PATCH = _respond  # noqa: N815
