"""The simulated fan-out, against what can be worked out by hand, and properties of any."""

import heapq
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.estimate.simulation import (
    Failing,
    Fleet,
    at_once,
    chances,
    drawn,
    per_second,
    simulate,
)

SECONDS = st.lists(st.floats(0.001, 10), min_size=1, max_size=60)
LIMITS = st.integers(1, 20)


@pytest.mark.parametrize(("images", "limit"), [(1, 1), (10, 1), (10, 3), (12, 3), (5, 300)])
def test_a_backfill_of_equal_images_takes_what_it_must(images: int, limit: int) -> None:
    """A cold start, and then as many turns as the images fill on the instances there may be."""
    found = simulate(at_once(images), itertools.repeat(2.0), Fleet(limit, cold=0.5))

    instances = min(images, limit)
    turns = math.ceil(images / instances)
    assert found.finished == pytest.approx(0.5 + 2 * turns)
    assert (found.cold_starts, found.instances, found.tries) == (instances, instances, images)
    assert found.busy == pytest.approx(2 * images)
    assert found.starting == pytest.approx(0.5 * instances)
    assert found.waited(1) == pytest.approx(found.finished)


def test_what_comes_slowly_is_served_by_one_instance() -> None:
    """With pauses longer than the work nobody waits but the first, for the cold start."""
    found = simulate(range(0, 50, 5), itertools.repeat(1.0), Fleet(100, cold=2.0))

    assert (found.cold_starts, found.instances) == (1, 1)
    assert list(found.took) == [3.0] + [1.0] * 9


def test_an_idle_instance_ends_and_the_next_request_starts_cold() -> None:
    """Without a request for as long as instances are kept, each request waits for its start."""
    found = simulate(range(0, 50, 5), itertools.repeat(1.0), Fleet(100, cold=1.0, idle_after=2.0))

    assert (found.cold_starts, found.instances) == (10, 1)
    assert set(found.took) == {2.0}


def test_requests_beyond_the_limit_wait_their_turn() -> None:
    """Two at a time, four at once: the third and fourth end a turn later."""
    found = simulate(at_once(4), itertools.repeat(3.0), Fleet(2))

    assert list(found.took) == [3.0, 3.0, 6.0, 6.0]


def test_instances_grow_no_faster_than_the_platform_lets_them() -> None:
    """Beyond those that start at once, one more each second."""
    found = simulate(at_once(5), itertools.repeat(100.0), Fleet(5, burst=2, growth=1.0))

    assert list(found.took) == [100.0, 100.0, 101.0, 102.0, 103.0]


def test_a_busy_instance_is_taken_before_a_start_that_is_later() -> None:
    """Who waits takes what comes first: an instance that gets free, or one that may start."""
    found = simulate(at_once(3), itertools.repeat(2.0), Fleet(3, burst=2, growth=0.1))

    assert list(found.took) == [2.0, 2.0, 4.0]
    assert found.cold_starts == 2


def test_time_between_events_occupies_an_instance_and_is_not_work() -> None:
    """It delays the next event, and counts neither as busy nor as the event's own."""
    found = simulate(at_once(3), itertools.repeat(1.0), Fleet(1, between=0.5))

    assert list(found.took) == [1.0, 2.5, 4.0]
    assert found.busy == 3.0


def test_what_always_fails_is_tried_four_times_and_given_up() -> None:
    """Each try takes its time, and a pause is between; the request counts as dead."""
    found = simulate(at_once(2), itertools.repeat(1.0), Fleet(2), Failing(1.0, 3, 0.5), chances(1))

    assert (found.tries, found.dead, found.busy) == (8, 2, 8.0)
    assert list(found.took) == [5.5, 5.5]


def test_as_many_tries_fail_as_are_to() -> None:
    """With a tenth failing, a request takes 1 / 0.9 tries on average."""
    fleet, failing = Fleet(50), Failing(0.1, 100)
    found = simulate(at_once(20_000), itertools.repeat(1.0), fleet, failing, chances(1))

    assert found.dead == 0
    assert found.tries / 20_000 == pytest.approx(1 / 0.9, rel=0.01)


def test_a_launch_within_its_means_keeps_up() -> None:
    """Uploads that need 20 instances on average end soon after the last has come."""
    found = simulate(per_second(40, 8000, 1), itertools.repeat(0.5), Fleet(100, cold=1))

    assert found.finished == pytest.approx(8000 / 40, rel=0.05)
    assert 20 < found.instances <= 100
    assert found.waited(0.5) == pytest.approx(0.5)


def test_a_launch_beyond_its_means_falls_behind() -> None:
    """Where twice as much comes as the limit can do, it takes twice as long as it comes."""
    found = simulate(per_second(40, 8000, 1), itertools.repeat(0.5), Fleet(10))

    assert found.finished == pytest.approx(8000 * 0.5 / 10, rel=0.01)
    assert found.instances == 10


@given(SECONDS, LIMITS, st.floats(0, 5))
def test_no_more_instances_than_allowed_and_no_less_work_than_given(
    seconds: list[float], limit: int, cold: float
) -> None:
    """A backfill ends between two bounds: perfect sharing, and that and one image more."""
    found = simulate(at_once(len(seconds)), iter(seconds), Fleet(limit, cold))

    instances = min(limit, len(seconds))
    perfect = max(sum(seconds) / instances, *seconds)
    assert found.instances == found.cold_starts == instances
    assert found.busy == pytest.approx(sum(seconds))
    assert cold + perfect <= found.finished + 1e-9
    assert found.finished <= cold + sum(seconds) / instances + max(seconds) + 1e-9


@given(SECONDS, LIMITS, st.floats(0, 5))
def test_more_instances_never_take_longer_for_a_backfill(
    seconds: list[float], limit: int, cold: float
) -> None:
    """The end comes no later with one more instance allowed."""
    count = len(seconds)
    some = simulate(at_once(count), iter(seconds), Fleet(limit, cold))
    more = simulate(at_once(count), iter(seconds), Fleet(limit + 1, cold))

    assert more.finished <= some.finished + 1e-9


@given(SECONDS, LIMITS, st.lists(st.floats(0, 20), min_size=60, max_size=60))
def test_without_cold_starts_it_is_the_queue_of_the_books(
    seconds: list[float], limit: int, gaps: list[float]
) -> None:
    """First come, first served, by whichever of so many servers is free first."""
    comes = list(itertools.accumulate(gaps[: len(seconds)]))
    free = [0.0] * limit
    ends = []
    for came, took in zip(comes, seconds, strict=True):
        ended = max(came, free[0]) + took
        heapq.heapreplace(free, ended)
        ends.append(ended - came)

    found = simulate(comes, iter(seconds), Fleet(limit))

    assert list(found.took) == pytest.approx(ends)


@given(SECONDS, LIMITS, st.floats(0, 0.9), st.integers(0, 4), st.integers(0, 9))
def test_every_request_ends_once(
    seconds: list[float], limit: int, rate: float, retries: int, seed: int
) -> None:
    """Answered or dead after its last try; tries and work add up, whatever fails."""
    count = len(seconds)
    fleet = Fleet(limit, 0.3, burst=2, growth=3, idle_after=1)
    failing = Failing(rate, retries, 0.7)
    found = simulate(at_once(count), drawn(seconds, seed), fleet, failing, chances(seed))

    assert len(found.took) == count
    assert count <= found.tries <= count * (1 + retries)
    assert found.dead <= count
    assert found.instances <= min(limit, found.cold_starts)
    assert found.finished >= max(found.took) - 1e-9
    assert min(seconds) * found.tries <= found.busy + 1e-9 <= max(seconds) * found.tries + 1e-6


def test_the_same_seed_draws_the_same() -> None:
    """Samples, chances and arrivals can be had again, and are what they say."""
    draws = list(itertools.islice(drawn([1.0, 2.0], 7), 10_000))
    comes = list(per_second(10, 10_000, 7))

    assert draws == list(itertools.islice(drawn([1.0, 2.0], 7), 10_000))
    assert sum(draws) / len(draws) == pytest.approx(1.5, abs=0.03)
    assert comes == list(per_second(10, 10_000, 7)) == sorted(comes)
    assert comes[-1] == pytest.approx(1000, rel=0.05)
