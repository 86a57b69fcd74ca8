"""What repeated measurements say: the middle, how far they spread, how two designs compare.

Medians and quartiles: on a shared machine single runs are far too slow now and then, and a mean
would tell of those instead.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """The median of some samples, the quartiles around it, and how many there were."""

    median: float
    low: float
    high: float
    count: int


def spread(samples: Sequence[float]) -> Spread:
    """Quartiles with the ends included, which is right for a sample that is all there is.

    ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples")
    if len(samples) == 1:
        return Spread(samples[0], samples[0], samples[0], 1)
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(median, low, high, len(samples))


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Each round's own ratio: what slows the machine for a while slows both parts of it.

    ValueError when the two were not measured equally often.
    """
    return [a / b for a, b in zip(above, below, strict=True)]


def alternating(designs: Sequence[T], rounds: int) -> Iterator[T]:
    """A B C, A B C, ...: none has the machine's good minutes to itself."""
    for _ in range(rounds):
        yield from designs
