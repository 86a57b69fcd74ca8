"""Which results a filter lets through."""

from datetime import datetime, timezone

import pytest

from tests.results.made import classified, failed, rejected
from tools.results.filter import Filter, moment
from tools.results.rows import row_of

SEVEN = classified("a", ("7", 0.6), ("1", 0.4))
ONE = classified("b", ("1", 0.9), ("7", 0.1), decision="block")
VECTOR = classified("c")
BAD = rejected("d")
LETTER = {**failed("e"), "status": "failed"}


@pytest.mark.parametrize(
    ("chosen", "through"),
    [
        (Filter(), "abcde"),
        (Filter(labels=frozenset({"7"})), "a"),
        (Filter(labels=frozenset({"7", "1"})), "ab"),
        (Filter(labels=frozenset({"7"}), any_prediction=True), "ab"),
        (Filter(least=0.6), "ab"),
        (Filter(most=0.6), "a"),
        (Filter(least=0.61), "b"),
        (Filter(most=0.1, any_prediction=True), "b"),
        (Filter(labels=frozenset({"7"}), least=0.2, any_prediction=True), "a"),
        (Filter(statuses=frozenset({"classified"})), "abc"),
        (Filter(statuses=frozenset({"rejected", "failed"})), "de"),
        (Filter(decisions=frozenset({"block"})), "b"),
        (Filter(decisions=frozenset({"block"}), labels=frozenset({"7"})), ""),
    ],
)
def test_what_is_said_decides(chosen: Filter, through: str) -> None:
    """Label and score speak of one and the same prediction; everything set must fit."""
    rows = [row_of(document, "", 0.0) for document in (SEVEN, ONE, VECTOR, BAD, LETTER)]

    fitting = [row["key"].removeprefix("input/") for row in rows if chosen.fits(row)]

    assert "".join(fitting) == through
    assert chosen.of_letters >= ("e" in through)


@pytest.mark.parametrize(
    ("pattern", "beginning", "yes", "no"),
    [
        ("", "", "a", None),
        ("a/", "a/", "a/b", "b/a/"),
        ("a/*.png", "a/", "a/b/c.png", "a/b.jpg"),
        ("?.png", "", "a.png", "ab.png"),
        ("x[12]", "x", "x1", "x3"),
        ("A", "A", "A.png", "a.png"),
    ],
)
def test_keys_by_their_beginning_or_a_pattern(
    pattern: str, beginning: str, yes: str, no: str | None
) -> None:
    """Without wildcards a key is told by its beginning; with them by all of it."""
    chosen = Filter(key=pattern)

    assert chosen.beginning == beginning
    assert chosen.fits_key(yes)
    assert no is None or not chosen.fits_key(no)


def test_what_has_no_time_is_not_in_any_span() -> None:
    """A document whose time the store does not tell fits only where no time is asked for."""
    assert Filter().fits_time(0.0)
    assert not Filter(since=1.0).fits_time(0.0)
    assert not Filter(until=1.0).fits_time(0.0)
    assert Filter(since=1.0, until=2.0).fits_time(1.0)
    assert not Filter(since=1.0, until=2.0).fits_time(2.0)


def test_moments_are_ages_or_iso_times() -> None:
    """Ages count back from now; times are local unless they name their zone."""
    day = datetime(2026, 11, 25, tzinfo=timezone.utc).timestamp()

    assert moment("2h", 10_000.0) == 2_800.0
    assert moment("1.5d", 200_000.0) == 200_000 - 129_600
    assert moment("2026-11-25T00:00:00Z", 0.0) == day
    assert moment("2026-11-25T08:00+08:00", 0.0) == day
    assert moment("2026-11-25", 0.0) == datetime(2026, 11, 25).astimezone().timestamp()


@pytest.mark.parametrize("text", ["", "2", "h", "yesterday", "-2h", "2026-13-01", "2h3m"])
def test_other_words_are_no_moments(text: str) -> None:
    """What is neither an age nor a date is refused, not guessed at."""
    with pytest.raises(ValueError, match=r"^"):
        moment(text, 0.0)
