"""Reads the body of an HTTP request from its connection, piece by piece.

Source of the chunked coding: RFC 9112, section 7.1. A recipient ignores the extensions of a chunk
that it does not know, and may ignore all trailers; here none is known.
"""

import re
from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

MAX_BODY = 5 * 1024**3  # what OSS takes in one PUT
_PIECE = 1024 * 1024
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;|$)")  # its length; then extensions
_MAX_LINE, _MAX_TRAILERS = 65536, 100  # as the standard library takes of headers


class Unreadable(Exception):
    """The client went away inside the body, or what it sent is none. Not a fault of the server."""


def pieces(headers: Message, rfile: BufferedIOBase, most: int = MAX_BODY) -> Iterator[bytes]:
    """The body that comes after these headers, of at most `most` bytes; raises Unreadable."""
    # Nothing but the connection is used in here: whoever takes the pieces fails outside.
    try:
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            yield from _dechunked(rfile, most)
        else:
            yield from _counted(int(headers.get("Content-Length", "0")), rfile, most)
    except (ValueError, OSError) as error:
        raise Unreadable(str(error)) from error


def _counted(length: int, rfile: BufferedIOBase, most: int) -> Iterator[bytes]:
    if not 0 <= length <= most:
        raise Unreadable("the length is out of range")
    while length > 0:  # in pieces: memory is taken for what came, not for what was announced
        piece = rfile.read(min(length, _PIECE))
        if not piece:
            raise Unreadable("the client closed the connection inside the body")
        length -= len(piece)
        yield piece


def _dechunked(rfile: BufferedIOBase, most: int) -> Iterator[bytes]:
    room = most
    while length := _chunk_length(_line(rfile)):
        room -= length
        if room < 0:
            raise Unreadable("the body is too long")
        yield from _counted(length, rfile, most)
        if _line(rfile):
            raise Unreadable("a chunk is longer than it says")
    for _ in range(_MAX_TRAILERS + 1):
        if not _line(rfile):
            return
    raise Unreadable("there are too many trailers")


def _chunk_length(line: bytes) -> int:
    found = _CHUNK.match(line)
    if found is None:
        raise Unreadable("a chunk does not say how long it is")
    return int(found[1], 16)


def _line(rfile: BufferedIOBase) -> bytes:
    line = rfile.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        raise Unreadable("a line of a chunked body does not end")
    return line.removesuffix(b"\n").removesuffix(b"\r")
