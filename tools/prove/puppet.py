"""A function that moves only when it is told to, so that somebody else decides who goes next."""

import threading
from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """The process of the function ends here. Nothing that catches exceptions catches this one."""


class Puppet:
    """Runs `play` on a thread of its own, which waits at every `ask` until `go`.

    Only one thread runs at a time, so what happens depends on the order of the calls alone.
    """

    def __init__(self, play: Callable[["Puppet"], Any]) -> None:
        self.asked: Any = None
        """What it wants to do next; meaningful until `ended`."""
        self.ended = False
        self.error: BaseException | None = None
        self._play = play
        self._act: Callable[[], Any] = lambda: None
        self._may_go, self._stands = threading.Lock(), threading.Lock()
        self._may_go.acquire()
        self._stands.acquire()
        threading.Thread(target=self._run, daemon=True).start()
        self._stands.acquire()

    def ask(self, wish: Any) -> Any:
        """From within `play`: wait, then do what is decided, in place of what is wished."""
        self.asked = wish
        self._stands.release()
        self._may_go.acquire()
        return self._act()

    def go(self, act: Callable[[], Any]) -> None:
        """Let it do `act` and go on from there to its next wish, or to its end."""
        self._act = act
        self._may_go.release()
        self._stands.acquire()

    def kill(self) -> None:
        """End it where it stands."""
        while not self.ended:
            self.go(_die)

    def _run(self) -> None:
        try:
            self._play(self)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the one who waits is to see it
            self.error = error
        finally:
            self.ended = True
            self._stands.release()


def _die() -> None:
    raise Killed
