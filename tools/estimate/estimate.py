"""From measured events to instances, minutes and money, for each size of instance."""

import itertools
import math
import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fanlight.errors import ConfigError
from fanlight.reconcile import THREADS
from tools.estimate.measured import Measured, Taken
from tools.estimate.prices import Bill, Prices, Used
from tools.estimate.simulation import (
    Failing,
    Fleet,
    Outcome,
    at_once,
    chances,
    drawn,
    per_second,
    simulate,
)

MEMORIES = (512, 1024, 1536, 2048, 3072, 4096)
SIMULATED = 200_000
"""Events that are simulated; more are taken to go on as these did."""
SEED = 1

_GROUPS = 1000
"""Events of several images, made up of measured ones of one image."""
_STEPS = 20
"""In a vCPU. Source: "Limits" in the Function Compute documentation."""
_ROUND_TRIPS = 3
"""Of a new image: its result and itself at the same time, the write, the last look."""


@dataclass(frozen=True)
class Job:
    """What is to be done: `rate` images a second, or None for all that wait at the beginning.

    `keys`: images an event. `failing`: the share of tries that fail. `limit`: instances at most.
    """

    images: int
    size: int
    limit: int
    keys: int = 1
    rate: float | None = None
    failing: float = 0.0

    @property
    def events(self) -> int:
        """How many events that makes."""
        return math.ceil(self.images / self.keys)


@dataclass(frozen=True)
class Terms:
    """What was not measured here. `slower`: a vCPU by a core of this machine, in time.

    `platform`: seconds of a cold start before the function's own process. `round_trip`: seconds to
    OSS and back beyond those here. `between`: seconds of an instance for each event, unbilled.
    """

    slower: float = 1.0
    platform: float = 0.0
    round_trip: float = 0.0
    between: float = 0.0
    disk_gb: float = 0.5


@dataclass(frozen=True)
class Size:
    """An instance: its memory in MB, and its vCPU."""

    memory: int
    vcpus: float


@dataclass(frozen=True)
class Line:
    """What a size comes to. Seconds; `event` and `cold` are means; `took` is told of 95%."""

    size: Size
    event: float
    cold: float
    seconds: float
    took: float
    outcome: Outcome
    bill: Bill


def sizes(memories: Sequence[int], vcpus: float | None) -> list[Size]:
    """Each memory with the least vCPU it may have and with one, or with `vcpus` alone.

    ConfigError for what the platform does not allow: 1 to 4 GB a vCPU, in steps of 0.05 vCPU.
    """
    found = []
    for memory in memories:
        least = max(1, math.ceil(memory / 1024 / 4 * _STEPS))
        most = math.floor(memory / 1024 * _STEPS)
        if vcpus is None:
            wanted = {least, max(least, min(_STEPS, most))}
        elif vcpus * _STEPS in (allowed := range(least, most + 1)):
            wanted = {round(vcpus * _STEPS)}
        else:
            raise ConfigError(
                f"{memory} MB go with {allowed[0] / _STEPS:g} to {allowed[-1] / _STEPS:g} vCPU, in "
                f"steps of {1 / _STEPS:g}, not with {vcpus:g}"
            )
        found += [Size(memory, one / _STEPS) for one in sorted(wanted)]
    return found


def line(size: Size, job: Job, measured: Measured, terms: Terms, prices: Prices) -> Line:
    """Simulate a job on instances of one size, and price it."""
    events = event_seconds(measured, job.keys, size.vcpus, terms)
    starts = [one.on(size.vcpus, terms.slower) for one in measured.cold]
    cold = terms.platform + sum(starts) / len(starts)
    fleet = Fleet(
        job.limit, cold, prices.number("burst"), prices.number("growth_a_minute") / 60,
        prices.number("idle_seconds"), terms.between,
    )  # fmt: skip
    count = min(job.events, SIMULATED)
    arrivals = at_once(count) if job.rate is None else per_second(job.rate / job.keys, count, SEED)
    outcome = simulate(arrivals, drawn(events, SEED), fleet, Failing(job.failing), chances(SEED))
    if job.events > count:
        outcome = _in_full(outcome, job, job.events / count, cold)
    seconds = max(outcome.finished, job.size * 8 / 1e9 / prices.number("oss_gbit"))
    tries = outcome.tries * job.keys
    bill = prices.bill(Used(
        outcome.busy + outcome.starting, size.memory / 1024, size.vcpus, terms.disk_gb,
        outcome.tries, 2 * tries, tries, outcome.tries * (measured.logged or 0.0) / 1e9,
        math.ceil(seconds / 3600),
    ))  # fmt: skip
    return Line(size, sum(events) / len(events), cold, seconds, outcome.waited(0.95), outcome, bill)


def event_seconds(measured: Measured, keys: int, vcpus: float, terms: Terms) -> list[float]:
    """Seconds of events of `keys` images, each on an instance with so many vCPU.

    Made up of measured images, drawn at random, where events of another number were measured:
    waiting for OSS overlaps within an event, computing does not. See fanlight.together.
    """
    if keys == measured.keys:
        waits = terms.round_trip * _ROUND_TRIPS * math.ceil(keys / THREADS)
        return [one.on(vcpus, terms.slower) + waits for one in measured.events]
    if measured.keys != 1:
        raise ConfigError(f"events of {measured.keys} images were measured; give --batch as much")
    picked = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    return list(itertools.islice(_grouped(measured, keys, vcpus, terms, picked), _GROUPS))


def _grouped(
    measured: Measured, keys: int, vcpus: float, terms: Terms, picked: random.Random
) -> Iterator[float]:
    at_a_time = min(keys, THREADS)
    while True:
        group = picked.choices(measured.events, k=keys)
        waited = sum(max(0.0, one.seconds - one.processor) for one in group)
        waited += keys * terms.round_trip * (_ROUND_TRIPS + 1)  # several keys ask in turn
        processor = sum(one.processor for one in group)
        seconds = sum(min(one.seconds, one.processor) for one in group)
        yield waited / at_a_time + Taken(seconds, processor).on(vcpus, terms.slower)


def _in_full(outcome: Outcome, job: Job, times: float, cold: float) -> Outcome:
    """A job `times` as long, which goes on as what was simulated."""
    again = outcome.cold_starts - outcome.instances  # for those that had ended, idle
    starts = outcome.instances + round(again * times)
    took = outcome.took if job.rate else array("d", (one * times for one in outcome.took))
    return replace(
        outcome, finished=cold + (outcome.finished - cold) * times, busy=outcome.busy * times,
        tries=round(outcome.tries * times), dead=round(outcome.dead * times), took=took,
        starting=starts * cold, cold_starts=starts,
    )  # fmt: skip
