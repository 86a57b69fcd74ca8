"""How a server lets requests be meddled with: what asks, and what may be done."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import WSGIApplication

REFUSAL = "localcloud.refusal"
"""Where in an environ an application finds the exception to answer without doing anything: an
OssError on purpose, or the OSError for which the body could not be kept."""


class Dropped(Exception):
    """The connection is to be closed as it is, without the rest of the answer."""


class Meddling(Protocol):
    """What is done to one request on purpose. Each part may raise Dropped."""

    def incoming(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The request's body as it arrives."""

    def around(self, app: "WSGIApplication", arriving: Path | None) -> "WSGIApplication":
        """The application that answers it; `arriving` as for the server."""


Meddle = Callable[..., Meddling | None]
"""Given method, path, headers and the connection, to read and to write: what befalls a request."""
