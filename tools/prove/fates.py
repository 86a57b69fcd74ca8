"""What can befall one operation on a store, and the two stores it can befall.

A write that lands late is kept by whoever plays, who lets it land when it likes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fanlight.retry import Retry
from fanlight.store import Store
from tools.prove.puppet import Killed, Puppet

BUCKET = "bucket"


@dataclass(frozen=True)
class Wish:
    """One operation that waits to be carried out. `verb`: get, head, put or list."""

    verb: str
    key: str
    if_absent: bool
    carry_out: Callable[[], Any]


@dataclass(frozen=True)
class Fate:
    """`now`: it is carried out. `late`: it is (once more) later. `end`: what its caller is told."""

    name: str
    now: bool
    late: bool
    end: str


WELL = Fate("well", now=True, late=False, end="answer")
CRASHES = (
    Fate("crash before", now=False, late=False, end="die"),
    Fate("crash after", now=True, late=False, end="die"),
)
WRITE_CRASHES = (*CRASHES, Fate("crash, lands late", now=False, late=True, end="die"))


class Cloud(Protocol):
    """A bucket that is played with."""

    plain: Store
    """The bucket, without any fate: what people and checks use."""

    def store(self, puppet: Puppet) -> tuple[Store, Retry]:
        """The bucket as one invocation has it: every operation is a wish of the puppet."""

    def fates(self, wish: Wish) -> tuple[Fate, ...]:
        """What else than well can befall a wish."""

    def tell(self, end: str, value: Any) -> Any:
        """What its caller is told, as answer or error; `value` is the true answer, if any."""


def befall(cloud: Cloud, wish: Wish, fate: Fate) -> Callable[[], Any]:
    """What the puppet that had the wish does instead."""

    def act() -> Any:
        value = wish.carry_out() if fate.now else None
        if fate.end == "die":
            raise Killed
        return value if fate.end == "answer" else cloud.tell(fate.end, value)

    return act
