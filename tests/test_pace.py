"""Keys at so many a second, on a clock that only sleeping moves."""

import pytest

from tools.pace import Pace


class Clock:
    """Time that passes by sleeping, or by being told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("rate", [0.5, 3.0, 1000.0])
def test_keys_come_evenly(rate: float) -> None:
    """Each 1/rate seconds after the one before it, the first at once, all of them in order."""
    clock = Clock()
    times = []
    for key in Pace(rate, clock, clock.sleep)(map(str, range(5))):
        times.append((key, clock.now))

    assert [key for key, _ in times] == list("01234")
    assert [when for _, when in times] == pytest.approx([100 + n / rate for n in range(5)])


def test_what_was_not_taken_is_made_up_for_within_bounds() -> None:
    """After a pause of a minute, the keys of one second come at once, no more."""
    clock = Clock()
    keys = Pace(10, clock, clock.sleep)(map(str, range(100)))
    next(keys)
    clock.now += 60.0

    times = [clock.now for _ in zip(range(30), keys, strict=False)]

    assert times[10] == pytest.approx(160.0)
    assert times[29] == pytest.approx(160.0 + 1.8, abs=0.11)


def test_work_that_takes_its_time_does_not_slow_the_schedule() -> None:
    """Where the work is faster than the rate, what it takes is not added to the pause."""
    clock = Clock()
    for _ in Pace(10, clock, clock.sleep)(map(str, range(11))):
        clock.now += 0.05

    assert clock.now == pytest.approx(101.05)


def test_next_to_no_rate_is_a_long_pause() -> None:
    """A pause that no clock has room for is made of pauses of an hour, for as long as it lasts."""
    clock, slept = Clock(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.sleep(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Pace(5e-324, clock, sleep)("ab"))

    assert slept == [3600, 3600, 3600]
