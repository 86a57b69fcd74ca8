"""Keys into events: nothing is lost, and each event stays within what a dead letter can hold."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.event import Record, parse
from fanlight.failure import letters
from tools.fc.batches import MOST_BYTES, MOST_KEYS, batches

REGION = "cn-hangzhou"
CREATED = "ObjectCreated:PutObject"

characters = st.characters(exclude_categories=["Cs"])
keys = st.text(characters, min_size=1, max_size=1023).filter(lambda key: len(key.encode()) <= 1023)
longest = st.sampled_from(["\x01", '"', "\\", "é", "字", "🖼", "a"]).map(
    lambda character: character * (1023 // len(character.encode()))
)


@given(st.lists(keys | longest, max_size=80))
@example([f"{n:04}" for n in range(151)])
def test_every_key_is_in_one_event_in_order(names: list[str]) -> None:
    """The events, read as the function reads them, name each key once and in its place."""
    made = list(batches(names, "b", REGION))

    assert [key for batch in made for key in batch.keys] == names
    for batch in made:
        assert parse(batch.event) == [Record("b", key, CREATED) for key in batch.keys]


@given(st.lists(keys | longest, max_size=80))
@example(["a" * 1023] * 60)
@example([f"{n:04}" for n in range(151)])
def test_an_event_is_as_large_as_it_may_be(names: list[str]) -> None:
    """No event passes 32 KB or 50 keys, and one ends only where the next key would pass them."""
    made = list(batches(names, "b", REGION))

    assert all(len(batch.event) <= MOST_BYTES and len(batch.keys) <= MOST_KEYS for batch in made)
    for batch, after in pairwise(made):
        (more,) = batches(after.keys[:1], "b", REGION)
        frame = len('{"events":[]}')
        assert (
            len(batch.keys) == MOST_KEYS
            or len(batch.event) + len(more.event) - frame + len(",") > MOST_BYTES
        )


@pytest.mark.parametrize(("more", "events"), [(0, 1), (1, 2)])
def test_an_event_may_have_exactly_its_limit(more: int, events: int) -> None:
    """32 KB to the byte are one event, and a byte more are two."""
    names = ["a" * 900] * 20
    (short,) = batches([*names, "a"], "b", REGION)
    names.append("a" * (1 + MOST_BYTES - len(short.event) + more))

    made = list(batches(names, "b", REGION))

    assert len(made) == events
    assert (len(made[0].event) == MOST_BYTES) == (events == 1)


@pytest.mark.parametrize("character", ["a", '"', "\x01", "字"])
def test_what_is_told_of_a_failure_fits_its_destination(character: str) -> None:
    """The failure document of the largest event stays below the 64 KB that the smallest takes."""
    names = [f"{n:03}" + character * (1020 // len(character.encode())) for n in range(MOST_KEYS)]
    first = next(batches(names, "b", REGION))
    document = {
        "requestContext": {"requestId": "r", "functionArn": "f", "condition": "c",
                           "approximateInvokeCount": 4},
        "requestPayload": first.event.decode(),
        "responsePayload": json.dumps({"errorType": "ProcessExited", "errorMessage": ""}),
    }  # fmt: skip

    body = json.dumps(document, ensure_ascii=False).encode()

    assert len(body) < 64 * 1000
    assert [letter["source"]["key"] for letter in letters(body)] == list(first.keys)


def test_keys_that_come_slowly_do_not_wait_for_others() -> None:
    """Two seconds after its first key an event is complete, however few it has."""
    times = iter([0.0, 0.5, 1.0, 2.0, 10.0, 10.1])

    made = batches("abcd", "b", REGION, clock=lambda: next(times))

    assert [batch.keys for batch in made] == [("a", "b", "c"), ("d",)]
