"""Choices read from bytes, which Hypothesis can make, and make simpler."""

from dataclasses import dataclass


@dataclass
class Tape:
    """Choices, and nothing but the first one once it has run out."""

    data: bytes
    position: int = 0

    @property
    def left(self) -> bool:
        """Whether there are choices left."""
        return self.position < len(self.data)

    def choose(self, count: int) -> int:
        """One of `count`."""
        if not self.left:
            return 0
        self.position += 1
        return self.data[self.position - 1] % count
