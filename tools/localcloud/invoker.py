"""Invocations of one function: instances up to a limit, retries, what follows from a failure.

Asynchronous ones come from the queue and go back to it for a retry. Synchronous ones have somebody
waiting for each, so they are kept nowhere, go first and are never tried again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from tools.localcloud.credentials import Credentials
from tools.localcloud.deliveries import Call, Throttled
from tools.localcloud.instance import Answer, Instance, error_document
from tools.localcloud.news import InvocationNews, State
from tools.localcloud.options import Options
from tools.localcloud.waiting import Delivery, Invocation, QueueClosed, Waiting
from tools.template import Function

_LONGEST_PAUSE, _UNSETTLED = 30.0, 1.0
"""Seconds before another try at most; until a request runs again whose end was not written down."""

logger = logging.getLogger(__name__)

OnFailed = Callable[[Function, Invocation, Answer], Delivery | None]
"""What follows from an asynchronous invocation that has failed for good."""


@dataclass(frozen=True)
class _Warm:
    """An instance that has nothing to do since a time of the monotonic clock."""

    instance: Instance
    since: float


class Invoker:
    """Runs one function's invocations on up to `instances` instances, one request at a time each.

    A thread for each instance that was ever needed at once; the instances themselves are shared,
    the one used last first, so that the others grow idle and are ended.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one of each thing an invocation passes through
        self,
        function: Function,
        start: Callable[[], Instance],
        keys: Callable[[str], Credentials],
        waiting: Waiting,
        on_failed: OnFailed,
        options: Options,
    ) -> None:
        """`keys`: asked before each request, by its id, so that credentials can rotate."""
        self.function = function
        self._start, self._keys = start, keys
        self._waiting, self._on_failed, self._options = waiting, on_failed, options
        self._calls: deque[Call] = deque()
        self._warm: list[_Warm] = []
        self._workers: list[threading.Thread] = []
        self._state = threading.Condition()
        self._busy = 0
        self._stopped = True
        self._most = options.instances
        if function.reserved is not None:
            self._most = min(self._most, function.reserved)
        waiting.listen(function.name, self._wake)

    def start(self) -> None:
        """Run what waits, and from now on what comes."""
        with self._state:
            self._stopped = False
        self._wake()

    def call(self, event: bytes, request_id: str) -> Answer:
        """Run the function and wait for its answer. Raises Throttled."""
        call = Call(event, request_id)
        reserved = self.function.reserved
        with self._state:
            if self._stopped:
                return _stopped()
            if reserved is not None and self._busy + len(self._calls) >= reserved:
                raise Throttled(reserved)
            self._calls.append(call)
        self._wake()
        return call.answer.result()

    def stop(self) -> None:
        """End every instance after the request it is serving; what waits stays in the queue."""
        with self._state:
            self._stopped = True
            calls, self._calls = self._calls, deque()
            self._state.wait_for(lambda: self._busy == 0, self.function.timeout)
            warm, self._warm = self._warm, []
        for call in calls:
            call.answer.set_result(_stopped())
        for one in warm:
            one.instance.stop(self._keys(""))
        # Last, since an instance dies with the thread that started it.
        with self._state:
            workers, self._workers = self._workers, []
            self._state.notify_all()
        for worker in workers:
            worker.join(1)

    def _wake(self) -> None:
        """Something is to be done: as many threads as can do it at once, up to the limit."""
        with self._state:
            if self._stopped:
                return
            wanted = self._busy + len(self._calls) + self._waiting.queued(self.function.name)
            while len(self._workers) < min(wanted, self._most):
                worker = threading.Thread(target=self._work, daemon=True)
                self._workers.append(worker)
                worker.start()
            self._state.notify_all()

    def _work(self) -> None:
        while (request := self._claim()) is not None:
            try:
                self._serve(request)
            except QueueClosed:  # the cloud has gone; the row is there for the next one
                return
            except Exception:  # the row stays, so it is run again
                logger.exception("request %s was not settled", request.request_id)
                if isinstance(request, Invocation):
                    self._waiting.again(request, _UNSETTLED)
            finally:
                with self._state:
                    self._busy -= 1
                    if self._stopped:
                        self._state.notify_all()

    def _claim(self) -> Call | Invocation | None:
        """Wait for a request, ending what grows idle; None once this thread is to end."""
        me = threading.current_thread()
        while True:
            with self._state:
                if me not in self._workers:
                    return None
                request = self._next()
                if request is not None:
                    self._busy += 1
                    return request
                self._state.wait(self._patience())
                idle = self._grown_idle()
            for instance in idle:
                instance.stop(self._keys(""))

    def _next(self) -> Call | Invocation | None:
        if self._stopped:
            return None
        return self._calls.popleft() if self._calls else self._waiting.take(self.function.name)

    def _patience(self) -> float | None:
        """Seconds until there is something to do even if nothing comes."""
        if self._stopped:
            return None
        due = self._waiting.due_in(self.function.name)
        until = [] if due is None else [due]
        if self._warm:
            until.append(self._warm[0].since + self._options.idle_after - time.monotonic())
        return max(0.0, min(until)) if until else None

    def _grown_idle(self) -> list[Instance]:
        """Take out the instances without requests; the next request may be a cold start."""
        since = time.monotonic() - self._options.idle_after
        idle = [one for one in self._warm if one.since <= since]
        self._warm = self._warm[len(idle) :]  # the longest without a request come first
        return [one.instance for one in idle]

    def _serve(self, request: Call | Invocation) -> None:
        began = time.monotonic()
        self._tell("running", request)
        instance = self._warm_one()
        try:
            instance = instance or self._start()
            answer = instance.invoke(
                request.request_id, request.event, self._keys(request.request_id),
                self._killed_after(request),
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - whoever waits is owed an answer
            answer = Answer(ok=False, payload=error_document(type(error).__name__, str(error)))
        seconds = time.monotonic() - began
        if instance is not None:  # given back first: the next request is not to start another
            self._give_back(instance)
        if isinstance(request, Call):
            self._tell("done" if answer.ok else "failed", request, answer, seconds)
            request.answer.set_result(answer)
        else:
            self._settle(request, answer, seconds)

    def _killed_after(self, request: Call | Invocation) -> float | None:
        """Seconds after which chaos kills the instance that serves this; None: it does not."""
        chaos = self._options.chaos
        if chaos is None:
            return None
        attempt = request.attempts + 1 if isinstance(request, Invocation) else 1
        return chaos.kill_after(request.request_id, attempt, self.function.retries)

    def _warm_one(self) -> Instance | None:
        with self._state:
            while self._warm:
                instance = self._warm.pop().instance
                if instance.alive:
                    return instance
                instance.kill()
        return None

    def _give_back(self, instance: Instance) -> None:
        if instance.alive:
            with self._state:
                self._warm.append(_Warm(instance, time.monotonic()))
        else:
            instance.kill()

    def _settle(self, invocation: Invocation, answer: Answer, seconds: float) -> None:
        """Done, tried again later if attempts and age allow it, or failed for good."""
        tried = replace(invocation, attempts=invocation.attempts + 1)
        if answer.ok:
            self._tell("done", tried, answer, seconds)
            self._waiting.done(invocation)
            return
        pause = min(_LONGEST_PAUSE, self._options.first_pause * 2**invocation.attempts)
        too_old = self._waiting.age(invocation) + pause > self.function.max_age
        # Told before it is so: afterwards another thread may have gone on with it.
        if tried.attempts <= self.function.retries and not too_old:
            self._tell("retried", tried, answer, seconds)
            self._waiting.retry(invocation, pause)
        else:
            self._tell("failed", tried, answer, seconds)
            follows = self._on_failed(self.function, tried, answer)
            self._waiting.done(invocation, *([] if follows is None else [follows]))

    def _tell(
        self, state: State, request: Call | Invocation, answer: Answer | None = None,
        seconds: float = 0.0,
    ) -> None:  # fmt: skip
        if self._options.on_news:
            error = "" if answer is None or answer.ok else answer.payload
            self._options.on_news(InvocationNews(
                state, self.function.name, request.request_id, request.event, request.attempts,
                seconds * 1000, error,
            ))  # fmt: skip


def _stopped() -> Answer:
    return Answer(ok=False, payload=error_document("Stopped", "the local cloud has been stopped"))
