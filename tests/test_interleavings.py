"""The promise, played in every order: no stale result survives, and no true one is fought over."""

from dataclasses import replace

import pytest

from fanlight.document import to_bytes
from fanlight.reconcile import RESULT_LIMIT, Outcome, Reconciler
from fanlight.result import from_bytes, version_of
from tests.interleaving import Worker, World, explore, is_true, quiet, result_of_first

TWO_UPLOADS = World(
    uploads=0,
    uploads_left=2,
    result=None,
    workers=(Worker(1, "m"), Worker(2, "m"), Worker(1, "m")),
    crashes_left=1,
)
"""Two uploads to a new key, their two events, the first delivered twice, a crash anywhere."""

TWO_OVERWRITES = World(
    uploads=1,
    uploads_left=2,
    result=result_of_first("m"),
    workers=(Worker(2, "m"), Worker(3, "m"), Worker(2, "m")),
    crashes_left=1,
)
"""The same, to a key that has a result already."""

TWO_MODELS = World(
    uploads=0,
    uploads_left=1,
    result=None,
    workers=(Worker(1, "old"), Worker(1, "new"), Worker(1, "old")),
    crashes_left=1,
)
"""One upload that two deployments with different models hear of, one of them twice."""


class WithoutCheck(Reconciler):
    """Reconciles, but does not look again after the write."""

    def _once(self, key: str, target: str) -> Outcome | None:
        result = self.results.get(target, RESULT_LIMIT)
        known = version_of(from_bytes(result.data)) if result and result.data else None
        if known is not None:
            present = self.images.head(key)
            if present is not None and present.version == known:
                return Outcome(key, "unchanged", target)
        image = self.images.get(key, self.max_bytes)
        assert image is not None
        document = self.answer(self._source(image.meta), image.data)
        if not self.results.put(target, to_bytes(document), if_absent=result is None):
            return None
        return Outcome(key, document["status"], target, document)


class _AlwaysReplaces:
    """A store whose every write replaces what is there."""

    def __init__(self, store: object) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> object:
        return self._store.put(key, data, if_absent=False)  # type: ignore[attr-defined]


class WithoutPutIfAbsent(Reconciler):
    """Reconciles, but a first write replaces whatever appeared meanwhile."""

    def _once(self, key: str, target: str) -> Outcome | None:
        object.__setattr__(self, "results", _AlwaysReplaces(self.results))
        return super()._once(key, target)


def stale_ends(start: World, reconciler: type[Reconciler] = Reconciler) -> int:
    """In how many worlds where all is quiet the result is not that of the last content."""
    ends = {s.after for s in explore(start, reconciler) if quiet(s.after)}
    assert ends
    return sum(not is_true(end, end.result) for end in ends)


def fights(start: World, reconciler: type[Reconciler] = Reconciler) -> int:
    """How many steps replace a result that was true by another."""
    return sum(
        is_true(step.before, step.before.result)
        and step.wrote is not None
        and step.wrote != step.before.result
        for step in explore(start, reconciler)
    )


def in_turn(start: World, *which: int) -> World:
    """With workers, all if none is named, that read the result before they ask for the image."""
    workers = tuple(
        replace(worker, at_once=bool(which) and number not in which)
        for number, worker in enumerate(start.workers)
    )
    return replace(start, workers=workers)


@pytest.mark.parametrize("start", [TWO_UPLOADS, TWO_OVERWRITES])
@pytest.mark.parametrize("how", ["at once", "in turn", "both"])
def test_every_order_ends_with_the_last_content(start: World, how: str) -> None:
    """Whatever the order, duplicates and crashes, the result is that of the last upload."""
    world = {"at once": start, "in turn": in_turn(start), "both": in_turn(start, 0)}[how]

    assert stale_ends(world) == 0


def test_the_search_is_not_empty() -> None:
    """The orders are many, and in some of them a stale result stood for a while."""
    steps = list(explore(TWO_OVERWRITES))

    assert len(steps) > 10_000
    assert any(s.after.result and not is_true(s.after, s.after.result) for s in steps)


def test_two_deployments_do_not_fight() -> None:
    """A first result that is true is never replaced by that of another model."""
    for world in (TWO_MODELS, in_turn(TWO_MODELS), in_turn(TWO_MODELS, 0)):
        assert fights(world) == 0
        assert stale_ends(world) == 0


def test_without_the_check_a_stale_result_survives() -> None:
    """The check after the write is needed: without it some order ends stale."""
    assert stale_ends(TWO_OVERWRITES, WithoutCheck) > 0


def test_without_put_if_absent_two_deployments_fight() -> None:
    """Put-if-absent is needed: without it a true result is replaced by the other model's."""
    assert fights(TWO_MODELS, WithoutPutIfAbsent) > 0
