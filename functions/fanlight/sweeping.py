"""A pass over everything there is, for images whose event never came or could not be dealt with.

The bucket is the state. First both places are listed side by side, and what has no result is
reconciled, in random order, so that a few that take long or fail each time hold up no others. What
is left of the time goes into reading results. That begins at an image which is drawn anew each
time, so that in the long run each result is looked at as often as any other. In a bucket that takes
too long to list, a bookmark tells the next pass where to go on.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, takewhile
from random import Random
from typing import Any, Protocol, TypeVar

from fanlight.bookmark import Bookmark
from fanlight.errors import TransientError
from fanlight.log import Log
from fanlight.pairs import Pair, pairs
from fanlight.place import RESULT_SUFFIX
from fanlight.reconcile import RESULT_LIMIT, Outcome, Reconciler, document_of
from fanlight.result import version_of
from fanlight.store import Meta
from fanlight.together import flowing
from fanlight.work import LONGEST_ERROR, tried

T = TypeVar("T")

THREADS = 16
"""Keys looked at at a time; each has a request under way, and `connections` keeps a few more."""

SAMPLE = 10_000
"""Missing keys that a pass holds, each of 1,023 bytes at most. Others are met again later on."""

NAMED = 20
"""Failed keys in the answer. The log has all of them."""


class Listed(Protocol):
    """A store whose keys come in the order of their bytes, from any of them on."""

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        """Every object below `prefix` whose key follows `after`."""


@dataclass
class Sweep:
    """One pass. `images` and `results`: the reconciler's stores; its answers come in turns.

    `time_left`: seconds in which another key may be begun. `settled`: whether an image has been
    there for so long that its event has come, or never will. `reconciler`: with `beside` None.
    """

    reconciler: Reconciler
    images: Listed
    results: Listed
    log: Log
    time_left: Callable[[], float]
    settled: Callable[[Meta], bool]
    random: Random = field(default_factory=Random)
    _found: Counter[str] = field(default_factory=Counter)
    _mended: Counter[str] = field(default_factory=Counter)
    _checked: Counter[str] = field(default_factory=Counter)
    _failed: list[dict[str, Any]] = field(default_factory=list)
    _missing: list[str] = field(default_factory=list)
    _from: str | None = None
    _to: str | None = None
    _listed: bool = True
    _whole: bool = True

    def run(self) -> dict[str, Any]:
        """The pass; what there was, what became of it, and how far it came.

        `listed`: whether there was time to list all; if not, the next pass goes on from there.
        `whole`: whether all results were read as well. `from` and `to`: the first image of that
        reading and the last. Keys that fail are logged and named; the next pass tries them again.
        Raises what listing raises, as long as nothing has been done, and a ConfigError at once.
        """
        self._look()
        self.random.shuffle(self._missing)
        missing = self._in_time(iter(self._missing))
        self._work(((key, None) for key in missing), self._mended)
        self._work(self._ring(), self._checked)
        summary = {
            **{name: self._found[name] for name in ("images", "orphaned", "young", "missing")},
            "reconciled": dict(sorted(self._mended.items())),
            "checked": dict(sorted(self._checked.items())),
            "listed": self._listed,
            "whole": self._whole,
            "from": self._from,
            "to": self._to,
        }
        self.log("sweep", **summary)
        return {**summary, "failed": self._failed}

    def _look(self) -> None:
        """List both places, for half of the time at most, and draw from what is there."""
        reconciler = self.reconciler
        bookmark = Bookmark(reconciler.results, reconciler.input, reconciler.output, self.log)
        begin = reached = bookmark.read()
        half = self.time_left() / 2
        for pair in self._around(begin):
            if self.time_left() < half:
                self._listed = self._whole = False
                break
            if not reached.startswith(pair.key):  # `a` may come behind `a-b`, but never leads back
                reached = pair.key
            if pair.image is None:
                self._found["orphaned"] += 1
                continue
            self._found["images"] += 1
            if self.random.randrange(self._found["images"]) == 0:
                self._from = pair.key
            if pair.result is None:
                self._is_missing(pair.image)
        else:
            reached = ""
        if reached != begin:
            bookmark.keep(reached)

    def _around(self, begin: str) -> Iterator[Pair]:
        """Every image once, in the order of keys from the bookmark on, then those up to it."""
        images, results = self.reconciler.input, self.reconciler.output
        name = images.relative(begin)
        if name is None:
            yield from self._pairs("", "")
            return
        first = _order(begin)
        later = self._pairs(begin, f"{results.prefix}{name}")
        yield from (pair for pair in later if _order(pair.key) > first)
        last = _order(f"{results.prefix}{name}{RESULT_SUFFIX}")
        earlier = pairs(
            takewhile(lambda meta: _order(meta.key) <= first, self.images.list(images.prefix)),
            images,
            # That of `a` comes behind that of `a-b`: where the bookmark is `a-b`, it looks as if
            # `a` had none, and reconciling `a` finds it.
            takewhile(lambda meta: _order(meta.key) <= last, self.results.list(results.prefix)),
            results,
        )
        yield from (pair for pair in earlier if _order(pair.key) <= first)

    def _pairs(self, image: str, result: str) -> Iterator[Pair]:
        """All that follow in both listings."""
        images, results = self.reconciler.input, self.reconciler.output
        return pairs(self.images.list(images.prefix, image), images,
                     self.results.list(results.prefix, result), results)  # fmt: skip

    def _is_missing(self, image: Meta) -> None:
        """Hold its key, or not, with the chance of all others. Source: Vitter 1985, algorithm R."""
        if not self.settled(image):
            self._found["young"] += 1
            return
        self._found["missing"] += 1
        if len(self._missing) < SAMPLE:
            self._missing.append(image.key)
            return
        place = self.random.randrange(self._found["missing"])
        if place < SAMPLE:
            self._missing[place] = image.key

    def _ring(self) -> Iterator[tuple[str, Meta]]:
        """Every image from `_from` on, then those before it, as they are listed now."""
        if self._from is None:
            return
        place, first, done = self.reconciler.input, _order(self._from), set(self._missing)
        later = self.images.list(place.prefix, self._from)
        earlier = self.images.list(place.prefix)
        ring = chain(later, takewhile(lambda meta: _order(meta.key) <= first, earlier))
        for meta in self._in_time(ring):
            if place.relative(meta.key) is None or meta.key in done or not self.settled(meta):
                continue
            self._to = meta.key
            yield meta.key, meta

    def _work(self, items: Iterator[tuple[str, Meta | None]], count: Counter[str]) -> None:
        """Many at a time."""

        def one(item: tuple[str, Meta | None]) -> tuple[dict[str, Any], str]:
            key, listed = item
            return tried(partial(self._one, listed), key)

        for _, (outcome, trace) in flowing(one, items, THREADS):
            count[outcome["outcome"]] += 1
            if trace:
                self.log("fault", key=outcome["key"], trace=trace)
            if outcome["outcome"] == "unchanged":
                continue
            self.log("key", **outcome)
            if outcome["outcome"] == "failed" and len(self._failed) < NAMED:
                reason = outcome["reason"][:LONGEST_ERROR]
                self._failed.append({"key": outcome["key"], "reason": reason})

    def _in_time(self, items: Iterator[T]) -> Iterator[T]:
        """As many of them as there is time to begin."""
        while self.time_left() > 0:
            try:
                item = next(items)
            except StopIteration:
                return
            except TransientError as error:  # of a listing: what was done is still to be told
                self.log("listing ended early", reason=str(error))
                break
            yield item
        self._whole = False

    def _one(self, listed: Meta | None, key: str) -> Outcome:
        """Reconcile a key, unless what was listed shows its result to be true."""
        if listed is not None:
            target = self.reconciler.target(key)
            result = self.reconciler.results.get(target, RESULT_LIMIT)
            if version_of(document_of(result)) == listed.version:
                return Outcome(key, "unchanged", target)
        return self.reconciler.reconcile(key)


def _order(key: str) -> bytes:
    """What OSS lists keys by."""
    return key.encode("utf-8", "surrogateescape")
