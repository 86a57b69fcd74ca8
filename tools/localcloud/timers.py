"""Timer triggers, fired as the platform does: an event to the function each time one is due.

Source: Function Compute, "Time triggers". Only intervals, `@every 60m`, are kept here. A cron
expression is told of and never fires: `fanlight replay` invokes its function instead.
"""

import heapq
import json
import threading
import time
from collections.abc import Callable

from tools.template import Function, Template
from tools.timer import Timer

Fire = Callable[[str, bytes], object]
"""Given a function's name and the event."""


def timer_event(timer: Timer, at: float) -> bytes:
    """What the platform hands the function. `at`: when it was due, in seconds since 1970."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    event = {"triggerTime": stamp, "triggerName": timer.name, "payload": timer.payload}
    return json.dumps(event).encode()


class Timers:
    """Every enabled timer of a template, between `start` and `stop`."""

    def __init__(self, template: Template, fire: Fire, tell: Callable[[str, str], object]) -> None:
        """`tell`: is given the function and a line, for what will not fire."""
        self._timers = [(f, timer) for f in template.functions for timer in f.timers]
        self._fire, self._tell = fire, tell
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Fire each for the first time after one interval, as a trigger that was just made."""
        kept: list[tuple[Function, Timer, int]] = []
        for function, timer in self._timers:
            if not timer.enabled:
                continue
            if seconds := timer.seconds:
                kept.append((function, timer, seconds))
            else:
                self._tell(
                    function.name,
                    f"timer {timer.name} does not fire here, only @every does, not "
                    f"{timer.expression}: fanlight replay --function {function.name} "
                    "events/timer.json",
                )
        if kept and self._thread is None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._run, args=(kept,), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Fire no more."""
        self._ended.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _run(self, kept: list[tuple[Function, Timer, int]]) -> None:
        begun = time.monotonic()
        due = [(begun + seconds, n) for n, (_, _, seconds) in enumerate(kept)]
        heapq.heapify(due)
        while not self._ended.wait(max(0.0, due[0][0] - time.monotonic())):
            at, n = due[0]
            function, timer, seconds = kept[n]
            self._fire(function.name, timer_event(timer, time.time()))
            heapq.heapreplace(due, (at + seconds, n))
