"""What `chaos` decides about requests, done to them: refused, cut, lost, late, slow, misdated."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote

from tools.localcloud.body import Body, receive
from tools.localcloud.chaos import REQUEST_FAULTS, Chaos, Fault
from tools.localcloud.meddling import REFUSAL, Dropped, Meddling
from tools.localcloud.oss_request import DIGITS
from tools.localcloud.oss_types import OssError

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ROLE = "role-id-"
_KEY_ID = re.compile(r"(?:Credential=|^OSS |OSSAccessKeyId=|x-oss-credential=)([\w.-]+)")
_PIECES = 10
"""Of a body that is sent slowly, each after a pause."""


class Meddler:
    """Meddles with the requests to one server as `chaos` decides."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self._state = threading.Condition()
        self._late = 0
        self._begun = 0

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], rfile: BinaryIO, wfile: BinaryIO
    ) -> Meddling | None:
        """What is to befall a request whose head has been read; None for nothing."""
        key_id = _key_id(headers, path)
        if not (self._chaos.everyone or key_id.startswith(_ROLE)):
            return None
        told = headers.get("Content-Length", "")
        length = int(told) if re.fullmatch(DIGITS, told) else 0
        name = f"{key_id} {method} {unquote(path.partition('?')[0])}"
        fault = self._chaos.request(name, _possible(method, length))
        if fault is None:
            return None
        return _Meddling(self, self._chaos, fault, partial(rfile.read, length // 2), wfile.flush)

    def settled(self, timeout: float) -> bool:
        """Wait until every late write has been carried out; False if time ran out."""
        with self._state:
            return self._state.wait_for(lambda: self._late == 0, timeout)

    @property
    def late(self) -> int:
        """How many writes are still to be carried out."""
        with self._state:
            return self._late

    @property
    def begun(self) -> int:
        """How many late writes there have been, those to come included."""
        with self._state:
            return self._begun

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something in a thread of its own; it counts as a late write until it is done."""
        with self._state:
            self._late += 1
            self._begun += 1

        def run() -> None:
            try:
                action()
            finally:
                with self._state:
                    self._late -= 1
                    self._state.notify_all()

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()


class _Meddling:
    """One request and what befalls it."""

    def __init__(
        self,
        meddler: Meddler,
        chaos: Chaos,
        fault: Fault,
        read_half: Callable[[], bytes],
        flush: Callable[[], None],
    ) -> None:
        self._meddler, self._chaos, self._fault = meddler, chaos, fault
        self._read_half, self._flush = read_half, flush

    def incoming(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The request's body; Dropped half way if it is to be cut."""
        if self._fault.kind == "cut_request":
            with suppress(OSError):  # the client may be gone already
                self._read_half()
            raise Dropped
        yield from pieces

    def around(self, app: "WSGIApplication", arriving: Path | None) -> "WSGIApplication":
        """The application as this request finds it. Its answer may raise Dropped."""

        def meddled(environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
            kind, rates = self._fault.kind, self._chaos.rates
            if kind == "unavailable":
                return app({**environ, REFUSAL: _unavailable()}, respond)
            if kind == "internal":
                if self._fault.amount >= 0.5:
                    _carry_out(app, environ)
                return app({**environ, REFUSAL: _internal()}, respond)
            if kind == "lost":
                _carry_out(app, environ)
                raise Dropped
            if kind == "late":
                # A copy: the request's own body is gone with its connection.
                own = {**environ, "wsgi.input": receive(environ["wsgi.input"], arriving)}
                seconds = (0.1 + 0.9 * self._fault.amount) * rates.longest_late
                self._meddler.later(seconds, lambda: _carry_out_late(app, own))
                raise Dropped
            if kind == "clock":
                self._chaos.set_clock((2 * self._fault.amount - 1) * rates.clock_jump)
                try:
                    return app(environ, respond)
                finally:
                    self._chaos.set_clock(0)
            answer = app(environ, respond)
            if kind == "cut_response":
                return _Cut(answer)
            return _Slow(answer, rates.longest_slow, self._flush)

        return meddled


class _Cut:
    """Half of a body, and then the end of the connection."""

    def __init__(self, body: Any) -> None:
        self._body: Body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body.part(0, self._body.size // 2)
        raise Dropped

    def close(self) -> None:
        self._body.close()


class _Slow:
    """A body in ten pieces, with pauses of so many seconds in all."""

    def __init__(self, body: Any, seconds: float, flush: Callable[[], None]) -> None:
        self._body: Body = body
        self._pause, self._flush = seconds / _PIECES, flush

    def __iter__(self) -> Iterator[bytes]:
        size = self._body.size
        for n in range(_PIECES):
            self._flush()
            time.sleep(self._pause)
            part = self._body.part(size * n // _PIECES, size * (n + 1) // _PIECES)
            yield from part

    def close(self) -> None:
        self._body.close()


def _unavailable() -> OssError:
    return OssError(503, "ServiceUnavailable", "Please reduce your request rate.")


def _internal() -> OssError:
    message = "We encountered an internal error. Please try again."
    return OssError(500, "InternalError", message)


def _carry_out(app: "WSGIApplication", environ: "WSGIEnvironment") -> None:
    """Run a request of which nobody sees the answer."""
    close = getattr(app(environ, lambda *_: lambda _data: None), "close", None)
    if close is not None:
        close()


def _carry_out_late(app: "WSGIApplication", environ: "WSGIEnvironment") -> None:
    with closing(environ["wsgi.input"]):
        _carry_out(app, environ)


def _possible(method: str, length: int) -> list[str]:
    """The kinds of fault that make sense for a request."""
    impossible = set()
    if length == 0:
        impossible.add("cut_request")
    if method != "PUT":
        impossible.add("late")
    if method != "GET":
        impossible |= {"cut_response", "slow"}
    return [kind for kind in REQUEST_FAULTS if kind not in impossible]


def _key_id(headers: Mapping[str, str], path: str) -> str:
    """The access key id that a request says it is signed with; empty if it says none."""
    found = _KEY_ID.search(headers.get("Authorization", "") or unquote(path.partition("?")[2]))
    return found[1] if found else ""
