"""The feed: any number of pages follow it, at their own pace, and none holds it up."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tools.console.feed import MOST, Feed

PUTS = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 9))
GONE = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.none())


def kept(records: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
    """What a page has after some records."""
    after = dict(before)
    for record in records:
        name = f"{record['kind']}{record['id']}"
        after.pop(name, None)
        if not record.get("gone"):
            after[name] = record
    return after


@given(st.lists(st.lists(PUTS | GONE, max_size=8), max_size=8))
def test_a_page_that_follows_has_what_a_new_one_is_given(
    turns: list[list[tuple[str, str, int | None]]],
) -> None:
    """Whatever is put and removed between its looks, it ends with the same records."""
    feed = Feed()
    page: dict[str, Any] = {}
    place = feed.after("", 0).place  # type: ignore[union-attr]
    for turn in turns:
        for kind, name, value in turn:
            if value is None:
                feed.remove(kind, name)
            else:
                feed.put(kind, name, **{f"field{value % 2}": value})
        batch = feed.after(place, 0)
        assert batch is not None
        assert not batch.anew
        place, page = batch.place, kept(batch.records, page)

    new = feed.after("", 0)
    assert new is not None
    assert new.anew
    assert kept(new.records, {}) == page
    assert new.place == place


def test_one_that_fell_behind_is_given_everything_anew() -> None:
    """Changes are not kept for it: it gets the records that there are, the latest of a kind."""
    feed = Feed()
    place = feed.after("", 0).place  # type: ignore[union-attr]
    for number in range(5000):
        feed.put("line", str(number), text="x")

    batch = feed.after(place, 0)

    assert batch is not None
    assert batch.anew
    assert [record["id"] for record in batch.records] == [str(n) for n in range(5000 - MOST, 5000)]


def test_a_place_of_another_start_is_unknown() -> None:
    """Nor is one that is made up: each gets everything."""
    feed, other = Feed(), Feed()
    feed.put("line", "1")
    other.put("line", "1")
    place = other.after("", 0).place  # type: ignore[union-attr]
    own = feed.after("", 0).place.partition("-")[0]  # type: ignore[union-attr]

    found = [feed.after(text, 0) for text in (place, f"{own}-99", f"{own}--1", own, "-", "x" * 99)]

    assert [batch and batch.anew for batch in found] == [True] * 6


def test_a_closed_feed_ends_every_wait() -> None:
    """A page that waits is told at once that nothing more will come."""
    feed = Feed()
    feed.close()

    assert feed.after("", 60) is None


def test_a_place_that_is_none_gets_everything_anew() -> None:
    """Whatever a page claims to have had last, also a number that no int() takes."""
    feed = Feed()
    feed.put("line", "1", text="x")
    epoch = feed.after("", 0).place.partition("-")[0]  # type: ignore[union-attr]

    for place in ("", epoch, f"{epoch}-", f"{epoch}--1", f"{epoch}-2", f"{epoch}-{'9' * 5000}"):
        batch = feed.after(place, 0)
        assert batch is not None
        assert (batch.anew, [record["text"] for record in batch.records]) == (True, ["x"])
