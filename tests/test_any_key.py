"""The promise about keys: whatever OSS lets a key be, it survives from the event to the listing."""

import json
from collections.abc import Iterator
from itertools import count

import oss2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fanlight import event as events
from fanlight.errors import KeyRefused
from fanlight.event import Record, why_ignored
from fanlight.place import MAX_KEY_BYTES, Place
from fanlight.reconcile import Outcome, Reconciler
from fanlight.result import from_bytes
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from tests.fakes import answer_as
from tools.events import oss_event
from tools.localcloud import oss
from tools.places import Side
from tools.plan import checks

INPUT, OUTPUT = Place("pictures", "input/"), Place("answers", "output/")
_serial = count()

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(
    lambda key: not key.endswith("/")  # a folder, which is ignored
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    with oss.OssEndpoint([oss.Credentials("id", "secret")]) as endpoint:
        endpoint.create_bucket(INPUT.bucket)
        endpoint.create_bucket(OUTPUT.bucket)
        yield endpoint


@pytest.fixture(scope="module")
def bucket(endpoint: oss.OssEndpoint) -> oss2.Bucket:
    """What a user uploads with."""
    auth = oss2.AuthV4("id", "secret")
    return oss2.Bucket(auth, endpoint.url, INPUT.bucket, region="cn-hangzhou")


@pytest.fixture(scope="module")
def sides(endpoint: oss.OssEndpoint) -> tuple[Side, Side]:
    first, second = (
        OssStore(
            place.bucket,
            endpoint=endpoint.url,
            region="cn-hangzhou",
            credentials=Credentials("id", "secret"),
            retry=Retry.lasting(10),
        )
        for place in (INPUT, OUTPUT)
    )
    return Side(first, INPUT), Side(second, OUTPUT)


def reconciler_of(sides: tuple[Side, Side]) -> Reconciler:
    images, results = sides
    return Reconciler(
        images.store, images.place, results.store, results.place, answer_as("any"), 1000
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(key=KEYS)
@example(key="../secret")
@example(key="a//b///c")
@example(key="./..")
@example(key="..")
@example(key="a b+c%20%2F%25&=?#;")
@example(key="识别/图像/😀.png")
@example(key="\x00\x01\r\n\t\x7f")
@example(key="a.json")
@example(key="\ufffe\uffff\U00010000\\x")
@example(key="e\u0301 \u00e9")
@example(key="<&>\"']]>")
def test_any_key_survives_from_event_to_listing(
    bucket: oss2.Bucket, sides: tuple[Side, Side], key: str
) -> None:
    """An upload's result is under its own key, names that key, and is current for the next run."""
    images, results = sides
    for side in sides:  # what a failed example left
        for meta in list(side.store.list("")):
            side.store.delete(meta.key)
    key = INPUT.prefix + key
    content = f"image {next(_serial)}"
    bucket.put_object(key, content)

    event = json.dumps(oss_event(INPUT.bucket, key)).encode()
    (record,) = events.parse(event)
    assert record == Record(INPUT.bucket, key, "ObjectCreated:PutObject")
    assert why_ignored(record, INPUT) is None

    target = OUTPUT.prefix + key.removeprefix(INPUT.prefix) + ".json"
    outcome = reconciler_of(sides).reconcile_spelled(record.key)
    assert outcome == Outcome(key, "classified", target, outcome.document)

    assert [meta.key for meta in results.store.list(OUTPUT.prefix)] == [target]
    stored = results.store.get(target, 10_000)
    assert stored is not None
    assert stored.data is not None
    document = from_bytes(stored.data)
    assert document == outcome.document
    assert document is not None
    assert document["source"]["key"] == key
    assert document["predictions"][0]["label"] == content
    (found,) = checks(images, results)
    assert (found.key, found.state, found.current) == (key, "classified", True)
    assert reconciler_of(sides).reconcile(key) == Outcome(key, "unchanged", target)


@settings(max_examples=20, deadline=None)
@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3))
def test_a_key_too_long_for_a_result_is_refused_by_name(sides: tuple[Side, Side], key: str) -> None:
    """A key whose result could not be stored is an error of its own."""
    suffixes = len(OUTPUT.prefix) + len(".json")
    fitting = MAX_KEY_BYTES - suffixes
    long = key.replace("/", "x") + "x" * (fitting + 1 - len(key.replace("/", "x").encode()))

    with pytest.raises(KeyRefused, match=r"would have 1024 bytes, OSS allows 1023"):
        reconciler_of(sides).reconcile(INPUT.prefix + long)
    assert reconciler_of(sides).target(INPUT.prefix + long[:-1]) == f"output/{long[:-1]}.json"
