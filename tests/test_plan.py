"""What there is to do: what two listings tell, and what is read for the rest."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.document import to_bytes
from fanlight.place import MAX_KEY_BYTES, Place, result_key
from fanlight.result import Source
from fanlight.store import Meta, Object, Wanted, always
from fanlight.store_folder import FolderStore
from tests.fakes import DIGEST, MemoryStore, answer_as
from tools.places import Side
from tools.plan import Check, Look, ahead, check_key, checks

IMAGES, RESULTS = Place("pictures", "in/"), Place("answers", "out/")


class Counting(MemoryStore):
    """A bucket that tells what was read, and whose objects have the times they are given."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.read: list[str] = []

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        self.read.append(key)
        return super().get(key, limit, wanted)

    def dated(self, key: str, modified: float) -> None:
        found = self.objects[key]
        self.objects[key] = Object(replace(found.meta, modified=modified), found.data)


class Buckets:
    """Images and results in memory, and how each got there."""

    def __init__(self) -> None:
        self.images, self.results = Counting("pictures"), Counting("answers")

    def image(self, name: str) -> Meta:
        self.images.put(f"in/{name}", name.encode(), if_absent=False)
        meta = self.images.head(f"in/{name}")
        assert meta is not None
        return meta

    def result(self, meta: Meta) -> None:
        source = Source("pictures", meta.key, meta.version, meta.etag, meta.size)
        target = result_key(meta.key.removeprefix("in/"), RESULTS)
        self.results.put(target, to_bytes(answer_as("m")(source, b"7")), if_absent=False)

    def checks(self, look: Look | None = None) -> list[Check]:
        return list(checks(Side(self.images, IMAGES), Side(self.results, RESULTS), look))


def states(found: list[Check]) -> dict[str, str]:
    return {check.key: check.state for check in found}


@pytest.fixture
def buckets() -> Buckets:
    """One image in each state, an orphaned result, and what is neither image nor result."""
    made = Buckets()
    for name in ("current", "missing", "broken", "old", "a", "a-b"):
        meta = made.image(name)
        if name not in ("missing", "broken"):
            made.result(meta)
    made.image("old")
    made.results.put("out/broken.json", b"{", if_absent=False)
    made.result(Meta("in/orphan", 1, "", "v"))
    made.results.put("out/readme.txt", b"", if_absent=False)
    made.results.put("out/failed/2026-11-01/r-0.json", b"{}", if_absent=False)
    made.images.put("in/", b"", if_absent=False)
    made.image("x" * (MAX_KEY_BYTES - len("in/")))
    return made


LONG = "in/" + "x" * (MAX_KEY_BYTES - len("in/"))
STATES = {
    "in/current": "classified",
    "in/a": "classified",
    "in/a-b": "classified",
    "in/missing": "missing",
    "in/broken": "missing",
    "in/old": "stale",
    LONG: "refused",
}


def test_only_what_has_a_result_is_read(buckets: Buckets) -> None:
    """The listings tell what is missing; each result there is is read once, and no image."""
    assert states(buckets.checks()) == STATES
    assert sorted(buckets.results.read) == [
        f"out/{name}.json" for name in ("a-b", "a", "broken", "current", "old")
    ]
    assert buckets.images.read == []


def test_a_look_that_is_not_deep_reads_nothing(buckets: Buckets) -> None:
    """What has something under its result's key is present, whatever that is."""
    found = states(buckets.checks(Look(deep=False, orphans=True, failed=Place("answers", "f/"))))

    present = {key for key, state in found.items() if state == "present"}
    assert present == {f"in/{name}" for name in ("a", "a-b", "broken", "current", "old")}
    assert {key: state for key, state in found.items() if key not in present} == {
        "in/missing": "missing",
        LONG: "refused",
        "in/orphan": "orphaned",
        "in/failed/2026-11-01/r-0": "orphaned",
    }
    assert buckets.results.read == []


def test_dead_letters_below_the_output_are_no_orphans(buckets: Buckets) -> None:
    """What is under the place of dead letters is no result, where that lies below the output."""
    found = states(buckets.checks(Look(orphans=True, failed=Place("answers", "out/failed/"))))

    assert found == STATES | {"in/orphan": "orphaned"}


def test_dead_letters_among_the_results_hide_none_of_them(buckets: Buckets) -> None:
    """Where both have one place, letters cannot be told from results by their keys."""
    found = states(buckets.checks(Look(failed=RESULTS)))

    assert found == STATES


def test_trusted_times_save_a_read_only_when_the_result_is_newer(buckets: Buckets) -> None:
    """One of the same second may have been written before its object: it is read, as an older one.

    A stale one that is newer than its object is what is missed.
    """
    for name, image, result in (("current", 5.0, 6.0), ("a", 5.0, 5.0), ("a-b", 6.0, 5.0),
                                ("old", 5.0, 6.0)):  # fmt: skip
        buckets.images.dated(f"in/{name}", image)
        buckets.results.dated(f"out/{name}.json", result)
    buckets.images.dated("in/broken", 9e9)

    found = states(buckets.checks(Look(trust_times=True)))

    assert found == STATES | {"in/current": "present", "in/old": "present"}
    assert sorted(buckets.results.read) == ["out/a-b.json", "out/a.json", "out/broken.json"]


@given(st.dictionaries(
    st.text(st.sampled_from("a-./json"), min_size=1, max_size=6).filter(lambda n: n[-1] != "/"),
    st.sampled_from(["missing", "classified", "stale"]), max_size=12,
))  # fmt: skip
def test_the_merge_says_what_one_by_one_says(wanted: dict[str, str]) -> None:
    """Each image has the state it has when it is looked at alone."""
    made = Buckets()
    for name, state in wanted.items():
        meta = made.image(name)
        if state != "missing":
            made.result(replace(meta, version="another") if state == "stale" else meta)

    found = made.checks()

    alone = [check_key(f"in/{name}", Side(made.images, IMAGES), Side(made.results, RESULTS))
             for name in wanted]  # fmt: skip
    assert {check.key: check for check in found} == {check.key: check for check in alone}
    assert len(found) == len(wanted)
    assert states(found) == {f"in/{name}": state for name, state in wanted.items()}


def test_folders_tell_the_same(tmp_path: Path) -> None:
    """Beside a folder of results, whose order is another: missing, present and orphaned."""
    images, results = (FolderStore(tmp_path / "in", escaped=False),
                       FolderStore(tmp_path / "out", escaped=True))  # fmt: skip
    for key in ("a", "a.json/b", "c"):
        images.put(key, b"", if_absent=False)
    for key in ("a.json", "a.json/b.json", "gone.json", "notes.txt"):
        results.put(key, b"{}", if_absent=False)
    sides = Side(images, Place(images.name, "")), Side(results, Place(results.name, ""))

    listed = list(checks(*sides, Look(deep=False, orphans=True)))
    deep = list(checks(*sides))

    assert states(listed) == {"a": "present", "a.json/b": "present", "c": "missing",
                              "gone": "orphaned"}  # fmt: skip
    assert states(deep) == dict.fromkeys(["a", "a.json/b", "c"], "missing")


class Closed(FolderStore):
    """A folder one of whose folders may not be read."""

    def list(self, prefix: str) -> Iterator[Meta]:
        yield from super().list(prefix)
        self.unreadable["closed/"] = "permission denied"


@pytest.mark.parametrize("kind", ["bucket", "folder"])
def test_what_may_not_be_read_is_not_taken_to_be_gone(tmp_path: Path, kind: str) -> None:
    """Results of images in a closed folder are no orphans; the folder is told of."""
    images = Closed(tmp_path / "in", escaped=False)
    images.put("a", b"", if_absent=False)
    folder = FolderStore(tmp_path / "results", escaped=True)
    results = MemoryStore("answers") if kind == "bucket" else folder
    for key in ("out/closed/b.json", "out/d.json"):
        results.put(key, b"{}", if_absent=False)

    place = Place(results.name, "out/")
    found = checks(Side(images, Place(images.name, "")), Side(results, place), Look(orphans=True))

    assert states(list(found)) == {"a": "missing", "d": "orphaned", "closed/": "refused"}


def test_a_key_that_is_not_there_is_gone(buckets: Buckets) -> None:
    """Whoever names a key learns that there is no image, whatever results there are."""
    sides = Side(buckets.images, IMAGES), Side(buckets.results, RESULTS)

    assert check_key("in/orphan", *sides).state == "gone"
    assert check_key("in/current", *sides) == Check("in/current", "classified", "", DIGEST)
    assert check_key(LONG, *sides).state == "refused"


def test_reads_overlap_and_their_order_stays() -> None:
    """Several are under way at a time, no more than are allowed, and what is known waits."""
    running, most, lock = 0, 0, Lock()

    def read(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        sleep(0.002)
        with lock:
            running -= 1
        return number

    found = list(ahead(range(300), lambda number: None if number % 3 else number, read))

    assert found == list(range(300))
    assert 1 < most <= 64


def test_little_waits_behind_a_read() -> None:
    """While one read is long in coming, no more is listed than the order takes: memory is flat."""
    asked = 0

    def numbers() -> Iterator[int]:
        nonlocal asked
        while asked < 50_000:
            asked += 1
            yield asked

    def read(_: int) -> int:
        sleep(0.3)  # many times what listing all of them takes
        return asked

    found = ahead(numbers(), lambda number: None if number == 1 else number, read)

    assert next(found) <= 4096
    assert sum(1 for _ in found) == 49_999


def test_what_is_known_does_not_wait_for_more() -> None:
    """Before anything is read, each item comes out before the next one is asked for."""
    asked = 0

    def numbers() -> Iterator[int]:
        nonlocal asked
        while asked < 100:
            asked += 1
            yield asked

    for number in ahead(numbers(), lambda number: number, lambda number: number):
        assert number == asked


def test_an_error_of_a_read_ends_it() -> None:
    """It is raised in its place, and what was not begun is not."""

    def read(number: int) -> int:
        if number == 5:
            raise ValueError(json.dumps(number))
        return number

    found = ahead(range(10), lambda _: None, read)

    assert [next(found) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="5"):
        next(found)
