"""Trying again, on a clock of our own."""

import time

import pytest

from fanlight.errors import ConfigError, StaleCredentials, TransientError
from fanlight.retry import Retry


class Faulty:
    """Fails so many times, each taking some seconds of a clock of its own."""

    def __init__(self, failures: int, takes: float = 0.0) -> None:
        self.now, self.tries = 100.0, 0
        self.slept: list[float] = []
        self._failures, self._takes = failures, takes

    def __call__(self) -> str:
        self.tries += 1
        self.now += self._takes
        if self.tries <= self._failures:
            raise TransientError(f"failure {self.tries}")
        return "done"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def retry(self, seconds: float, jitter: float = 1.0) -> Retry:
        deadline = self.now + seconds
        return Retry(
            deadline=lambda: deadline,
            clock=lambda: self.now,
            sleep=self.sleep,
            uniform=lambda low, high: low + (high - low) * jitter,
        )


def test_success_needs_no_pause() -> None:
    """What works at once is done once."""
    operation = Faulty(0)

    assert operation.retry(10)(operation) == "done"
    assert (operation.tries, operation.slept) == (1, [])


def test_pauses_double_up_to_the_longest() -> None:
    """The longest pause before each further try doubles, and stays at five seconds."""
    operation = Faulty(8)

    assert operation.retry(60)(operation) == "done"
    assert operation.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_pauses_are_random_down_to_none() -> None:
    """Instances throttled together come back at different times."""
    operation = Faulty(3)

    assert operation.retry(10, jitter=0)(operation) == "done"
    assert operation.slept == [0, 0, 0]


def test_no_pause_begins_that_would_end_too_late() -> None:
    """The last failure is raised as soon as there is no time left for another try."""
    operation = Faulty(100, takes=3)

    with pytest.raises(TransientError, match="failure 3"):
        operation.retry(7)(operation)

    assert operation.now <= 100 + 7 + 3


def test_a_late_success_counts() -> None:
    """An operation that was begun in time may end after it."""
    operation = Faulty(0, takes=100)

    assert operation.retry(1)(operation) == "done"


def test_only_transient_errors_are_tried_again() -> None:
    """A setting does not become right by waiting."""
    operation = Faulty(0)

    def wrong() -> None:
        operation()
        raise ConfigError("wrong")

    with pytest.raises(ConfigError):
        operation.retry(10)(wrong)

    assert operation.tries == 1


def test_a_deadline_is_shared_or_each_ones_own() -> None:
    """`until` counts from when it was made, `lasting` from when it is asked."""
    until, lasting = Retry.until(time.monotonic() + 10), Retry.lasting(10)
    time.sleep(0.05)

    assert until.remaining() <= 9.951
    assert 9.96 < lasting.remaining() <= 10


def test_stale_credentials_are_not_tried_again() -> None:
    """They are as stale the next time: whoever has new ones is to know at once."""
    pauses: list[float] = []

    def operation() -> None:
        raise StaleCredentials("expired")

    with pytest.raises(StaleCredentials):
        Retry(lambda: time.monotonic() + 60, sleep=pauses.append)(operation)

    assert pauses == []
