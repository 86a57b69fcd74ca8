"""A small simulation of the fan-out: requests, and instances that serve one at a time.

An instance starts cold for a request that finds none idle, as long as the limits allow it, and
that request waits for it; else requests wait in line for the first one that is free. An instance
that has just become free is the first to be used again, so that the others grow idle and end. So
does the local cloud, and so do the documents of Function Compute have it. Pure: no clock, and no
randomness but what is given.
"""

import heapq
import itertools
import random
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True)
class Fleet:
    """What instances may be had. Times in seconds.

    `limit`: the most at a time. `cold`: from being asked for to serving. `burst`: how many can be
    started at once; after that, `growth` a second. `idle_after`: without a request an instance
    ends. `between`: for which a request occupies an instance beside its work, unbilled.
    """

    limit: int
    cold: float = 0.0
    burst: float = inf
    growth: float = inf
    idle_after: float = inf
    between: float = 0.0


@dataclass(frozen=True)
class Failing:
    """How often a try fails, whatever it is for: share of tries, further tries, seconds before."""

    rate: float = 0.0
    retries: int = 3
    pause: float = 1.0


@dataclass
class Outcome:
    """What a fleet did. Seconds; `busy` and `starting` are sums over its instances.

    `took`: for each request, from its coming to its end, pauses between tries included.
    """

    finished: float = 0.0
    busy: float = 0.0
    starting: float = 0.0
    cold_starts: int = 0
    instances: int = 0
    tries: int = 0
    dead: int = 0
    took: "array[float]" = field(default_factory=lambda: array("d"))

    def waited(self, share: float) -> float:
        """The time within which that share of the requests ended; 0 without requests."""
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


_Request = tuple[float, int, float, int]
"""When it is ready, its number among requests, when it first came, and its tries before."""


def simulate(
    arrivals: Iterable[float], work: Iterator[float], fleet: Fleet,
    failing: Failing | None = None, chance: Iterator[float] | None = None,
) -> Outcome:  # fmt: skip
    """Serve requests that come at `arrivals`, in their order, each try taking the next of `work`.

    `chance`: numbers from 0 to 1, one a try, against which the rate of failures is held.
    """
    failing = failing or Failing()
    pool, outcome = _Pool(fleet), Outcome()
    coming = iter(arrivals)
    again: list[_Request] = []
    number = itertools.count()
    new = next(coming, None)
    while new is not None or again:
        if new is None or (again and again[0][0] <= new):
            ready, _, came, before = heapq.heappop(again)
        else:
            ready = came = new
            before, new = 0, next(coming, None)
        took = next(work)
        ended = pool.serve(ready, took)
        outcome.tries += 1
        outcome.busy += took
        outcome.finished = max(outcome.finished, ended)
        if failing.rate > 0 and chance is not None and next(chance) < failing.rate:
            if before < failing.retries:
                heapq.heappush(again, (ended + failing.pause, next(number), came, before + 1))
                continue
            outcome.dead += 1
        outcome.took.append(ended - came)
    outcome.cold_starts, outcome.instances = pool.started, pool.most
    outcome.starting = pool.started * fleet.cold
    return outcome


class _Pool:
    """Instances: when those at work become free, and since when the others have been idle."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._working: list[float] = []
        self._idle: deque[float] = deque()
        self._may_start, self._as_of = float(fleet.burst), 0.0
        self.started = self.most = 0

    def serve(self, ready: float, took: float) -> float:
        """Give a request to an instance; when it ends. They are given in the order of `ready`."""
        fleet, working, idle = self._fleet, self._working, self._idle
        while working and working[0] <= ready:
            idle.append(heapq.heappop(working))
        while idle and idle[0] + fleet.idle_after <= ready:
            idle.popleft()
        if idle:
            idle.pop()
            begins = ready
        else:
            begins = self._none_idle(ready)
        ended = begins + took
        heapq.heappush(working, ended + fleet.between)
        return ended

    def _none_idle(self, ready: float) -> float:
        """When the request begins: on a new instance, or on the first that becomes free."""
        alive = len(self._working)
        if alive < self._fleet.limit:
            startable = self._startable(ready)
            if not self._working or startable <= self._working[0]:
                self._may_start -= 1
                self.started += 1
                self.most = max(self.most, alive + 1)
                return startable + self._fleet.cold
        return heapq.heappop(self._working)

    def _startable(self, ready: float) -> float:
        """The first moment at which the platform lets another instance start."""
        fleet = self._fleet
        if inf in (fleet.burst, fleet.growth):
            return ready
        since = max(0.0, ready - self._as_of)
        self._may_start = min(float(fleet.burst), self._may_start + since * fleet.growth)
        self._as_of = max(self._as_of, ready)
        return ready + max(0.0, 1 - self._may_start) / fleet.growth


_BLOCK = 4096


def drawn(samples: Sequence[float], seed: int) -> Iterator[float]:
    """Samples picked at random for ever, the same ones for the same seed."""
    random_numbers = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    while True:
        yield from random_numbers.choices(samples, k=_BLOCK)


def chances(seed: int) -> Iterator[float]:
    """Numbers from 0 to 1 for ever, the same ones for the same seed."""
    random_numbers = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    while True:
        yield random_numbers.random()


def at_once(count: int) -> Iterator[float]:
    """A backfill: everything waits at the beginning."""
    return itertools.repeat(0.0, count)


def per_second(rate: float, count: int, seed: int) -> Iterator[float]:
    """A launch: independent uploads, so many a second on average (a Poisson process)."""
    random_numbers = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    now = 0.0
    for _ in range(count):
        now += random_numbers.expovariate(rate)
        yield now
