"""A relay in front of an endpoint, which counts connections and bytes, and can make it far away."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_ACKNOWLEDGED = 120
"""Where tcp_info has tcpi_bytes_acked, 64 bits. Source: Linux's include/uapi/linux/tcp.h."""


class Relay:
    """Passes everything on. `seconds`: by how much later each request arrives."""

    def __init__(self, url: str, seconds: float = 0.0) -> None:
        target = urlsplit(url)
        self._target = (target.hostname or "", target.port or 80)
        self._seconds = seconds
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self._clients)

    @property
    def received(self) -> int:
        """Bytes that have arrived where the clients are, whether they were read or not."""
        infos = (client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED + 8)
                 for client in self._clients)  # fmt: skip
        return sum(struct.unpack_from("=Q", info, _ACKNOWLEDGED)[0] for info in infos)

    def close(self) -> None:
        """End every connection."""
        self._listener.close()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.create_connection(self._target)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._clients.append(client)
                for pair in ((client, server, self._seconds), (server, client, 0.0)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, seconds: float) -> None:
    with suppress(OSError):
        while data := source.recv(256 * 1024):
            if seconds:
                time.sleep(seconds)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def relayed(url: str, seconds: float = 0.0) -> Iterator[Relay]:
    """A relay for as long as the `with` block lasts."""
    relay = Relay(url, seconds)
    try:
        yield relay
    finally:
        relay.close()
