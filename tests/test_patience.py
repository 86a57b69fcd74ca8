"""Waiting for an endpoint is not done in silence, nor for long where nothing was ever heard."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from fanlight.errors import ConfigError, TransientError
from fanlight.retry import Unreachable
from tools.patience import SOON, Line, Patient, line_to

NEW = (
    "http://127.0.0.1:9 cannot be reached (ENDPOINT); is `fanlight up` running? trying again, "
    "for 10 s in all"
)
KNOWN = "{} is busy, fails or does not answer; trying again, for 120 s in all"


@dataclass
class World:
    """A clock of its own, an endpoint that answers as it is told, and what was said about it."""

    endpoint: str = "http://127.0.0.1:9"
    now: float = 100.0
    told: list[str] = field(default_factory=list)
    tries: int = 0
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.line = Line(self.endpoint, "ENDPOINT", 120, self.told.append, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ask(self, takes: float = 0.0) -> str:
        """As an `OssStore` does, with the longest pauses."""
        deadline = self.now + 120
        retry = Patient(lambda: deadline, lambda: self.now, self.sleep, lambda _, high: high,
                        line=self.line)  # fmt: skip

        def operation() -> str:
            self.tries += 1
            self.now += takes
            if self.error:
                raise self.error
            return "answer"

        return retry(operation)


def unreachable() -> Exception:
    return Unreachable("it cannot be reached")


def test_an_endpoint_that_never_answers_is_given_up_soon() -> None:
    """It is named at once, with its setting and the remedy, and once only."""
    world = World(error=unreachable())

    with pytest.raises(Unreachable):
        world.ask()

    assert world.told == [NEW]
    assert 103 < world.now < 100 + SOON


def test_every_request_in_the_same_seconds_shares_them() -> None:
    """A second request does not wait anew for what the first has waited for in vain."""
    world = World(error=unreachable())
    with pytest.raises(Unreachable):
        world.ask()
    before, tries = world.now, world.tries

    with pytest.raises(Unreachable):
        world.ask(takes=4)
    assert (world.now, world.tries) == (before + 4, tries + 1)

    world.now += 60
    with pytest.raises(Unreachable):
        world.ask()
    assert world.tries > tries + 4


def test_a_host_elsewhere_has_another_remedy() -> None:
    """Nobody runs it here."""
    world = World("https://oss-cn-nowhere.aliyuncs.com", error=unreachable())

    with pytest.raises(Unreachable):
        world.ask(takes=20)
    assert world.told == []  # it took its time, and the error says it all

    world = World("https://oss-cn-nowhere.aliyuncs.com", error=unreachable())
    with pytest.raises(Unreachable):
        world.ask()
    assert world.told == [
        "https://oss-cn-nowhere.aliyuncs.com cannot be reached (ENDPOINT); check it, and the "
        "network; trying again, for 10 s in all"
    ]


@pytest.mark.parametrize("heard", [lambda: None, lambda: ConfigError("refused")])
def test_one_that_has_answered_is_waited_for(heard: Callable[[], Exception | None]) -> None:
    """For as long as a request may last, with a word now and then; a refusal is an answer."""
    world = World(error=heard())
    with suppress(ConfigError):
        world.ask()
    world.error = unreachable()

    with pytest.raises(Unreachable):
        world.ask()

    assert world.now > 210
    assert world.told == [KNOWN.format(world.endpoint)] * 4


def test_a_busy_one_is_waited_for() -> None:
    """It has answered, if only that it has no time."""
    world = World(error=TransientError("busy"))

    with pytest.raises(TransientError):
        world.ask()

    assert world.now > 210


def heard(endpoint: str) -> bool:
    return line_to(endpoint, "ENDPOINT", 120).heard


def test_what_a_process_has_heard_of_holds_for_those_it_starts() -> None:
    """An endpoint that is down when a worker begins has answered whoever listed the work."""
    here = line_to("http://never-asked", "ENDPOINT", 120)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(heard, "http://never-asked").result()

    assert (here.heard, there) == (False, True)
    assert line_to("http://never-asked", "ENDPOINT", 120) is here
