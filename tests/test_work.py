"""One invocation's work: a summary of every key, and no key at its neighbours' cost."""

import io
import json
import threading
import time
from typing import Any

import pytest

from fanlight.budget import Budget
from fanlight.errors import ConfigError, EventError, KeyRefused, TransientError
from fanlight.event import Record
from fanlight.failure import named_failures
from fanlight.log import Log
from fanlight.place import Place
from fanlight.reconcile import Outcome, Reconciler
from fanlight.store import Meta, Wanted, always
from fanlight.work import Unfinished, describe, handle, work
from tests.fakes import MemoryStore, answer_as
from tools.events import oss_event

INPUT, OUTPUT = Place("bucket", "in/"), Place("bucket", "out/")
PUT = "ObjectCreated:PutObject"


class Faulty(MemoryStore):
    """A bucket in which some keys raise."""

    def __init__(self, **faults: Exception) -> None:
        super().__init__()
        self._faults = {f"in/{name}.png": fault for name, fault in faults.items()}
        for name in ("a", "b", "c", *faults):
            self.put(f"in/{name}.png", name.encode(), if_absent=False)

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        if key.startswith("in/other-"):
            time.sleep(0.01)
        if key in self._faults:
            raise self._faults[key]
        return super().get(key, limit, wanted)


def do(store: MemoryStore, *records: Record, time_left: float = 60) -> tuple[Any, list[Any]]:
    """The summary, or the Unfinished that was raised, without times; and the lines logged."""
    stream = io.StringIO()
    reconciler = Reconciler(store, INPUT, store, OUTPUT, answer_as("m"), 100)
    result: Any
    try:
        result = work(list(records), reconciler, Log("request", stream), lambda: time_left)
        for outcome in result["outcomes"]:
            assert outcome.pop("ms") >= 0
    except Unfinished as error:
        result = error
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return result, lines


def put(name: str) -> Record:
    return Record("bucket", f"in/{name}.png", PUT)


def done(name: str) -> dict[str, Any]:
    return {
        "key": f"in/{name}.png",
        "outcome": "classified",
        "result": f"out/{name}.png.json",
        "label": name,
        "score": 1.0,
    }


def test_every_record_has_an_outcome_in_the_summary() -> None:
    """Records come in their order, each with what became of it, and the counts of all.

    A key that stands twice is reconciled once, and has one line.
    """
    records = [
        put("a"),
        put("b"),
        put("a"),
        Record("bucket", "in/gone.png", PUT),
        Record("other", "in/a.png", PUT),
        Record("bucket", "in/a.png", "ObjectRemoved:DeleteObject"),
        Record("bucket", "in/folder/", PUT),
    ]

    summary, lines = do(Faulty(), *records)

    assert summary == {
        "counts": {"classified": 3, "gone": 1, "ignored": 3},
        "outcomes": [
            done("a"),
            done("b"),
            done("a"),
            {"key": "in/gone.png", "outcome": "gone", "result": "out/gone.png.json"},
            {
                "key": "in/a.png",
                "outcome": "ignored",
                "reason": "bucket other is not the input bucket bucket",
            },
            {
                "key": "in/a.png",
                "outcome": "ignored",
                "reason": "ObjectRemoved:DeleteObject does not create an object",
            },
            {"key": "in/folder/", "outcome": "ignored", "reason": "a folder, not an object"},
        ],
    }
    told = sorted((line["message"], line["request_id"], line["key"]) for line in lines)
    once = [record.key for record in records[:2] + records[3:]]
    assert told == sorted(("key", "request", key) for key in once)


def test_a_failing_key_does_not_cost_the_others() -> None:
    """Faults of every kind are told by key after all others were done."""
    store = Faulty(
        slow=TransientError("OSS cannot be reached"),
        refused=KeyRefused("OSS does not allow this key"),
        broken=ZeroDivisionError("division by zero"),
    )

    error, lines = do(store, put("slow"), put("a"), put("refused"), put("broken"), put("b"))

    assert isinstance(error, Unfinished)
    assert json.loads(str(error)) == {
        "counts": {"classified": 2, "failed": 3},
        "failed": [
            {"key": "in/slow.png", "error": "OSS cannot be reached"},
            {"key": "in/refused.png", "error": "OSS does not allow this key"},
            {"key": "in/broken.png", "error": "ZeroDivisionError: division by zero"},
        ],
    }
    assert sorted(key for key in store.objects if key.startswith("out/")) == [
        "out/a.png.json",
        "out/b.png.json",
    ]
    assert sorted(line["message"] for line in lines) == ["fault", *["key"] * 5]
    (index,) = (number for number, line in enumerate(lines) if line["message"] == "fault")
    assert "ZeroDivisionError" in lines[index]["trace"]
    assert lines[index]["key"] == lines[index + 1]["key"] == "in/broken.png"


def test_the_text_of_unfinished_names_the_keys_for_dead_letters() -> None:
    """What is raised is read back as key and error, long errors cut short."""
    error, _ = do(Faulty(slow=TransientError("x" * 1000)), put("slow"), put("a"))

    assert named_failures(str(error)) == {"in/slow.png": "x" * 300}


def test_a_wrong_setting_ends_the_work_at_once() -> None:
    """What every key would run into is raised for the first, not collected."""
    store = Faulty(first=ConfigError("no such bucket"))
    others = [f"other-{number}" for number in range(200)]
    for name in others:
        store.put(f"in/{name}.png", b"", if_absent=False)

    with pytest.raises(ConfigError, match="no such bucket"):
        do(store, put("first"), *map(put, others))

    assert len([key for key in store.objects if key.startswith("out/")]) < len(others)


class Waiting(MemoryStore):
    """A bucket that looks after the write of `a` only once the result of `b` is being written."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = threading.Event()

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        if key == "out/b.png.json":
            self._begun.set()
        return super().put(key, data, if_absent=if_absent)

    def head(self, key: str) -> Meta | None:
        if key == "in/a.png" and "out/a.png.json" in self.objects:
            assert self._begun.wait(30)
        return super().head(key)


def test_the_look_after_a_write_overlaps_with_the_next_image() -> None:
    """While one waits for an answer, the next is downloaded, answered and uploaded."""
    store = Waiting()
    for name in "ab":
        store.put(f"in/{name}.png", name.encode(), if_absent=False)

    summary, _ = do(store, put("a"), put("b"))

    assert summary["outcomes"] == [done("a"), done("b")]


class Most(Budget):
    """Notes the most bytes that were held at a time."""

    most = 0

    def take(self, size: int) -> None:
        super().take(size)
        self.most = max(self.most, self.used)


def test_images_are_answered_in_turns_and_held_within_the_budget() -> None:
    """However many keys are worked on: one image's pixels, and so many bytes, at a time."""
    store, budget = MemoryStore(), Most(10)
    names = [f"image-{number}" for number in range(40)]
    for name in names:
        store.put(f"in/{name}.png", b"four", if_absent=False)
    turn, met = threading.Lock(), []

    def answer(*given: Any) -> dict[str, Any]:
        met.append(turn.acquire(blocking=False))
        time.sleep(0.001)
        if met[-1]:
            turn.release()
        document: dict[str, Any] = answer_as("m")(*given)
        return document

    reconciler = Reconciler(store, INPUT, store, OUTPUT, answer, 100, budget=budget)
    summary = work([put(name) for name in names], reconciler, Log("r", io.StringIO()), lambda: 60)

    assert summary["counts"] == {"classified": 40}
    assert met == [True] * 40
    assert (budget.most, budget.used) == (8, 0)


def test_a_bad_record_does_not_cost_the_others_their_results() -> None:
    """What can be read of an event is done before the event is refused."""
    store = Faulty()
    reconciler = Reconciler(store, INPUT, store, OUTPUT, answer_as("m"), 100)
    event = json.dumps({"events": [{}, *oss_event("bucket", "in/a.png")["events"]]}).encode()

    with pytest.raises(EventError, match=r"events\[0\]"):
        handle(event, reconciler, Log("request", io.StringIO()), lambda: 60)

    assert store.head("out/a.png.json") is not None


def test_without_time_nothing_is_begun() -> None:
    """Keys for which no time is left fail as such, so that the platform invokes again."""
    store = Faulty()

    error, _ = do(store, put("a"), Record("bucket", "elsewhere", PUT), time_left=0)

    assert json.loads(str(error)) == {
        "counts": {"failed": 1, "ignored": 1},
        "failed": [
            {
                "key": "in/a.png",
                "error": "no time was left to begin; raise the function's timeout",
            }
        ],
    }
    assert store.head("out/a.png.json") is None
    assert store.head("in/a.png") == Meta("in/a.png", 1, "0CC175B9C0F1B6A831C399E269772661", "v1")


def test_a_rejection_is_described_by_its_code() -> None:
    """A rejected image is an outcome like any other, with the reason's code."""
    document = {"status": "rejected", "reason": {"code": "empty", "message": "no bytes"}}

    assert describe(Outcome("in/a.png", "rejected", "out/a.png.json", document)) == {
        "key": "in/a.png",
        "outcome": "rejected",
        "result": "out/a.png.json",
        "reason": "empty",
    }
