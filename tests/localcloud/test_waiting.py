"""The queue of asynchronous invocations: what was accepted is given out until it is done."""

import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fanlight.errors import ConfigError
from tools.localcloud.waiting import Delivery, Invocation, Load, QueueClosed, Waiting


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def opened(path: Path | None = None, clock: Callable[[], float] = time.time) -> Waiting:
    waiting = Waiting(path, clock)
    waiting.open()
    return waiting


def taken(waiting: Waiting, function: str = "f") -> Invocation:
    found = waiting.take(function)
    assert found is not None
    return found


def test_each_function_has_its_own_turn() -> None:
    """Events come out in the order they were accepted, each for its function."""
    waiting = opened()
    waiting.add(Delivery("f", b"1"), Delivery("g", b"2"))
    waiting.add(Delivery("f", b"3"))

    assert [taken(waiting).event, taken(waiting).event] == [b"1", b"3"]
    assert waiting.take("f") is None
    assert taken(waiting, "g").event == b"2"


def test_what_was_running_when_the_process_ended_is_given_out_again(tmp_path: Path) -> None:
    """A row is there until it is done: taken is not done."""
    path = tmp_path / "queue.sqlite"
    waiting = opened(path)
    waiting.add(Delivery("f", b"\x00\xff", "request-1"))
    before = taken(waiting)

    again = opened(path)  # the first was never closed, as after kill -9

    assert taken(again) == before
    again.done(before)
    assert opened(path).unfinished() == {}


def test_all_deliveries_are_accepted_or_none() -> None:
    """One that cannot be kept leaves no other behind."""
    waiting = opened()
    broken: Any = object()

    with pytest.raises(Exception, match="binding"):
        waiting.add(Delivery("f", b"1"), Delivery("g", broken))

    assert (waiting.unfinished(), waiting.take("f")) == ({}, None)
    assert waiting.load() == Load(unfinished=0, accepted=0, retried=0)


@contextmanager
def no_room() -> Iterator[None]:
    """No file can grow, as on a full disk: SQLite's log is written to when it commits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_committed_is_not_counted(tmp_path: Path) -> None:
    """After a commit that fails everything is as before, and the next one is well."""
    waiting = opened(tmp_path / "queue.sqlite")
    waiting.add(Delivery("f", b"1"))
    first = taken(waiting)

    with no_room():
        with pytest.raises(sqlite3.OperationalError):
            waiting.add(Delivery("f", b"lost"))
        with pytest.raises(sqlite3.OperationalError):
            waiting.retry(first, 0)

    assert waiting.take("f") is None
    assert waiting.load() == Load(unfinished=1, accepted=1, retried=0)
    waiting.add(Delivery("f", b"2"))
    waiting.retry(first, 0)
    assert waiting.load() == Load(unfinished=2, accepted=2, retried=1)
    again = opened(tmp_path / "queue.sqlite")
    assert {taken(again).event, taken(again).event} == {b"1", b"2"}


def test_a_failure_and_what_follows_from_it_are_one_step(tmp_path: Path) -> None:
    """Where an invocation is gone its dead letter is there."""
    waiting = opened(tmp_path / "queue.sqlite")
    waiting.add(Delivery("f", b"event"))

    waiting.done(taken(waiting), Delivery("deadletter", b"letter"))

    assert waiting.unfinished() == {"deadletter": 1}
    again = opened(tmp_path / "queue.sqlite")
    assert (again.take("f"), taken(again, "deadletter").event) == (None, b"letter")


def test_a_letter_that_cannot_be_kept_keeps_the_failure(tmp_path: Path) -> None:
    """If the second half of the step fails, the first has not happened."""
    waiting = opened(tmp_path / "queue.sqlite")
    waiting.add(Delivery("f", b"event"))
    broken: Any = object()

    with pytest.raises(Exception, match="binding"):
        waiting.done(taken(waiting), Delivery("deadletter", broken))

    assert taken(opened(tmp_path / "queue.sqlite")).event == b"event"


def test_delays_age_and_attempts_outlive_the_process(tmp_path: Path) -> None:
    """They go by the clock on the wall, not by how long the process has run."""
    clock, path = Clock(), tmp_path / "queue.sqlite"
    waiting = opened(path, clock)
    waiting.add(Delivery("f", b"1", delay=10))
    assert (waiting.take("f"), waiting.due_in("f")) == (None, 10)
    clock.now += 10
    waiting.retry(taken(waiting), pause=30)
    waiting.close()
    clock.now += 20

    again = opened(path, clock)

    assert (again.take("f"), again.due_in("f")) == (None, 10)
    clock.now += 10
    found = taken(again)
    assert (found.attempts, again.age(found)) == (1, 40)


def test_whoever_serves_a_function_is_told_of_its_events() -> None:
    """A listener hears of what is added and of what is to be retried, nobody else's."""
    waiting = opened()
    heard: list[str] = []
    waiting.listen("f", lambda: heard.append("f"))
    waiting.add(Delivery("g", b""))
    waiting.add(Delivery("f", b""), Delivery("f", b""))
    waiting.retry(taken(waiting), 0)
    waiting.done(taken(waiting))

    assert heard == ["f", "f"]


def test_a_closed_queue_takes_nothing() -> None:
    """What comes too late is an error to whoever brings it, and is not answered."""
    waiting = opened()
    waiting.close()

    with pytest.raises(QueueClosed):
        waiting.add(Delivery("f", b""))
    assert waiting.take("f") is None


def test_a_file_that_is_no_queue_is_named(tmp_path: Path) -> None:
    """The message says which file it is."""
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"this is no database" * 100)

    with pytest.raises(ConfigError, match=r"queue\.sqlite: file is not a database"):
        opened(path)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, the queue holds what a list would."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "queue.sqlite"
        self.waiting = opened(self.path, self.clock)
        self.rows: dict[bytes, tuple[float, int]] = {}  # when due, attempts
        self.running: list[Invocation] = []
        self.count = 0

    @rule(delays=st.lists(st.sampled_from([0.0, 1.0, 5.0]), min_size=1, max_size=3))
    def add(self, delays: list[float]) -> None:
        names = [b"%d" % (self.count + n) for n in range(len(delays))]
        self.count += len(delays)
        self.waiting.add(*(Delivery("f", name, delay=delay)
                           for name, delay in zip(names, delays, strict=True)))  # fmt: skip
        self.rows |= {name: (self.clock.now + delay, 0)
                      for name, delay in zip(names, delays, strict=True)}  # fmt: skip

    @rule()
    def take(self) -> None:
        busy = {invocation.event for invocation in self.running}
        due = {name: row for name, row in self.rows.items()
               if name not in busy and row[0] <= self.clock.now}  # fmt: skip
        found = self.waiting.take("f")
        if found is None:
            assert due == {}
        else:
            assert due[found.event] == (min(row[0] for row in due.values()), found.attempts)
            self.running.append(found)

    @precondition(lambda self: self.running)
    @rule(pause=st.sampled_from([0.0, 2.0]))
    def retry(self, pause: float) -> None:
        invocation = self.running.pop()
        self.waiting.retry(invocation, pause)
        self.rows[invocation.event] = (self.clock.now + pause, invocation.attempts + 1)

    @precondition(lambda self: self.running)
    @rule()
    def done(self) -> None:
        invocation = self.running.pop()
        self.waiting.done(invocation)
        del self.rows[invocation.event]

    @rule(seconds=st.sampled_from([1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(cleanly=st.booleans())
    def start_again(self, *, cleanly: bool) -> None:
        if cleanly:
            self.waiting.close()
        self.waiting = opened(self.path, self.clock)
        self.running = []

    @invariant()
    def nothing_is_forgotten(self) -> None:
        assert self.waiting.unfinished() == ({"f": len(self.rows)} if self.rows else {})

    def teardown(self) -> None:
        self.waiting.close()
        self.folder.cleanup()


AnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase


def test_the_load_tells_what_is_left_and_what_was(tmp_path: Path) -> None:
    """Accepted and retried events are counted from when the queue is opened."""
    waiting = Waiting(tmp_path / "queue")
    waiting.open()
    waiting.add(Delivery("f", b"1"), Delivery("g", b"2"))
    first, second = waiting.take("f"), waiting.take("g")
    assert first is not None
    assert second is not None
    waiting.retry(first, 60)
    waiting.done(second)
    assert waiting.load() == Load(unfinished=1, accepted=2, retried=1)
    waiting.close()
    waiting.open()

    assert waiting.load() == Load(unfinished=1, accepted=0, retried=0)
    waiting.close()
