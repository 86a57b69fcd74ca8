"""Medians, quartiles and ratios, against sorted samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.bench.stats import Spread, alternating, ratios, spread

SECONDS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=50)


def test_spread_of_what_can_be_counted_by_hand() -> None:
    """Of 1 to 5 the quartiles are 2, 3 and 4; one sample is its own."""
    assert spread([5, 1, 4, 2, 3]) == Spread(3, 2, 4, 5)
    assert spread([7.0]) == Spread(7, 7, 7, 1)


def test_no_samples_have_no_spread() -> None:
    """What was never measured has no figure, not even 0."""
    with pytest.raises(ValueError, match="no samples"):
        spread([])


@given(SECONDS)
def test_a_spread_is_in_order_and_halves_the_samples(samples: list[float]) -> None:
    """The quartiles lie around the median, and half of the samples on either side of it."""
    found = spread(samples)
    slack = 1e-9 * max(samples)

    assert min(samples) <= found.low + slack
    assert found.low <= found.median + slack
    assert found.median <= found.high + slack
    assert found.high <= max(samples) + slack
    assert sum(sample <= found.median + slack for sample in samples) * 2 >= len(samples)
    assert sum(sample >= found.median - slack for sample in samples) * 2 >= len(samples)
    assert found.count == len(samples)


@given(SECONDS, st.floats(0.1, 10))
def test_one_slow_sample_changes_no_median_much(samples: list[float], factor: float) -> None:
    """However slow one run is, the median stays among the others."""
    found = spread([*samples, *samples, max(samples) * 1e6 * factor])

    assert found.median <= max(samples)


def test_ratios_are_taken_round_by_round() -> None:
    """A round in which all was slow says the same as the others."""
    assert ratios([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == [2, 2, 2]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_designs_take_turns() -> None:
    """None is measured twice before all others were measured once."""
    assert list(alternating(["a", "b"], 3)) == ["a", "b", "a", "b", "a", "b"]
