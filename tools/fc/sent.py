"""An event on its way: what is known of it, when to ask again, and when to stop asking."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from tools.fc.batches import Batch
from tools.fc.watch import Letter, Look, failed

FIRST, LONGEST = 0.2, 10.0
"""Seconds between two looks at an event: at first, and at most."""

QUIET = 60.0
"""Seconds without news of an event after which all its keys are looked at, not one of them."""

TRIES = 2
"""How often a key is sent again: alone if the event it was in ended its process, or because its
image was overwritten after the function had read it."""


@dataclass(eq=False)
class Sent:
    """Times are those of the monotonic clock, in seconds; `at` is in seconds since 1970.

    `request`: the id under which the platform has it. `began`: when that was answered, 0 before.
    `left`: its keys without an outcome. `moved`: when there was news of any. `due`: when to look.
    `news`: since the last look began. `silent`: some of its keys were given up.
    """

    batch: Batch
    request: "Future[str]"
    at: float
    began: float = 0.0
    moved: float = 0.0
    due: float = 0.0
    left: list[str] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    news: bool = False
    silent: bool = False
    _known: dict[str, Look] = field(default_factory=dict)
    _pause: float = FIRST
    _looks: int = 0
    _whole: float = 0.0

    def __post_init__(self) -> None:
        self.left = list(self.batch.keys)

    def accepted(self, now: float, pace: float) -> None:
        """The platform has it; `pace`: the seconds that others have taken lately."""
        self.began = self.moved = self._whole = now
        self.due = now + max(FIRST, min(0.7 * pace, QUIET))

    def probe(self) -> str:
        """The key to ask about: the last, since it is done last, then another each time."""
        self.news = False
        self._looks += 1
        return self.left[-1 - (self._looks - 1) % len(self.left)]

    @property
    def doubtful(self) -> bool:
        """Whether it may have failed for good: it takes longer than expected."""
        return not self.news and self._looks > 1

    def whole(self, now: float, quiet: float) -> bool:
        """Whether to ask about all that is left: some of it is done, or too long nothing was."""
        if self.news or self.letters or now - max(self.moved, self._whole) >= quiet:
            self._whole = now
            return True
        return False

    def heard(self, key: str, look: Look, now: float) -> dict[str, Any] | None:
        """Take note of a look at one of its keys; the outcome if that is the end of it."""
        if look.outcome is None:
            self._known[key] = look
            return None
        if key not in self.left:
            return None
        self.left.remove(key)
        self.moved, self.news = now, True
        return look.outcome

    def filed(self) -> list[tuple[str, Letter]]:
        """Take out the keys that its letters name, and all that is left if one names none."""
        letters = {letter.key: letter for letter in self.letters}
        named = [(key, letters.get(key) or letters.get(None)) for key in self.left]
        self.left = [key for key, letter in named if letter is None]
        return [(key, letter) for key, letter in named if letter]

    @property
    def fruitful(self) -> bool:
        """Whether any of its keys is done."""
        return self.moved > self.began

    @property
    def died(self) -> str:
        """Why it came to nothing as a whole, none of its keys done; empty if it did not."""
        if self.fruitful:
            return ""
        for letter in self.letters:
            if letter.suspected or letter.key is None:
                return f"{letter.reason} (dead letter {letter.name})"
        return "neither a result nor a dead letter comes of it" if self.silent else ""

    def overwritten(self, now: float, quiet: float) -> list[str]:
        """Keys whose results are of other versions, of which no more is to be heard; send again."""
        if now - self.moved < quiet or self.batch.tries >= TRIES:
            return []
        stale = [key for key in self.left if key in self._known and self._known[key].stale]
        self.left = [key for key in self.left if key not in stale]
        return stale

    def given_up(self, now: float, patience: float) -> list[dict[str, Any]]:
        """Outcomes of what is left once nothing was heard of any of it for `patience` seconds."""
        if now - self.moved < patience:
            return []
        outcomes = [failed(key, self._why(key, patience)) for key in self.left]
        self.silent = self.silent or bool(self.left)
        self.left = []
        return outcomes

    def later(self, now: float) -> None:
        """Look again, after a pause that grows as long as there is no news."""
        self._pause = FIRST if self.news else min(1.5 * self._pause, LONGEST)
        self.due = now + self._pause

    def _why(self, key: str, patience: float) -> str:
        why = self._known[key].why if key in self._known else "it was not looked at"
        return (
            f"{why}, and no dead letter, {patience:,.0f} s after the last news of its event "
            f"(request {self.request.result()}); see that the function reads and writes these "
            "very places, and look into its log, then run again"
        )
