"""A pass over a bucket in memory: what it finds, and what it does when there is too little time."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight import sweeping
from fanlight.errors import ConfigError, TransientError
from fanlight.log import Log
from fanlight.place import Place, result_key
from fanlight.reconcile import Reconciler, document_of
from fanlight.result import Source, version_of
from fanlight.store import Meta, Object, Wanted, always
from fanlight.sweeping import NAMED, Sweep
from fanlight.together import in_turns
from tests.fakes import MemoryStore, answer_as

INPUT, OUTPUT = Place("bucket", "in/"), Place("bucket", "out/")
PLENTY = 1e9


class Bucket:
    """A bucket of images and results, swept with so much time for each key."""

    def __init__(self, *names: str) -> None:
        self.store: MemoryStore = MemoryStore()
        self.poison: set[str] = set()
        self.looked: list[str] = []
        self.lines = io.StringIO()
        for name in names:
            self.upload(name)

    def upload(self, name: str) -> None:
        self.store.put(f"in/{name}", f"picture of {name}".encode(), if_absent=False)

    def classify(self, *names: str) -> None:
        for name in names:
            self._reconciler().reconcile(f"in/{name}")

    def true(self) -> set[str]:
        """The images that have a true result."""
        found = set()
        for meta in list(self.store.list("in/")):
            result = self.store.get(result_key(meta.key.removeprefix("in/"), OUTPUT), 1 << 20)
            if version_of(document_of(result)) == meta.version:
                found.add(meta.key.removeprefix("in/"))
        return found

    def sweep(
        self, keys: float = PLENTY, seed: int = 0, young: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """`keys`: how many there is time to look at; a hundredth of that goes by for others."""
        asked, before = 0, len(self.looked)

        def time_left() -> float:
            nonlocal asked
            asked += 1
            return keys - asked / 100 - (len(self.looked) - before)

        return Sweep(
            self._reconciler(),
            self.store,
            self.store,
            Log("request", self.lines),
            time_left,
            lambda meta: meta.key.removeprefix("in/") not in young,
            Random(seed),
        ).run()

    def mark(self) -> str | None:
        """Where the next pass begins to list; None if nothing is kept."""
        found = self.store.objects.get("out/.sweep")
        return None if found is None else json.loads(found.data or b"")["after"]

    def logged(self, message: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]

    def _reconciler(self) -> Reconciler:
        answer = answer_as("model")

        def tried(source: Source, data: bytes | None) -> dict[str, Any]:
            self.looked.append(source.key)
            if source.key.removeprefix("in/") in self.poison:
                raise ValueError("poison")
            document: dict[str, Any] = answer(source, data)
            return document

        return Reconciler(self.store, INPUT, self.store, OUTPUT, in_turns(tried), 1 << 20)


def test_what_has_no_result_and_what_is_stale_is_mended() -> None:
    """A pass with time enough leaves nothing untrue, and tells what there was."""
    bucket = Bucket("a", "b", "c", "d")
    bucket.classify("b", "c", "d")
    bucket.upload("c")
    bucket.store.delete("in/d")

    summary = bucket.sweep()

    assert bucket.true() == {"a", "b", "c"}
    assert summary == {
        "images": 3,
        "orphaned": 1,
        "young": 0,
        "missing": 1,
        "reconciled": {"classified": 1},
        "checked": {"classified": 1, "unchanged": 1},
        "failed": [],
        "listed": True,
        "whole": True,
        "from": summary["from"],
        "to": summary["to"],
    }
    assert {summary["from"], summary["to"]} <= {"in/a", "in/b", "in/c"}


def test_a_true_bucket_costs_one_reading_of_each_result() -> None:
    """Where there is nothing to mend, no image is looked at and nothing is written or logged."""
    bucket = Bucket("a", "b")
    bucket.classify("a", "b")
    before, looked = bucket.store.writes, list(bucket.looked)

    summary = bucket.sweep()

    assert summary["checked"] == {"unchanged": 2}
    assert (bucket.store.writes, bucket.looked) == (before, looked)
    assert bucket.logged("key") == []
    assert [line["checked"] for line in bucket.logged("sweep")] == [{"unchanged": 2}]


def test_an_empty_bucket_is_whole() -> None:
    """There is nothing to begin at, and nothing to do."""
    summary = Bucket().sweep()

    assert (summary["images"], summary["whole"], summary["from"]) == (0, True, None)


def test_young_images_are_left_to_their_events() -> None:
    """Neither a missing nor a stale result is mended for an image that has just come."""
    bucket = Bucket("new", "changed", "old")
    bucket.classify("changed")
    bucket.upload("changed")

    summary = bucket.sweep(young=frozenset({"new", "changed"}))

    assert bucket.true() == {"old"}
    assert (summary["young"], summary["missing"], summary["whole"]) == (1, 1, True)


def test_what_fails_is_told_and_ends_nothing() -> None:
    """Poison fails in its sweep and in the next, and everybody else gets a result."""
    bucket = Bucket(*"abcdef")
    bucket.poison = {"b", "e"}

    first, second = bucket.sweep(), bucket.sweep(seed=1)

    assert bucket.true() == set("acdf")
    assert first["reconciled"] == {"classified": 4, "failed": 2}
    assert second["reconciled"] == {"failed": 2}
    failed = sorted(item["key"] for item in second["failed"])
    assert failed == ["in/b", "in/e"]
    assert all(item["reason"] == "ValueError: poison" for item in second["failed"])
    assert Counter(bucket.looked)["in/b"] == 2, "once a sweep"
    assert len(bucket.logged("fault")) == 4


def test_many_failures_are_named_up_to_a_limit() -> None:
    """The answer stays small, whatever fails; the log has every key."""
    names = [f"{number:03d}" for number in range(NAMED + 5)]
    bucket = Bucket(*names)
    bucket.poison = set(names)

    summary = bucket.sweep()

    assert len(summary["failed"]) == NAMED
    assert summary["reconciled"] == {"failed": NAMED + 5}
    assert len(bucket.logged("key")) == NAMED + 5


def test_poison_does_not_hold_up_what_comes_behind_it() -> None:
    """With time for a few keys a sweep, an image behind many that fail has its turn."""
    bucket = Bucket(*(f"{number:02d}" for number in range(40)), "last")
    bucket.poison = {f"{number:02d}" for number in range(40)}

    for seed in range(100):
        tried = bucket.sweep(keys=2, seed=seed)
        assert sum(tried["reconciled"].values()) < 40
        if bucket.true():
            break

    assert bucket.true() == {"last"}


def test_short_sweeps_together_look_at_everything() -> None:
    """Each is cut short and says so; wherever the stale results are, they are all found."""
    names = [f"{number:03d}" for number in range(60)]
    bucket = Bucket(*names)
    bucket.classify(*names)
    for name in names:
        bucket.upload(name)

    sweeps = [bucket.sweep(keys=4)]
    while not sweeps[-1]["whole"]:
        assert len(sweeps) < 200
        sweeps.append(bucket.sweep(keys=4, seed=len(sweeps)))

    assert bucket.true() == set(names)
    assert len(sweeps) > 3
    assert len({summary["from"] for summary in sweeps}) > 3


def test_a_listing_that_takes_too_long_leaves_time_to_mend() -> None:
    """Half of the time goes into listing at most; what was found by then is mended."""
    names = [f"{number:03d}" for number in range(200)]
    bucket = Bucket(*names)

    summary = bucket.sweep(keys=2)

    assert 90 < summary["images"] < 110
    assert sum(summary["reconciled"].values()) > 0
    assert (summary["listed"], summary["whole"]) == (False, False)


def test_what_one_pass_does_not_list_the_next_ones_do() -> None:
    """A bucket too large to list is listed in parts, each once, and then from the start again."""
    names = [f"{number:03d}" for number in range(250)]
    bucket = Bucket(*names)
    bucket.classify(*names)
    bucket.upload("249-lost")

    parts = [bucket.sweep(keys=2) for _ in range(3)]

    listed = [summary["images"] for summary in parts]
    assert 90 < listed[0] < 110
    assert 90 < listed[1] < 110
    assert sum(listed[:2]) < len(names) < sum(listed)
    assert [summary["missing"] for summary in parts] == [0, 0, 1]
    assert "249-lost" in bucket.true()
    assert [summary["listed"] for summary in parts] == [False, False, False]
    assert bucket.sweep()["listed"]
    assert bucket.mark() == ""


def test_a_true_bucket_that_was_listed_is_not_written_to() -> None:
    """No bookmark is kept where none is needed."""
    bucket = Bucket("a")
    bucket.classify("a")

    bucket.sweep()

    assert bucket.mark() is None


@pytest.mark.parametrize("count", range(1, 12))
def test_a_bookmark_never_leads_back(count: int) -> None:
    """Wherever a listing ends: `a` comes behind `a-b`, and the next pass goes on behind both."""
    order = [*(f"a-{number}" for number in range(8)), "a", "b", "c"]
    bucket = Bucket(*order)
    bucket.classify(*order)

    summary = bucket.sweep(keys=(count + 1) / 50)

    assert summary["images"] == count
    assert bucket.mark() == (None if summary["listed"] else f"in/{max(order[:count])}")


class Unwritable(MemoryStore):
    """Takes no bookmark."""

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        if key.endswith(".sweep"):
            raise TransientError("busy")
        return super().put(key, data, if_absent=if_absent)


def test_a_bookmark_that_cannot_be_kept_holds_nothing_up() -> None:
    """What was listed is mended, the log says why the next pass begins where this one did."""
    bucket = Bucket()
    bucket.store = Unwritable()
    for number in range(200):
        bucket.upload(f"{number:03d}")

    summary = bucket.sweep(keys=2)

    assert sum(summary["reconciled"].values()) > 0
    assert [line["reason"] for line in bucket.logged("bookmark not kept")] == ["busy"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"after": 7}',
        b'{"after": null}',
        b'{"after": "out/a"}',
        b'{"after": "in/folder/"}',
        b"[" * 8000,
        b"x" * 9000,
    ],
    ids=repr,
)
def test_a_bookmark_that_is_none_is_ignored(content: bytes) -> None:
    """Whatever stands there, the pass begins at the beginning and says why."""
    bucket = Bucket("a", "b")
    bucket.store.put("out/.sweep", content, if_absent=False)

    summary = bucket.sweep()

    assert (summary["images"], summary["whole"]) == (2, True)
    assert [line["key"] for line in bucket.logged("bookmark ignored")] == ["out/.sweep"]


def test_a_listing_of_nothing_to_check_ends_in_time() -> None:
    """Images that are passed over take time as well, and no more of it than there is."""
    names = [f"{number:03d}" for number in range(150)]
    bucket = Bucket(*names, "missing")
    bucket.classify(*names)

    summary = bucket.sweep(keys=3.2, young=frozenset(names))

    assert summary["reconciled"] == {"classified": 1}
    assert (summary["images"], summary["whole"]) == (151, False)


def test_more_missing_than_are_held_are_met_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; what was not drawn is mended on the second way through."""
    monkeypatch.setattr(sweeping, "SAMPLE", 5)
    names = [f"{number:03d}" for number in range(50)]
    bucket = Bucket(*names)

    summary = bucket.sweep()

    assert bucket.true() == set(names)
    assert (summary["missing"], summary["reconciled"]) == (50, {"classified": 5})
    assert summary["checked"] == {"classified": 45}


def test_of_too_many_missing_any_may_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are listed first and fail each time do not keep the others out for good."""
    monkeypatch.setattr(sweeping, "SAMPLE", 5)
    names = [f"{number:03d}" for number in range(20)]
    bucket = Bucket(*names)
    bucket.poison = set(names)

    drawn = set()
    for seed in range(40):
        before = len(bucket.looked)
        bucket.sweep(seed=seed)
        drawn |= set(bucket.looked[before : before + 5])

    assert drawn == {f"in/{name}" for name in names}


class Interrupted(MemoryStore):
    """Lets something else happen before one of its requests, the `turn`-th from `armed` on."""

    def __init__(self) -> None:
        super().__init__()
        self._turn, self._happen = -1, [lambda: None]

    def armed(self, turn: int, happen: Callable[[], None]) -> None:
        self._turn, self._happen = turn, [happen]

    def _request(self) -> None:
        self._turn -= 1
        if self._turn == -1:
            self._happen.pop()()

    def head(self, key: str) -> Meta | None:
        self._request()
        return super().head(key)

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        self._request()
        return super().get(key, limit, wanted)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        self._request()
        return super().put(key, data, if_absent=if_absent)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), turn=st.integers(0, 25), seed=st.integers(0, 100))
def test_an_upload_and_its_event_may_come_at_any_time(
    data: st.DataObject, turn: int, seed: int
) -> None:
    """Whenever an image is overwritten and its event dealt with, all results are true at the end.

    What is written between two requests of a sweep is seen by one that follows: a sweep only
    reconciles, and that holds for every interleaving of reconciling, see tools/prove/world.py.
    """
    names = "abcd"
    bucket = Bucket()
    store = bucket.store = Interrupted()
    for name in names:
        bucket.upload(name)
    bucket.classify(*data.draw(st.sets(st.sampled_from(names))))
    for name in data.draw(st.sets(st.sampled_from(names))):
        bucket.upload(name)
    changed = data.draw(st.sampled_from([*names, "new"]))

    def overwritten() -> None:
        bucket.upload(changed)
        bucket.classify(changed)

    store.armed(turn, overwritten)
    summary = bucket.sweep(seed=seed)
    store.armed(-1, overwritten)

    assert summary["failed"] == []
    assert bucket.true() >= set(names)


def test_a_key_without_a_possible_result_is_told() -> None:
    """It fails in each sweep, with the reason, and costs no time."""
    name = "x" * 1018
    bucket = Bucket(name, "a")

    summary = bucket.sweep()

    assert summary["reconciled"] == {"classified": 1, "failed": 1}
    assert summary["failed"][0]["key"] == f"in/{name}"
    assert "OSS allows 1023" in summary["failed"][0]["reason"]


class Broken(MemoryStore):
    """Lists once for each place, and then no more."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.lists, self._error = 2, error

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        self.lists -= 1
        if self.lists < 0:
            raise self._error
        yield from super().list(prefix, after)


def test_a_listing_that_fails_later_on_does_not_hide_what_was_done() -> None:
    """What was mended by then is in the answer, which does not claim to have seen everything."""
    bucket = Bucket()
    bucket.store = Broken(TransientError("gone"))
    bucket.upload("a")

    summary = bucket.sweep()

    assert (summary["reconciled"], summary["whole"]) == ({"classified": 1}, False)
    assert [line["reason"] for line in bucket.logged("listing ended early")] == ["gone"]


def test_a_wrong_setting_is_raised() -> None:
    """What every key would fail by is no matter for a summary."""
    bucket = Bucket()
    bucket.store = Broken(ConfigError("no permission"))
    bucket.upload("a")

    with pytest.raises(ConfigError, match="no permission"):
        bucket.sweep()


NAMES = st.text("ab-./", min_size=1, max_size=4).filter(lambda name: not name.endswith("/"))


@settings(max_examples=60, deadline=None)
@given(
    names=st.sets(NAMES, max_size=8),
    data=st.data(),
    mark=st.none() | NAMES,
    seed=st.integers(0, 1000),
)
def test_whatever_the_keys_one_pass_mends_all(
    names: set[str], data: st.DataObject, mark: str | None, seed: int
) -> None:
    """Keys that begin with one another, and their results, are each looked at once.

    So they are wherever the pass begins, at a key that is there or not.
    """
    bucket = Bucket(*names)
    if mark is not None:
        content = json.dumps({"after": f"in/{mark}"}).encode()
        bucket.store.put("out/.sweep", content, if_absent=False)
    bucket.classify(*data.draw(st.sets(st.sampled_from(sorted(names)))) if names else ())
    for name in data.draw(st.sets(st.sampled_from(sorted(names)))) if names else ():
        bucket.upload(name)

    summary = bucket.sweep(seed=seed)

    assert bucket.true() == names
    assert summary["images"] == len(names)
    seen = sum(summary["reconciled"].values()) + sum(summary["checked"].values())
    assert (seen, summary["whole"]) == (len(names), True)
