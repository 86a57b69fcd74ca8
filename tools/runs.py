"""One run: which images are to be worked on, and what became of them."""

import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from tools.engines import Engine
from tools.letters import named
from tools.places import Side
from tools.plan import OLDER, Check, Look, checks
from tools.progress import Progress
from tools.reservoir import reservoir
from tools.saying import one_line
from tools.shown import shown
from tools.spool import spooled

MISSING, STALE, FAILED = "missing", "stale", "failed"
ONLY = (MISSING, STALE, FAILED, OLDER)

_NAMED = 20
"""Failures told one by one; the rest are counted."""


@dataclass
class Totals:
    """What became of the images.

    `recipe` is that of new results, None where it is not known; `only` what is to be done;
    `wanted` counts it by state; `other_recipe`, of the unchanged, those of another recipe;
    `unsampled`, of those left, what is to be done but is not in the sample. What the listing
    settles and what the work gives are counted apart, as they may be two threads.
    """

    recipe: str | None
    only: str | None = None
    settled: Counter[str] = field(default_factory=Counter)
    worked_on: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    other_recipe: int = 0
    unsampled: int = 0
    began: float = field(default_factory=time.monotonic)

    def wants(self, check: Check) -> bool:
        """Whether this image is to be worked on."""
        if check.state in ("refused", "gone"):
            return False
        if self.only == OLDER:
            return check.current and check.recipe != self.recipe
        return not check.current and self.only in (None, FAILED, check.state)

    @property
    def counts(self) -> Counter[str]:
        """All images that are done with, by what became of them."""
        return self.settled + self.worked_on

    @property
    def failed(self) -> int:
        """How many have failed so far."""
        return self.settled["failed"] + self.worked_on["failed"]

    @property
    def worked(self) -> int:
        """Images that were worked on, or could not be."""
        counts = self.counts
        return counts.total() - sum(counts[kind] for kind in ("unchanged", "present", "left"))


@dataclass(frozen=True)
class Run:
    """Images and their results, and which of them to do.

    `failed`: where dead letters are, which `only` FAILED needs. `sample`: do so many of what there
    is to do. `look`: how closely to look for it. `ahead`: a thread looks for it, ahead of the work,
    so that it is known early how much there is.
    """

    images: Side
    results: Side
    failed: Side | None
    totals: Totals
    progress: Progress
    look: Look = field(default_factory=Look)
    sample: int | None = None
    ahead: bool = False
    stopped: Event = field(default_factory=Event)

    def to_do(self) -> Iterator[str]:
        """The keys to work on. Nothing is kept of the others: their number has no bound."""
        keys = self._wanted()
        if self.sample is not None:
            some, count = reservoir(keys, self.sample)
            if count > len(some):
                self.totals.unsampled = count - len(some)
                self.totals.settled["left"] += self.totals.unsampled
            keys = iter(some)
        for key in keys:
            self.progress.given()
            yield key

    def work(self, engine: Engine) -> None:
        """Have the engine do them, and count what became of each."""
        keys = spooled(self.to_do()) if self.ahead else self.to_do()
        outcomes = engine(keys)
        try:
            for outcome in outcomes:
                self.totals.worked_on[outcome["outcome"]] += 1
                self._report(outcome)
                self.progress.worked(failed=self.totals.failed)
        finally:
            self.stopped.set()
            for one in (outcomes, keys):  # at once, not whenever they are collected
                if isinstance(one, Generator):
                    one.close()

    def _wanted(self) -> Iterator[str]:
        for check in self._checks():
            if self.stopped.is_set():
                return
            self.progress.found()
            if self.totals.wants(check):
                self.totals.wanted[OLDER if self.totals.only == OLDER else check.state] += 1
                yield check.to_do
            else:
                self._settle(check)
                self.progress.settled(failed=self.totals.failed)
        self.progress.listed()

    def _checks(self) -> Iterator[Check]:
        if self.totals.only == FAILED:
            assert self.failed is not None  # noqa: S101 - as the class says
            return named(self.images, self.results, self.failed)
        return checks(self.images, self.results, self.look)

    def _settle(self, check: Check) -> None:
        totals = self.totals
        if check.state == "refused":
            totals.settled["failed"] += 1
            self._report({"key": check.key, "outcome": "failed", "reason": check.reason})
        elif check.state == "gone":
            totals.settled["gone"] += 1
        elif not check.current:
            totals.settled["left"] += 1
        else:
            totals.settled["unchanged" if self.look.deep else "present"] += 1
            known = None not in (totals.recipe, check.recipe or None)
            totals.other_recipe += known and check.recipe != totals.recipe

    def _report(self, outcome: dict[str, Any]) -> None:
        failed = self.totals.failed
        if outcome["outcome"] == "failed" and failed <= _NAMED:
            key, reason = one_line(shown(outcome["key"])), shown(outcome["reason"])
            self.progress.note(f"failed: {key}: {reason.replace(chr(10), ' ')}")
        if outcome["outcome"] == "failed" and failed == _NAMED + 1:
            self.progress.note("more failures follow; they are counted below")
