"""The ends of TCP connections: how to close one that still sends, and whether one has gone."""

import select
import socket
import time
from contextlib import suppress

_PARTING_SECONDS = 2.0
"""For which a client may go on sending what nobody wants."""
_PIECE = 256 * 1024


def part(connection: socket.socket) -> None:
    """Send no more, and let the client come to that: what it sends meanwhile is thrown away.

    Bytes that nobody has read would reset the connection, and what was answered would be lost.
    """
    until = time.monotonic() + _PARTING_SECONDS
    with suppress(OSError):  # it has gone, or the time is up
        connection.shutdown(socket.SHUT_WR)
        while (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(_PIECE):
                return


def gone(connection: socket.socket) -> bool:
    """Whether the client has closed its side, which a server that only writes is not told."""
    look = select.poll()
    look.register(connection, select.POLLIN)
    return bool(look.poll(0)) and not connection.recv(1, socket.MSG_PEEK)
