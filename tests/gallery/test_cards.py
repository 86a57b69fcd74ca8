"""Documents as the page shows them: each kind whole, and nothing that cannot be shown."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gallery.documents import DIGEST, RECIPE, letter, rejected, result
from tools.gallery.cards import card, details

SOURCE = {"width": 300, "height": 200, "format": "png", "size": 2048, "bucket": "b",
          "version": "v1", "model": "m 1.0.0", "digest": DIGEST, "recipe": RECIPE}  # fmt: skip
PREDICTIONS = [{"label": "cat", "score": 0.5}]


@pytest.mark.parametrize(
    ("document", "shown", "more"),
    [
        (result("a.png", "cat"), ("classified", "cat", 0.5, None), {"predictions": PREDICTIONS}),
        (
            result("a.png", "cat", decision="block"),
            ("block", "cat", 0.5, None),
            {"predictions": PREDICTIONS},
        ),
        (
            result("a.png", embedding={"dim": 1280, "dtype": "float32", "base64": "AA=="}),
            ("embedding", None, None, None),
            {"numbers": 1280},
        ),
        (
            rejected("a.png", "corrupt", "cut short"),
            ("rejected", None, None, "corrupt"),
            {"message": "cut short"},
        ),
    ],
    ids=["label", "decision", "embedding", "rejected"],
)
def test_each_result_has_its_card_and_details(
    document: dict[str, Any], shown: tuple[Any, ...], more: dict[str, Any]
) -> None:
    """A card has the answer or the reason; the details have all that the document says."""
    kind, label, score, reason = shown

    expected = {"key": "a.png", "kind": kind, "label": label, "score": score, "reason": reason}
    assert card(document) == expected
    assert details(document) == {**SOURCE, **more}


def test_a_dead_letter_has_its_card_and_details() -> None:
    """It failed, for the error's type; what it says of the invocation is in the details."""
    document = letter("a.png")

    assert card(document) == {
        "key": "a.png", "kind": "failed", "label": None, "score": None, "reason": "TimeoutError",
    }  # fmt: skip
    assert details(document) == {
        "message": "it took too long", "bucket": "b", "request": "r-1", "attempts": 4,
        "suspected": True,
    }  # fmt: skip


def test_a_dead_letter_without_a_key_has_a_card() -> None:
    """An event that named no object is shown all the same."""
    assert card(letter(None))["key"] == ""


def test_what_is_too_long_is_cut() -> None:
    """Megabytes in a label or a message do not make the page larger."""
    document = result("a.png", "x" * 1_000_000)

    assert len(json.dumps([card(document), details(document)])) < 20_000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, 10**400, True, "0.5"])
def test_what_a_page_cannot_hold_as_a_number_is_none(value: Any) -> None:
    """One document with such a score does not cost the others their page."""
    document = result("a.png", "cat", value, embedding={"dim": value})

    assert card(document)["score"] is None
    assert "numbers" not in details(document)


def test_of_many_predictions_the_best_are_shown() -> None:
    """A result with a million of them takes no more of the page than another."""
    document = result("a.png", predictions=[{"label": str(n), "score": 0.5} for n in range(101)])

    assert [one["label"] for one in details(document)["predictions"]] == [*map(str, range(100))]


NAMES = st.sampled_from(
    ["schema", "status", "source", "key", "model", "name", "predictions", "label", "score",
     "embedding", "dim", "decision", "reason", "code", "error", "message", "attempts"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner),
    max_leaves=20,
)


@given(
    st.dictionaries(NAMES, VALUES),
    st.sampled_from(["fanlight.result/1", "fanlight.failure/1"]),
)
def test_anything_can_be_shown(document: dict[str, Any], schema: str) -> None:
    """Whatever the fields hold, text and finite numbers are where the page expects them."""
    document = {**document, "schema": schema}
    shown, more = card(document), details(document)

    json.dumps([shown, more], allow_nan=False)
    assert isinstance(shown["key"], str)
    assert isinstance(shown["label"], str | None)
    assert isinstance(shown["score"], float | int | None)
    assert isinstance(shown["reason"], str | None)
