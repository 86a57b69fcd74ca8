"""An event, as bytes, into the object keys it speaks of.

Four dialects of one record are understood: the native OSS trigger (`{"events": [...]}`),
EventBridge (one CloudEvents object with the record under `data`), EventBridge in raw form (the
bare record), and a list of either, as message queues deliver. An event is a hint that something
changed: nothing in it but bucket, key and name is believed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fanlight.errors import EventError
from fanlight.place import Place, other_spellings

_CREATED = ("PutObject", "PostObject", "CopyObject", "AppendObject", "PutSymlink",
            "CompleteMultipartUpload")  # fmt: skip
_NAMES = frozenset(
    [f"ObjectCreated:{call}" for call in _CREATED]
    + ["ObjectReplication:ObjectCreated", "ObjectReplication:ObjectModified"]
)


@dataclass(frozen=True)
class Record:
    """One object an event speaks of. `name` has no `oss:` in front, as in native events."""

    bucket: str
    key: str
    name: str


def parse(event: bytes) -> list[Record]:
    """Every record of an event, in its order.

    EventError names what is wrong and where; it carries the records that are not at fault.
    """
    try:
        document = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise EventError(f"the event is not JSON: {error}") from None
    records: list[Record] = []
    problems: list[str] = []
    for value, where in _walk(document, problems):
        try:
            records.append(_record(value, where))
        except EventError as error:
            problems.append(str(error))
    if problems:
        raise EventError("; ".join(problems), tuple(records))
    if not records:
        raise EventError("the event holds no record")
    return records


def why_ignored(record: Record, place: Place) -> str | None:
    """The reason to leave a record alone, or None if its key is to be reconciled."""
    if record.name not in _NAMES:
        return f"{record.name} does not create an object"
    if record.bucket != place.bucket:
        return f"bucket {record.bucket} is not the input bucket {place.bucket}"
    spellings = [record.key, *other_spellings(record.key)]
    if not any(key.startswith(place.prefix) for key in spellings):
        return f"not under the input prefix {place.prefix}"
    if all(place.relative(key) is None for key in spellings):
        return "a folder, not an object"
    return None


def _walk(document: Any, problems: list[str]) -> Iterator[tuple[Any, str]]:
    """Unwrap lists and envelopes down to bare records, remembering the path for error messages.

    What is neither goes to `problems`: its neighbours in a list are not at fault.
    """
    listed = isinstance(document, list)
    for index, item in enumerate(document if listed else [document]):
        try:
            yield from _unwrap(item, f"event[{index}]" if listed else "event")
        except EventError as error:
            problems.append(str(error))


def _unwrap(value: Any, where: str) -> Iterator[tuple[Any, str]]:
    if not isinstance(value, dict):
        raise EventError(f"{where}: expected an object, found {_kind(value)}")
    if "events" in value:  # native trigger
        if not isinstance(value["events"], list):
            raise EventError(f"{where}.events: expected a list, found {_kind(value['events'])}")
        for index, item in enumerate(value["events"]):
            yield item, f"{where}.events[{index}]"
    elif "specversion" in value:  # EventBridge
        yield value.get("data"), f"{where}.data"
    elif "oss" in value:
        yield value, where
    else:
        found = ", ".join(sorted(map(str, value))[:5]) or "nothing"
        raise EventError(
            f"{where}: neither an OSS trigger event (events), an EventBridge event (specversion) "
            f"nor a record (oss); it has {found}"
        )


def _record(value: Any, where: str) -> Record:
    bucket = _text(value, where, "oss", "bucket", "name")
    key = _text(value, where, "oss", "object", "key")
    name = _text(value, where, "eventName")
    return Record(bucket, key, name.removeprefix("oss:"))


def _text(value: Any, where: str, *path: str) -> str:
    """The non-empty string at `path` below `value`."""
    for name in path:
        if not isinstance(value, dict):
            raise EventError(f"{where}: expected an object, found {_kind(value)}")
        where = f"{where}.{name}"
        if name not in value:
            raise EventError(f"{where} is missing")
        value = value[name]
    if not isinstance(value, str) or not value:
        raise EventError(f"{where}: expected a non-empty string, found {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise EventError(f"{where}: not valid Unicode") from None
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean",
             int: "a number", float: "a number", type(None): "null"}  # fmt: skip
    return "an empty string" if value == "" else names[type(value)]
