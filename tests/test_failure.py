"""Dead letters: one for each key that failed, and never a failure lost."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import failure
from fanlight.document import to_bytes
from fanlight.failure import letters, named_failures

SCHEMA = json.loads(Path(failure.__file__).with_name("failure.schema.json").read_bytes())
VALID = jsonschema.Draft202012Validator(SCHEMA)


def record(key: str) -> dict[str, Any]:
    return {
        "eventName": "ObjectCreated:PutObject",
        "oss": {"bucket": {"name": "b"}, "object": {"key": key}},
    }


EVENT = {"events": [record("in/a.png"), record("in/b.png")]}
TIMEOUT = {"errorType": "FunctionTimedOut", "errorMessage": "invoke timed out after 60 seconds"}


def body_of(payload: Any, answer: Any) -> bytes:
    """What Function Compute sends to the destination of a failure."""
    return json.dumps(
        {
            "timestamp": 1660369603,
            "requestContext": {
                "requestId": "1-62f9-abc",
                "functionArn": "acs:fc:cn-hangzhou:1:functions/classify",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 4,
            },
            "requestPayload": payload,
            "responseContext": {"statusCode": 200, "functionError": "HandledInvocationError"},
            "responsePayload": answer,
        }
    ).encode()


def letter(key: str | None, error: dict[str, str], event: Any, *, suspected: bool) -> Any:
    return {
        "schema": "fanlight.failure/1",
        "request_id": "1-62f9-abc",
        "function": "acs:fc:cn-hangzhou:1:functions/classify",
        "condition": "RetriesExhausted",
        "attempts": 4,
        "source": None if key is None else {"bucket": "b", "key": key},
        "suspected": suspected,
        "error": error,
        "event": event,
    }


def written(body: bytes) -> list[dict[str, Any]]:
    """The letters, each of which has to be as the schema says."""
    found = letters(body)
    for one in found:
        VALID.validate(one)
    return found


def test_a_key_the_failure_names_gets_the_letter() -> None:
    """Of several keys only those that failed have a letter, with their own error."""
    unfinished = {"counts": {"classified": 1, "failed": 1},
                  "failed": [{"key": "in/b.png", "error": "OSS cannot be reached"}]}  # fmt: skip
    answer = {"errorType": "Unfinished", "errorMessage": json.dumps(unfinished)}
    error = {"type": "Unfinished", "message": "OSS cannot be reached"}

    assert written(body_of(EVENT, answer)) == [letter("in/b.png", error, EVENT, suspected=False)]


def test_where_no_key_is_named_all_are_suspected() -> None:
    """A timeout or a kill says nothing of keys: each has a letter, marked as perhaps innocent."""
    error = {"type": "FunctionTimedOut", "message": "invoke timed out after 60 seconds"}

    assert written(body_of(EVENT, TIMEOUT)) == [
        letter("in/a.png", error, EVENT, suspected=True),
        letter("in/b.png", error, EVENT, suspected=True),
    ]


def test_payloads_that_are_text_are_read() -> None:
    """Event and answer may arrive as text that holds JSON."""
    as_text = body_of(json.dumps(EVENT), json.dumps(TIMEOUT))

    assert written(as_text) == written(body_of(EVENT, TIMEOUT))


def test_an_event_without_keys_has_a_letter_of_its_own() -> None:
    """An event that cannot be read is kept as it is, for who looks into it."""
    error = {"type": "EventError", "message": "the event holds no record"}
    answer = {"errorType": "EventError", "errorMessage": "the event holds no record"}

    payloads: list[Any] = [{"events": []}, "not JSON", None, 7]
    for payload in payloads:
        assert written(body_of(payload, answer)) == [letter(None, error, payload, suspected=False)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, {"type": "unknown", "message": ""}),
        ("killed", {"type": "unknown", "message": "killed"}),
        ({"errorMessage": "out of memory"}, {"type": "unknown", "message": "out of memory"}),
    ],
)
def test_an_answer_of_another_shape_is_quoted(answer: Any, error: dict[str, str]) -> None:
    """Whatever the platform says of the failure is in the letter."""
    event = {"events": [record("in/a.png")]}

    assert written(body_of(event, answer)) == [letter("in/a.png", error, event, suspected=True)]


def test_what_is_no_failure_is_kept_all_the_same() -> None:
    """A body that cannot be read is a letter too, with the body in it."""
    assert written(b"\xff{") == [
        {
            "schema": "fanlight.failure/1",
            "request_id": "",
            "function": "",
            "condition": "",
            "attempts": 0,
            "source": None,
            "suspected": False,
            "error": {
                "type": "EventError",
                "message": "not a failure document: UnicodeDecodeError: 'utf-8' codec can't decode "
                "byte 0xff in position 0: invalid start byte",
            },
            "event": "\ufffd{",
        }
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(payload=JSON, answer=JSON)
def test_every_failure_has_at_least_one_letter(payload: Any, answer: Any) -> None:
    """Whatever failed and however, there is a letter, and it is as the schema says."""
    assert written(body_of(payload, answer))


@given(body=st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()))
def test_every_body_has_at_least_one_letter(body: bytes) -> None:
    """Nothing that reaches the function is lost."""
    assert written(body)


@pytest.mark.parametrize(
    "message", ["", "timed out", "[]", "{}", '{"failed": 7}', '{"failed": [7]}', "null"]
)
def test_other_messages_name_no_key(message: str) -> None:
    """Only the text of Unfinished names keys."""
    assert named_failures(message) == {}


@pytest.mark.parametrize(
    "body",
    [
        body_of('{"x": NaN}', None),
        body_of("[" * 100_000, None),
        b"[" * 100_000,
        body_of("{}", None).replace(
            b'"approximateInvokeCount": 4', b'"approximateInvokeCount": Infinity'
        ),
    ],
    ids=["NaN", "deep payload", "deep body", "infinite attempts"],
)
def test_odd_json_is_filed_all_the_same(body: bytes) -> None:
    """What a JSON parser takes but a writer does not, or is too deep, still makes letters."""
    assert len(written(body)) == 1


@pytest.mark.parametrize("text", [False, True], ids=["as JSON", "as text"])
def test_a_number_no_float_holds_stays_text(text: bool) -> None:  # noqa: FBT001 - a case of two
    """An event with a number that would be infinite is in its letter, which can be written."""
    body = body_of("EVENT", None).replace(
        b'"EVENT"', b'"{\\"x\\": [1e999, 1.5]}"' if text else b'{"x": [1e999, 1.5]}'
    )

    (found,) = written(body)

    assert found["event"] == {"x": ["1e999", 1.5]}
    assert json.loads(to_bytes(found)) == found


def test_no_depth_of_an_event_loses_its_letter() -> None:
    """However deep an event nests, also where it can be read but not written, it is filed."""
    near_the_limits = [*range(900, 1010), *range(1440, 1510)]  # of Python 3.10 and 3.12
    for depth in [1, 100, *near_the_limits, 3_000, 60_000]:
        deep = "[" * depth + "]" * depth
        for body in (
            body_of(deep, None),
            body_of("EVENT", None).replace(b'"EVENT"', deep.encode()),
            body_of(EVENT, {"errorType": "E", "errorMessage": "DEEP"}).replace(
                b'"DEEP"', deep.encode()
            ),
        ):
            for found in letters(body):
                assert to_bytes(found)
