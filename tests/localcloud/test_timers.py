"""Timer triggers in a local cloud."""

import json
import threading
from dataclasses import replace

import pytest

from tests.deployment.templates import DIGITS, template
from tools.localcloud.timers import Timers, timer_event
from tools.template import Template
from tools.timer import Timer


def with_timers(*timers: Timer) -> Template:
    return template(replace(DIGITS, triggers=(), timers=timers))


def timer(expression: str, *, enabled: bool = True, name: str = "often") -> Timer:
    return Timer(name, expression, enabled, "awake")


class Fired:
    """What was fired, and a way to wait until enough was."""

    def __init__(self, enough: int) -> None:
        self.events: list[tuple[str, dict[str, str]]] = []
        self._left = threading.Semaphore(0)
        self._enough = enough

    def __call__(self, function: str, event: bytes) -> None:
        self.events.append((function, json.loads(event)))
        self._left.release()

    def wait(self) -> None:
        for _ in range(self._enough):
            assert self._left.acquire(timeout=10)


def test_an_event_is_as_the_platform_writes_it() -> None:
    """Its three fields, with the time to the second and in UTC."""
    event = json.loads(timer_event(timer("@every 60m"), 1_518_155_340.7))

    assert event == {
        "triggerTime": "2018-02-09T05:49:00Z",
        "triggerName": "often",
        "payload": "awake",
    }


def test_a_timer_fires_again_and_again_until_it_is_stopped() -> None:
    """Each event goes to the timer's function, and none is sent after `stop`."""
    fired = Fired(2)
    timers = Timers(with_timers(timer("@every 1s")), fired, lambda *_: None)
    timers.start()
    fired.wait()
    timers.stop()
    count = len(fired.events)

    assert {name for name, _ in fired.events} == {DIGITS.name}
    assert {event["triggerName"] for _, event in fired.events} == {"often"}
    timers.stop()
    assert len(fired.events) == count


def test_what_does_not_fire_is_told() -> None:
    """A cron expression is named with what to do instead; a timer that is off is passed over."""
    told: list[tuple[str, str]] = []
    described = with_timers(timer("0 0 4 * * *", name="nightly"), timer("@every 1s", enabled=False))
    timers = Timers(described, Fired(0), lambda function, line: told.append((function, line)))

    timers.start()
    timers.stop()

    assert told == [
        (
            DIGITS.name,
            "timer nightly does not fire here, only @every does, not 0 0 4 * * *: "
            f"fanlight replay --function {DIGITS.name} events/timer.json",
        )
    ]


@pytest.mark.parametrize(
    ("expression", "seconds", "known"),
    [
        ("@every 60m", 3600, True),
        ("@every 1h30m", 5400, True),
        ("@every 5s", 5, True),
        ("@every 0m", 0, False),
        ("@every", None, False),
        ("@every m", None, False),
        ("@hourly", None, False),
        ("0 0 4 * * *", None, True),
        ("CRON_TZ=Asia/Shanghai 0 */5 8-18 ? * MON-FRI", None, True),
        ("0 4 * * *", None, False),
        ("", None, False),
    ],
)
def test_expressions(expression: str, seconds: int | None, known: bool) -> None:  # noqa: FBT001 - a case
    """Intervals have a length; a cron expression has six fields; all else is a mistake."""
    read = Timer.read(
        {"triggerName": "a", "triggerConfig": {"cronExpression": expression, "enable": True}}
    )

    assert (read.seconds, read.known) == (seconds, known)
