"""What two models disagree on."""

from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.gallery.documents import letter, rejected, result
from tools.gallery.cards import card, details
from tools.gallery.compared import Pair, Tally, disagreeing


def compared(
    documents: list[dict[str, Any]], other: list[dict[str, Any]]
) -> tuple[list[Pair], Tally, list[Pair]]:
    """The pairs, the tally and what it was shown."""
    seen: list[Pair] = []
    tally = Tally(seen.append)
    pairs = list(disagreeing(iter(documents), iter(other), tally))
    return pairs, tally, seen


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        (result("a", "cat", 0.9), result("a", "cat", 0.2), False),
        (result("a", "cat"), result("a", "dog"), True),
        (result("a", "cat"), rejected("a", "corrupt", "cut short"), True),
        (rejected("a", "empty", "no bytes"), rejected("a", "corrupt", "cut short"), False),
        (result("a", "cat", decision="allow"), result("a", "cat", decision="block"), True),
        (result("a", "cat", decision="allow"), result("a", "cat", decision="allow"), False),
        (result("a", embedding={"dim": 2}), result("a", embedding={"dim": 3}), False),
    ],
    ids=["score", "label", "status", "reason", "decision", "same decision", "embeddings"],
)
def test_what_is_a_disagreement(one: dict[str, Any], other: dict[str, Any], differ: bool) -> None:  # noqa: FBT001
    """The kind of answer or the best label differs; a score or a reason alone is none."""
    pairs, tally, seen = compared([one], [other])

    pair = (one, (card(other), details(other)))
    assert pairs == ([pair] if differ else [])
    assert (tally.both, tally.here, tally.there) == (1, 0, 0)
    assert seen == [pair]


def test_images_that_one_side_has_are_counted() -> None:
    """They cannot be compared, so they are not shown but told of."""
    pairs, tally, _ = compared(
        [result("a", "cat"), result("b", "cat")],
        [result("b", "dog"), result("c", "cat"), result("d", "cat")],
    )

    assert [pair[0]["source"]["key"] for pair in pairs] == ["b"]
    assert (tally.both, tally.here, tally.there) == (1, 1, 2)


def test_dead_letters_are_no_answers() -> None:
    """On either side they are passed over."""
    pairs, tally, _ = compared([letter("a"), result("b", "x")], [result("a", "x"), letter("b")])

    assert pairs == []
    assert (tally.both, tally.here, tally.there) == (0, 1, 1)


def test_what_is_nested_too_deeply_ends_nothing() -> None:
    """A field that no result has may hold anything, and is not looked at."""
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]

    pairs, _, _ = compared([result("a", "x", more=deep)], [result("a", "y", more=deep)])

    assert len(pairs) == 1


KEYS = st.text(st.characters(), min_size=1, max_size=4)  # halves of surrogate pairs among them
LABELS = st.dictionaries(KEYS, st.sampled_from("xyz"), max_size=8)


@given(LABELS, LABELS, st.randoms(use_true_random=False))
@example({"\ud800": "x"}, {"\ud801": "y"}, Random(0))  # two names, neither of which is text
def test_the_order_of_the_other_side_does_not_matter(
    ours: dict[str, str], theirs: dict[str, str], random: Random
) -> None:
    """Keys are matched whatever they hold and wherever they stand; ours give the order."""
    other = [result(key, label) for key, label in theirs.items()]
    random.shuffle(other)

    pairs, tally, _ = compared([result(key, label) for key, label in ours.items()], other)

    differing = [key for key in ours if key in theirs and ours[key] != theirs[key]]
    assert [pair[0]["source"]["key"] for pair in pairs] == differing
    assert tally.both == len(ours.keys() & theirs.keys())
    assert (tally.here, tally.there) == (len(ours) - tally.both, len(theirs) - tally.both)
