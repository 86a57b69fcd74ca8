"""What a local cloud tells, as it happens, to whoever watches it.

It is told in the threads that do the work, some of them holding a lock: whoever listens writes it
down and returns. With no listener nothing of this is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tools.localcloud.oss_types import ObjectCreated

State = Literal["queued", "running", "done", "retried", "failed"]


@dataclass(frozen=True)
class InvocationNews:
    """An invocation has moved on.

    `state`: `queued`, `running`, then `done`, `failed` for good, or `retried` to be run later.
    `attempts`: how often it has been answered. `ms`: what the last attempt took, with its cold
    start. `error`: the platform's document for an attempt that failed.
    """

    state: State
    function: str
    request_id: str
    event: bytes
    attempts: int = 0
    ms: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class InstanceNews:
    """An instance is `cold` until it is initialized, then `busy` or `warm`, and `ended` at last."""

    state: Literal["cold", "busy", "warm", "ended"]
    function: str
    instance: str


OnNews = Callable[[InvocationNews | InstanceNews | ObjectCreated], None]
