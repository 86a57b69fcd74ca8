"""What is handed to a function: as it was delivered, as it waits, and how much of it there is."""

import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field

from tools.localcloud.instance import Answer


@dataclass(frozen=True)
class Delivery:
    """An event for a function. `delay`: seconds until it may run."""

    function: str
    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    delay: float = 0.0


class Throttled(Exception):
    """All instances that the function may have are busy, and a synchronous call does not wait."""


@dataclass(frozen=True)
class Call:
    """A synchronous invocation. `attempts`: it is never tried again."""

    event: bytes
    request_id: str
    answer: "Future[Answer]" = field(default_factory=Future)
    attempts: int = 0


@dataclass(frozen=True)
class Invocation:
    """A delivery that was accepted. `row`: its place in the queue.

    `attempts`: how often it has been answered. `born`: when it was accepted, in seconds since 1970.
    """

    row: int
    function: str
    request_id: str
    event: bytes
    attempts: int
    born: float


@dataclass(frozen=True)
class Load:
    """How many events there are and have been since the queue was opened.

    `unfinished`: that wait or run. `accepted`: in all. `retried`: attempts after a failed one.
    """

    unfinished: int
    accepted: int
    retried: int
