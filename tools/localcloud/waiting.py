"""Asynchronous invocations that were accepted and are not done yet, in an SQLite file or in memory.

An invocation is a row from the moment it is accepted until it has succeeded or its failure has been
passed on. What was running when the process died is a row still, and is run again: at least once.
SQLite's write-ahead log is not forced to the disk with each transaction: whatever ends this process
loses nothing, a power cut may lose the last moments.
"""

import heapq
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fanlight.errors import ConfigError
from tools.localcloud.deliveries import Delivery, Invocation, Load
from tools.localcloud.news import InvocationNews, OnNews

__all__ = ["Delivery", "Invocation", "Load", "QueueClosed", "Waiting"]

_TABLE = """
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY, function TEXT NOT NULL, request_id TEXT NOT NULL, event BLOB NOT NULL,
    attempts INTEGER NOT NULL, born REAL NOT NULL, not_before REAL NOT NULL
)
"""


class QueueClosed(RuntimeError):
    """The queue is not open: its cloud is being stopped."""


@dataclass
class _Change:
    """What a transaction does beside the file: rows now due, how many more are left, counts."""

    database: sqlite3.Connection
    queued: list[tuple[str, float, int]] = field(default_factory=list)
    unfinished: Counter[str] = field(default_factory=Counter)
    accepted: list[Delivery] = field(default_factory=list)
    retried: int = 0


class Waiting:
    """The queue of every function; any thread may use it.

    Rows are read when they are taken; memory holds when each is due and no more.
    """

    def __init__(
        self,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        on_news: OnNews | None = None,
    ) -> None:
        """`path`: None keeps the queue in memory until `close`. `clock`: seconds since 1970.

        `on_news`: told of each delivery that was accepted, before it can be taken.
        """
        self._path, self._clock, self._on_news = path, clock, on_news
        self._database: sqlite3.Connection | None = None
        self._state = threading.Condition()
        self._due: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        self._unfinished: Counter[str] = Counter()
        self._next_row = 1
        self._accepted = self._retried = 0
        self._listeners: dict[str, Callable[[], None]] = {}

    def open(self) -> None:
        """Read what is waiting; does nothing if open. ConfigError if the file is no queue."""
        name = self._path or ":memory:"
        with self._state:
            if self._database is not None:
                return
            try:
                # Autocommit: a statement alone is a transaction. `_state` keeps threads apart.
                database = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                database.execute(_TABLE)
                rows = database.execute("SELECT function, not_before, id FROM waiting").fetchall()
            except sqlite3.Error as error:
                raise ConfigError(f"{name}: {error}") from None
            self._due.clear()
            for function, not_before, row in sorted(rows):  # a sorted list is a heap
                self._due[function].append((not_before, row))
            self._unfinished = Counter(function for function, _, _ in rows)
            self._next_row = 1 + max((row for _, _, row in rows), default=0)
            self._accepted = self._retried = 0
            self._database = database

    def close(self) -> None:
        """Close the file; a queue in memory is gone. Does nothing if not open."""
        with self._state:
            database, self._database = self._database, None
            if database is not None:
                database.close()
            self._state.notify_all()

    def listen(self, function: str, wake: Callable[[], None]) -> None:
        """Call `wake` whenever something has been added for a function or is to be retried."""
        self._listeners[function] = wake

    def add(self, *deliveries: Delivery) -> None:
        """Accept all of them, or none if this raises."""
        with self._transaction() as change:
            for delivery in deliveries:
                self._insert(change, delivery)

    def take(self, function: str) -> Invocation | None:
        """The one that has been due longest, for the caller to end with `done` or `retry`."""
        with self._state:
            due = self._due[function]
            if self._database is None or not due or due[0][0] > self._clock():
                return None
            found = self._database.execute(
                "SELECT id, function, request_id, event, attempts, born FROM waiting WHERE id = ?",
                (due[0][1],),
            ).fetchone()
            heapq.heappop(due)
            return Invocation(*found)

    def due_in(self, function: str) -> float | None:
        """Seconds until the next one may run; None if nothing waits."""
        with self._state:
            due = self._due[function]
            return max(0.0, due[0][0] - self._clock()) if due else None

    def age(self, invocation: Invocation) -> float:
        """Seconds since it was accepted."""
        return self._clock() - invocation.born

    def retry(self, invocation: Invocation, pause: float) -> None:
        """Count an attempt, and give it out again after `pause` seconds."""
        not_before = self._clock() + pause
        with self._transaction() as change:
            change.database.execute(
                "UPDATE waiting SET attempts = attempts + 1, not_before = ? WHERE id = ?",
                (not_before, invocation.row),
            )
            change.queued.append((invocation.function, not_before, invocation.row))
            change.retried += 1

    def again(self, invocation: Invocation, pause: float) -> None:
        """Give out once more, after `pause` seconds, what could be ended in neither way."""
        with self._state:
            due = (self._clock() + pause, invocation.row)
            heapq.heappush(self._due[invocation.function], due)
        self._wake(invocation.function)

    def done(self, invocation: Invocation, *then: Delivery) -> None:
        """Forget it and accept what follows from it, in one step."""
        with self._transaction() as change:
            change.database.execute("DELETE FROM waiting WHERE id = ?", (invocation.row,))
            change.unfinished[invocation.function] -= 1
            for delivery in then:
                self._insert(change, delivery)

    def queued(self, function: str) -> int:
        """How many wait for their turn, due or not."""
        with self._state:
            return len(self._due[function])

    def unfinished(self) -> dict[str, int]:
        """How many wait or run, by function."""
        with self._state:
            return dict(+self._unfinished)

    def load(self) -> Load:
        """How much there is to do and has been done."""
        with self._state:
            return Load(self._unfinished.total(), self._accepted, self._retried)

    def drain(self, functions: Collection[str], timeout: float) -> bool:
        """Wait until nothing is left for these functions; False if time ran out."""
        with self._state:
            return self._state.wait_for(
                lambda: not any(self._unfinished[name] for name in functions), timeout
            )

    @contextmanager
    def _transaction(self) -> Iterator[_Change]:
        """What is done to the file is done to memory once it is committed."""
        with self._state:
            if self._database is None:
                raise QueueClosed("the queue is closed")
            change = _Change(self._database)
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield change
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a commit that fails may have ended it
                    self._database.execute("ROLLBACK")
                raise
            self._next_row += len(change.accepted)
            self._accepted += len(change.accepted)
            if self._on_news:
                for new in change.accepted:
                    news = InvocationNews("queued", new.function, new.request_id, new.event)
                    self._on_news(news)
            self._retried += change.retried
            for function, not_before, row in change.queued:
                heapq.heappush(self._due[function], (not_before, row))
            for function, more in change.unfinished.items():
                self._unfinished[function] += more
                if not self._unfinished[function]:
                    self._state.notify_all()
        for function in {function for function, _, _ in change.queued}:
            self._wake(function)

    def _wake(self, function: str) -> None:
        self._listeners.get(function, lambda: None)()

    def _insert(self, change: _Change, delivery: Delivery) -> None:
        row, now = self._next_row + len(change.accepted), self._clock()
        not_before = now + delivery.delay
        change.database.execute(
            "INSERT INTO waiting VALUES (?, ?, ?, ?, 0, ?, ?)",
            (row, delivery.function, delivery.request_id, delivery.event, now, not_before),
        )
        change.queued.append((delivery.function, not_before, row))
        change.unfinished[delivery.function] += 1
        change.accepted.append(delivery)
