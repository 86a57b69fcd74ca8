"""Invocations of one function: a queue, instances up to a limit, retries, dead letters."""

import queue
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from tools.localcloud.instance import Answer, Instance, error_document
from tools.localcloud.oss import Credentials
from tools.template import Function

_LONGEST_PAUSE = 30.0


@dataclass
class Invocation:
    """One request. `answer` is set for a synchronous one; asynchronous ones are tried again."""

    event: bytes
    answer: "Future[Answer] | None" = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: int = 0
    born: float = field(default_factory=time.monotonic)


OnFailed = Callable[[Function, Invocation, Answer], None]
"""Called when an asynchronous invocation has failed for good."""


class Invoker:
    """Runs one function's invocations on up to `limit` instances, one request at a time each."""

    def __init__(  # noqa: PLR0913 - one of each thing an invocation passes through
        self,
        function: Function,
        start: Callable[[], Instance],
        keys: Callable[[], Credentials],
        on_failed: OnFailed,
        *,
        limit: int,
        first_pause: float,
        idle_after: float,
    ) -> None:
        """`first_pause`: seconds before the first retry; it doubles with each.

        `idle_after`: seconds without a request after which an instance is ended.
        """
        self.function = function
        self._start, self._keys, self._on_failed = start, keys, on_failed
        self._limit, self._first_pause, self._idle_after = limit, first_pause, idle_after
        self._queue: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._state = threading.Condition()
        self._pending = 0
        self._idle = 0
        self._stopped = False

    def submit(self, invocation: Invocation) -> None:
        """Accept an invocation; scales up if every instance is busy."""
        with self._state:
            self._pending += 1
            if self._idle < self._queue.qsize() + 1 and len(self._workers) < self._limit:
                worker = threading.Thread(target=self._work, daemon=True)
                self._workers.append(worker)
                worker.start()
        self._queue.put(invocation)

    def drain(self, timeout: float) -> bool:
        """Wait until everything accepted has ended, retries and dead letters included."""
        with self._state:
            return self._state.wait_for(lambda: self._pending == 0, timeout)

    def stop(self) -> None:
        """End every instance after the request it is serving; what waits is left undone."""
        with self._state:
            self._stopped = True
            workers = list(self._workers)
        for _ in workers:
            self._queue.put(None)
        for worker in workers:
            worker.join(self.function.timeout)

    def _work(self) -> None:
        """One instance's life."""
        instance: Instance | None = None
        while True:
            with self._state:
                self._idle += 1
            try:
                invocation = self._queue.get(timeout=self._idle_after if instance else None)
            except queue.Empty:  # scaled down; the next request is a cold start
                assert instance is not None  # noqa: S101 - for the type checker
                instance.stop(self._keys())
                instance = None
                continue
            finally:
                with self._state:
                    self._idle -= 1
            if invocation is None or self._stopped:
                break
            try:
                if instance is None or not instance.alive:
                    instance = self._start()
                answer = instance.invoke(invocation.request_id, invocation.event, self._keys())
            except Exception as error:  # noqa: BLE001 - whoever waits is owed an answer
                answer = Answer(ok=False, payload=error_document(type(error).__name__, str(error)))
            self._settle(invocation, answer)
        if instance is not None:
            instance.stop(self._keys())

    def _settle(self, invocation: Invocation, answer: Answer) -> None:
        invocation.attempts += 1
        if invocation.answer is not None:
            invocation.answer.set_result(answer)
        elif not answer.ok and self._retry(invocation):
            return
        elif not answer.ok:
            self._on_failed(self.function, invocation, answer)
        with self._state:
            self._pending -= 1
            self._state.notify_all()

    def _retry(self, invocation: Invocation) -> bool:
        """Try again later, if attempts and age allow it."""
        pause = min(_LONGEST_PAUSE, self._first_pause * 2 ** (invocation.attempts - 1))
        too_old = time.monotonic() + pause - invocation.born > self.function.max_age
        if invocation.attempts > self.function.retries or too_old:
            return False
        timer = threading.Timer(pause, self._queue.put, [invocation])
        timer.daemon = True
        timer.start()
        return True
