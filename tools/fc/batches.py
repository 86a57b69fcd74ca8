"""Keys into native OSS events, so small that a dead letter can still hold one."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tools.events import oss_event

MOST_KEYS = 50
MOST_BYTES = 32 * 1024
"""Of an event's JSON. Asynchronous ones may have 128 KB, but what is told of a failure wraps the
whole event, as a string in JSON, and the smallest of its destinations takes 64 KB."""

_LONGEST = 2.0
"""Seconds for which keys are gathered: a slow listing must not keep the first ones waiting."""

_HEAD, _BETWEEN, _TAIL = b'{"events":[', b",", b"]}"


@dataclass(frozen=True)
class Batch:
    """The keys of one event, in its order. `tries`: how often they have been sent before."""

    keys: tuple[str, ...]
    event: bytes
    tries: int = 0


def batches(
    keys: Iterable[str],
    bucket: str,
    region: str,
    *,
    most: int = MOST_KEYS,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Batch]:
    """Every key once, in order. `most`: keys of one event. A key must be valid Unicode."""
    names: list[str] = []
    records: list[bytes] = []
    size, began = 0, 0.0

    def batch() -> Batch:
        return Batch(tuple(names), _HEAD + _BETWEEN.join(records) + _TAIL)

    for key in keys:
        record = _record(key, bucket, region)
        if names and size + len(_BETWEEN) + len(record) > MOST_BYTES:
            yield batch()
            names, records = [], []
        if not names:
            size, began = len(_HEAD) + len(_TAIL) - len(_BETWEEN), clock()
        names.append(key)
        records.append(record)
        size += len(_BETWEEN) + len(record)
        if len(names) == most or clock() - began >= _LONGEST:
            yield batch()
            names, records = [], []
    if names:
        yield batch()


def _record(key: str, bucket: str, region: str) -> bytes:
    (record,) = oss_event(bucket, key, region=region)["events"]
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
