"""Events into records: every dialect, every sample, and nothing but EventError for the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.errors import EventError
from fanlight.event import Record, parse, why_ignored
from fanlight.place import Place

EVENTS = Path(__file__).parents[1] / "events"
PUT = "ObjectCreated:PutObject"


def put(key: str, name: str = PUT) -> Record:
    return Record("fanlight-demo", f"input/digits/{key}", name)


WELL_FORMED = {
    "put.json": [put("7-00000.png")],
    "post.json": [put("form/2-00001.png", "ObjectCreated:PostObject")],
    "multipart.json": [put("scan.tiff.jpg", "ObjectCreated:CompleteMultipartUpload")],
    "older-format.json": [put("1-00002.png")],
    "eventbridge.json": [put("0-00003.png")],
    "raw-record.json": [put("0-00003.png")],
    "several.json": [put("batch/a.png"), put("batch/b.png"), put("batch/c.png")],
    "queue-list.json": [put("batch/a.png"), put("batch/b.png")],
    "awkward-keys.json": [
        put("with space.png"),
        put("a+b.png"),
        put("100%.png"),
        put("50%25.png"),
        put("手写/数字七.png"),
        put("😀.png"),
        put("q?#&=;'\"<b>.png"),
        put("../up.png"),
        put("/double.png"),
    ],
    "deleted.json": [put("7-00000.png", "ObjectRemoved:DeleteObject")],
    "folder.json": [put("new-folder/")],
    "outside.json": [Record("fanlight-demo", "incoming/elsewhere/7.png", PUT)],
}
MALFORMED = {
    "malformed-empty.json": "the event holds no record",
    "malformed-no-events.json": (
        "event: neither an OSS trigger event (events), an EventBridge event (specversion) "
        "nor a record (oss); it has Records"
    ),
    "malformed-no-key.json": "event.events[0].oss.object.key is missing",
    "malformed-not-json.json": (
        "the event is not JSON: Expecting property name enclosed in double quotes: "
        "line 2 column 1 (char 54)"
    ),
    # Well-formed, and for the sweep, which reads no event.
    "timer.json": (
        "event: neither an OSS trigger event (events), an EventBridge event (specversion) "
        "nor a record (oss); it has payload, triggerName, triggerTime"
    ),
}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_sample_gives_its_records(name: str) -> None:
    """A well-formed sample gives every record it holds, in its order, and nothing else."""
    assert parse((EVENTS / name).read_bytes()) == WELL_FORMED[name]


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_sample_says_what_is_wrong(name: str) -> None:
    """A malformed sample is an EventError that says what is wrong, and where."""
    with pytest.raises(EventError) as caught:
        parse((EVENTS / name).read_bytes())

    assert str(caught.value) == MALFORMED[name]


def test_every_sample_is_tested() -> None:
    """A sample added to the folder has to be added here."""
    assert {path.name for path in EVENTS.glob("*.json")} == {*WELL_FORMED, *MALFORMED}


def record_with(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "eventName": PUT,
        "oss": {"bucket": {"name": "b"}, "object": {"key": "k"}},
    }
    return {**whole, **changes}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (b"", "the event is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"null", "event: expected an object, found null"),
        (b"7", "event: expected an object, found a number"),
        (b"true", "event: expected an object, found a boolean"),
        (b'"x"', "event: expected an object, found a string"),
        (b"[]", "the event holds no record"),
        (b"[[]]", "event[0]: expected an object, found a list"),
        (
            b"{}",
            "event: neither an OSS trigger event (events), an EventBridge event (specversion) "
            "nor a record (oss); it has nothing",
        ),
        (b'{"events": {}}', "event.events: expected a list, found an object"),
        (b'{"events": [null]}', "event.events[0]: expected an object, found null"),
        (b'{"specversion": "1.0"}', "event.data: expected an object, found null"),
        (b'{"oss": null}', "event.oss: expected an object, found null"),
        (
            json.dumps(record_with(eventName="")).encode(),
            "event.eventName: expected a non-empty string, found an empty string",
        ),
        (
            json.dumps(
                [record_with(oss={"bucket": {"name": "b"}, "object": {"key": 1.5}})]
            ).encode(),
            "event[0].oss.object.key: expected a non-empty string, found a number",
        ),
        (
            json.dumps(
                record_with(oss={"bucket": {"name": "b"}, "object": {"key": "\ud800"}})
            ).encode(),
            "event.oss.object.key: not valid Unicode",
        ),
        (
            json.dumps(
                record_with(oss={"bucket": {"name": "\ud800"}, "object": {"key": "k"}})
            ).encode(),
            "event.oss.bucket.name: not valid Unicode",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(event: bytes, message: str) -> None:
    """The message has the path to what is wrong, and what stands there."""
    with pytest.raises(EventError) as caught:
        parse(event)

    assert str(caught.value) == message


@pytest.mark.parametrize("stray", [5, {}, {"events": {}}])
def test_a_stray_item_of_a_list_leaves_its_neighbours(stray: Any) -> None:
    """The records before and after what is no record are carried by the error."""
    good = Record("b", "k", PUT)

    with pytest.raises(EventError, match=r"event\[1\]") as caught:
        parse(json.dumps([record_with(), stray, record_with()]).encode())

    assert caught.value.records == (good, good)


def test_deep_nesting_is_an_event_error() -> None:
    """A document too deep for the parser is refused like any other."""
    with pytest.raises(EventError, match="the event is not JSON"):
        parse(b"[" * 100_000 + b"]" * 100_000)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["events", "specversion", "data", "oss", "bucket", "object", "key", "name", "eventName"]
        )
        | st.text(max_size=3),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "eventName": JSON,
        "oss": st.fixed_dictionaries(
            {},
            optional={
                "bucket": st.fixed_dictionaries({}, optional={"name": JSON}),
                "object": st.fixed_dictionaries({}, optional={"key": st.text() | JSON}),
            },
        ),
    },
)


def records_or_error(event: bytes) -> None:
    try:
        records = parse(event)
    except EventError:
        return
    assert records
    for record in records:
        assert all(isinstance(text, str) and text for text in vars(record).values())
        (record.bucket + record.key + record.name).encode()


@given(value=JSON | PARTS | st.builds(lambda parts: {"events": parts}, st.lists(PARTS)))
def test_any_json_gives_records_or_an_event_error(value: Any) -> None:
    """Whatever JSON comes, the answer is whole records or an EventError, nothing else."""
    records_or_error(json.dumps(value).encode())


@given(event=st.binary(max_size=200))
@example(event=b"\xff\xfe")
@example(event=b"\xef\xbb\xbf{}")
@example(event=b"9" * 5000)
def test_any_bytes_give_records_or_an_event_error(event: bytes) -> None:
    """Bytes that are no JSON are an EventError too."""
    records_or_error(event)


HERE = Place("fanlight-demo", "input/digits/")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (put("7.png"), None),
        (put("../up.png"), None),
        (put("7.png", "ObjectCreated:PutSymlink"), None),
        (put("7.png", "ObjectReplication:ObjectCreated"), None),
        (
            put("7.png", "ObjectRemoved:DeleteObject"),
            "ObjectRemoved:DeleteObject does not create an object",
        ),
        (
            Record("other", "input/digits/7.png", PUT),
            "bucket other is not the input bucket fanlight-demo",
        ),
        (
            Record("fanlight-demo", "output/7.png", PUT),
            "not under the input prefix input/digits/",
        ),
        (put("new-folder/"), "a folder, not an object"),
        (put(""), "a folder, not an object"),
    ],
)
def test_a_record_is_ignored_for_a_reason(record: Record, reason: str | None) -> None:
    """Only what creates an object under the input prefix is looked at."""
    assert why_ignored(record, HERE) == reason


def test_one_bad_record_does_not_hide_the_others() -> None:
    """The error about a malformed record carries those that can be read."""
    good = record_with()
    bad = record_with(oss={})

    with pytest.raises(EventError, match=r"events\[1\]") as caught:
        parse(json.dumps({"events": [good, bad, good]}).encode())

    (expected,) = parse(json.dumps({"events": [good]}).encode())
    assert caught.value.records == (expected, expected)
