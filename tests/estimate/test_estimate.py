"""From measured events to minutes and money, where it can be worked out by hand."""

from dataclasses import replace

import pytest

from fanlight.errors import ConfigError
from tools.estimate import estimate
from tools.estimate.estimate import SIMULATED, Job, Size, Terms, event_seconds, line, sizes
from tools.estimate.measured import Measured, Taken
from tools.estimate.prices import SHIPPED, Prices

PRICES = Prices.read(SHIPPED)
ALIKE = Measured([Taken(0.1, 0.08)], cold=[Taken(1.0, 1.0)], peak=2e8, logged=500.0)
FULL = Size(1024, 1.0)


def test_each_memory_has_the_vcpu_it_may_have() -> None:
    """The least, a quarter of a vCPU a GB in steps of 0.05, and one where that is allowed."""
    found = [(one.memory, one.vcpus) for one in sizes((128, 640, 512, 1536, 4096, 8192), None)]

    assert found == [
        (128, 0.05), (128, 0.1), (640, 0.2), (640, 0.6), (512, 0.15), (512, 0.5),
        (1536, 0.4), (1536, 1.0), (4096, 1.0), (8192, 2.0),
    ]  # fmt: skip
    assert sizes((1536,), 1.5) == [Size(1536, 1.5)]


@pytest.mark.parametrize("vcpus", [0.3, 0.42, 1.6, 16])
def test_vcpu_the_platform_refuses_are_refused(vcpus: float) -> None:
    """With 1,536 MB go 0.4 to 1.5 vCPU; the message says so."""
    with pytest.raises(ConfigError, match=r"1536 MB go with 0\.4 to 1\.5 vCPU"):
        sizes((1536,), vcpus)


def test_a_backfill_adds_up() -> None:
    """1,000 images of 100 ms on 10 instances: a second's start, ten of work, and what they cost."""
    found = line(FULL, Job(1000, 5_000_000, 10), ALIKE, Terms(), PRICES)

    assert found.seconds == pytest.approx(1 + 1000 * 0.1 / 10)
    assert (found.event, found.cold) == pytest.approx((0.1, 1.0))
    assert (found.outcome.instances, found.outcome.cold_starts) == (10, 10)
    assert found.bill.units == pytest.approx((100 + 10) * (1 + 0.15) + 1000 * 0.0075)
    assert found.bill.requests == pytest.approx(1000 * 3 / 10_000 * 0.01)


def test_less_than_a_vcpu_takes_longer() -> None:
    """Half a vCPU: 20 ms waited and 160 computed an image, two seconds a cold start."""
    found = line(Size(1024, 0.5), Job(1000, 0, 10), ALIKE, Terms(), PRICES)

    assert found.seconds == pytest.approx(2 + 1000 * 0.18 / 10)


def test_terms_add_what_was_not_measured() -> None:
    """Round trips, a slower vCPU, the platform's own start, and time between events."""
    terms = Terms(slower=2, platform=0.5, round_trip=0.01, between=0.05)

    found = line(FULL, Job(10, 0, 1), ALIKE, terms, PRICES)

    assert found.event == pytest.approx(0.02 + 0.16 + 3 * 0.01)
    assert found.cold == pytest.approx(2.5)
    assert found.seconds == pytest.approx(2.5 + 10 * 0.21 + 9 * 0.05)
    assert found.outcome.busy == pytest.approx(2.1)


def test_an_event_of_many_images_waits_for_several_at_a_time() -> None:
    """50 images of 20 ms waited and 80 computed: all computed in turn, waited eight at a time."""
    (seconds, *_) = event_seconds(ALIKE, 50, 1.0, Terms())
    found = line(FULL, Job(1001, 0, 10, keys=50), ALIKE, Terms(), PRICES)

    assert seconds == pytest.approx(50 * 0.08 + 50 * 0.02 / 8)
    assert found.outcome.tries == 21
    assert found.event == pytest.approx(seconds)


def test_events_of_many_images_that_were_measured_are_taken_as_they_are() -> None:
    """They are not taken apart for events of another number."""
    fifty = replace(ALIKE, events=[Taken(4.0, 3.0)], keys=50)

    assert event_seconds(fifty, 50, 1.0, Terms()) == [4.0]
    with pytest.raises(ConfigError, match="--batch"):
        event_seconds(fifty, 10, 1.0, Terms())


def test_failures_are_paid_for_and_end_as_dead_letters() -> None:
    """What always fails is worked on four times, and read and written as often."""
    found = line(FULL, Job(100, 0, 10, failing=1.0), ALIKE, Terms(), PRICES)

    assert (found.outcome.tries, found.outcome.dead) == (400, 100)
    assert found.bill.requests == pytest.approx(400 * 3 / 10_000 * 0.01)


def test_reading_takes_what_the_network_allows() -> None:
    """A terabyte at 20 Gbit/s is 400 s, however many instances there are."""
    found = line(FULL, Job(10, 10**12, 300), ALIKE, Terms(), PRICES)

    assert found.seconds == pytest.approx(400)


@pytest.mark.parametrize("rate", [None, 50.0])
def test_what_is_not_simulated_goes_on_as_what_was(
    monkeypatch: pytest.MonkeyPatch, rate: float | None
) -> None:
    """Ten times as many as are simulated come to what simulating them all comes to."""
    job = Job(20_000, 0, 10, rate=rate)
    whole = line(FULL, job, ALIKE, Terms(), PRICES)
    monkeypatch.setattr(estimate, "SIMULATED", 2000)

    found = line(FULL, job, ALIKE, Terms(), PRICES)

    assert job.events < SIMULATED
    assert found.seconds == pytest.approx(whole.seconds, rel=0.02)
    assert found.bill.units == pytest.approx(whole.bill.units, rel=0.02)
    assert found.outcome.tries == whole.outcome.tries == 20_000
    assert found.outcome.instances == 10
