"""Reads the body of an HTTP request from its connection, piece by piece."""

from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase
from typing import IO, cast

from werkzeug.serving import DechunkedInput

MAX_BODY = 5 * 1024**3  # what OSS takes in one PUT
_PIECE = 1024 * 1024


class Unreadable(Exception):
    """The client went away inside the body, or what it sent is none. Not a fault of the server."""


def pieces(headers: Message, rfile: BufferedIOBase) -> Iterator[bytes]:
    """The body that comes after these headers, of at most MAX_BODY; raises Unreadable."""
    # Nothing but the connection is used in here: whoever takes the pieces fails outside.
    try:
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            yield from _dechunked(rfile)
        else:
            yield from _counted(int(headers.get("Content-Length", "0")), rfile)
    except (ValueError, OSError) as error:
        raise Unreadable(str(error)) from error


def _counted(length: int, rfile: BufferedIOBase) -> Iterator[bytes]:
    if not 0 <= length <= MAX_BODY:
        raise Unreadable("the length is out of range")
    while length > 0:  # in pieces: memory is taken for what came, not for what was announced
        piece = rfile.read(min(length, _PIECE))
        if not piece:
            raise Unreadable("the client closed the connection inside the body")
        length -= len(piece)
        yield piece


def _dechunked(rfile: BufferedIOBase) -> Iterator[bytes]:
    stream, room = DechunkedInput(cast("IO[bytes]", rfile)), MAX_BODY
    while piece := stream.read(_PIECE):
        room -= len(piece)
        if room < 0:
            raise Unreadable("the body is too long")
        yield piece
