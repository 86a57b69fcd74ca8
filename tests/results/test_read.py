"""Results and dead letters read from a bucket in memory, and from one over HTTP."""

import json
from typing import Any

import pytest

from fanlight.document import to_bytes
from fanlight.place import Place
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from tests.fakes import MemoryStore
from tests.results.made import FAILED, INPUT, OUTPUT, Bucket, classified, failed, rejected
from tools.localcloud.oss import Credentials as LocalCredentials
from tools.localcloud.oss import OssEndpoint
from tools.places import Side
from tools.results.filter import Filter
from tools.results.letters import Around, letters
from tools.results.read import documents, results
from tools.results.rows import row_of

ALL = Filter()


def keys(bucket: Bucket, chosen: Filter) -> list[str]:
    return [str(found.row["key"]) for found in results(bucket.side, chosen, print)]


def told(bucket: Bucket, place: Place | None = INPUT, chosen: Filter = ALL) -> list[dict[str, Any]]:
    images = Side(bucket, place) if place else None
    around = Around(Side(bucket, FAILED), bucket.side, images)
    return list(documents(letters(around, chosen, print)))


def test_results_come_in_order_over_http() -> None:
    """Though many are read at a time, each comes once, as stored, in the order of the listing."""
    with OssEndpoint([LocalCredentials("id", "secret")]) as endpoint:
        endpoint.create_bucket("bucket")
        store = OssStore("bucket", endpoint=endpoint.url, region="cn-hangzhou",
                         credentials=Credentials("id", "secret"),
                         retry=Retry.lasting(5))  # fmt: skip
        stored = [classified(f"{n:03}.png", (f"{n % 7}", 0.5)) for n in range(130)]
        for document in stored:
            key = document["source"]["key"].replace("input/", "output/") + ".json"
            store.put(key, json.dumps(document).encode(), if_absent=True)

        found = list(results(Side(store, Place("bucket", "output/")), ALL, print))

    assert [one.document for one in found] == stored
    assert all(one.row["modified"].timestamp() > 1_700_000_000 for one in found)


def test_a_listing_is_never_read_far_ahead() -> None:
    """Whoever takes few results has few listed and read, however many there are."""
    bucket = Bucket()
    for number in range(500):
        bucket.result(classified(f"{number:03}", ("a", 1.0)))

    found = results(bucket.side, ALL, print)
    for _ in range(10):
        next(found)

    assert bucket.listed < 100


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("output/a.png", b"{}"),
        ("output/a.json", b"{}"),
        ("output/a.json", b"\xff"),
        ("output/a.json", b"[" * 100_000),
        ("output/a.json", b" " * (1024 * 1024 + 1)),
        ("output/a.json", json.dumps({**classified("a", ("x", 1.0)), "recipe": 1}).encode()),
        ("output/a.json", json.dumps(classified("a", ("x", True))).encode()),
        ("output/a.json", json.dumps(classified("a", ("x", 10**400))).encode()),
        ("output/a.json", json.dumps(classified("a", ("x", float("nan")))).encode()),
        ("output/a.json", json.dumps(classified("a", ("x", 1.0), decision=["block"])).encode()),
        ("output/a.json", json.dumps(classified("a", version="v", embedding={"dim": 2, "base64": "",
                                                "dtype": "float32"})).encode()),
        ("output/a.json", json.dumps({**rejected("a"), "source": {
            "bucket": "b", "key": "a", "version": "v", "size": 1 << 70}}).encode()),
    ],
)  # fmt: skip
def test_what_is_no_result_is_named_and_passed_over(key: str, data: bytes) -> None:
    """Whatever else lies there, or says what no result can say, does not end the reading."""
    bucket = Bucket()
    bucket.put(key, data)
    bucket.result(classified("z", ("x", 1.0)))
    notes: list[str] = []

    found = [one.row["key"] for one in results(bucket.side, ALL, notes.append)]

    assert found == ["input/z"]
    assert len(notes) == 1
    assert notes[0].startswith(f"not a result: {key}")


def test_what_vanishes_while_it_is_listed_is_nothing() -> None:
    """A result deleted between the listing and the reading is neither shown nor named."""

    class Vanishing(Bucket):
        def get(self, key: str, limit: int, wanted: Any = None) -> Any:
            return None if key.endswith("a.json") else MemoryStore.get(self, key, limit)

    bucket = Vanishing()
    bucket.result(classified("a", ("x", 1.0)))
    bucket.result(classified("b", ("x", 1.0)))
    notes: list[str] = []

    assert [one.row["key"] for one in results(bucket.side, ALL, notes.append)] == ["input/b"]
    assert notes == []


def test_only_what_key_and_time_let_through_is_read() -> None:
    """A filter by key or time costs a listing, not a read of every result."""
    bucket = Bucket()
    for moment, key in [(100.0, "a/1"), (200.0, "a/2"), (300.0, "b/1"), (400.0, "b/2")]:
        bucket.clock = moment
        bucket.result(classified(key, ("x", 1.0)))

    assert keys(bucket, Filter(since=200.0, until=400.0)) == ["input/a/2", "input/b/1"]
    assert keys(bucket, Filter(key="a/")) == ["input/a/1", "input/a/2"]
    assert keys(bucket, Filter(key="*/1")) == ["input/a/1", "input/b/1"]
    assert sorted(bucket.read) == sorted(
        [f"output/{key}.json" for key in ("a/2", "b/1", "a/1", "a/2", "a/1", "b/1")]
    )


def test_letters_are_marked_by_what_is_true_now() -> None:
    """Settled: the image that is there now has its result, or it is gone; not so a stale one."""
    bucket = Bucket()
    for number, key in enumerate(["done", "stale", "missing"]):
        version = bucket.image(key)
        if key != "missing":
            bucket.result(classified(key, ("x", 1.0), version=version if key == "done" else "old"))
        bucket.letter(f"2026-11-25/r-{number}.json", failed(key))
    bucket.letter("2026-11-26/r-0.json", failed("gone"))
    bucket.letter("2026-11-26/r-1.json", failed(None))

    found = told(bucket)

    assert [(one["letter"]["date"], one["letter"]["settled"]) for one in found] == [
        ("2026-11-25", True),
        ("2026-11-25", False),
        ("2026-11-25", False),
        ("2026-11-26", True),
        ("2026-11-26", None),
    ]
    assert {one["status"] for one in found} == {"failed"}
    assert [one["letter"]["settled"] for one in told(bucket, None)] == [None] * 5


def test_a_letter_is_of_the_image_that_a_run_would_do() -> None:
    """An event's key may be URL-encoded, its prefix too; then the letter's is."""
    bucket = Bucket()
    version = bucket.image("open 1")
    bucket.image("open 2")
    bucket.result(classified("open 1", ("x", 1.0), version=version))
    for number, key in enumerate(["open%201", "open%202", "input%2Fopen+2"]):
        letter = failed(key)
        if number == 2:
            letter["source"]["key"] = key
        bucket.letter(f"2026-11-25/r-{number}.json", letter)

    assert [one["letter"]["settled"] for one in told(bucket)] == [True, False, False]


@pytest.mark.parametrize("moment", [0.0, 1e12, -1e12, 1e300])
def test_a_time_that_no_calendar_has_is_null(moment: float) -> None:
    """A file's time can be anything; the result is shown all the same."""
    bucket = Bucket()
    bucket.clock = moment
    bucket.result(classified("a", ("x", 1.0)))

    assert [found.row["modified"] for found in results(bucket.side, ALL, print)] == [None]


def test_the_first_place_that_says_it_counts() -> None:
    """A document with a reason and an error has the reason's code, and the message it lacks."""
    document = rejected("a", "empty") | {"error": {"type": "OSError", "message": "told"}}
    del document["reason"]["message"]

    row = row_of(document, "a.json", 0.0)

    assert (row["key"], row["reason"], row["message"]) == ("input/a", "empty", "told")


@pytest.mark.parametrize("folder", ["2026-02-30", "20261125", "tasks"])
def test_a_letter_filed_under_no_date_has_none(folder: str) -> None:
    """Letters moved elsewhere are letters still."""
    bucket = Bucket()
    bucket.letter(f"{folder}/a.json", failed("a"))

    assert [one["letter"]["date"] for one in told(bucket)] == [None]


def test_letters_among_the_results_are_no_noise() -> None:
    """The failed prefix may lie inside the output; what is there is not called no result."""
    bucket = Bucket()
    bucket.result(classified("a", ("x", 1.0)))
    bucket.put("output/failed/2026-11-25/a.json", to_bytes(failed("a")))
    notes: list[str] = []
    inside = Place("bucket", "output/failed/")

    found = list(results(bucket.side, ALL, notes.append, letters=inside))

    assert [one.row["key"] for one in found] == ["input/a"]
    assert notes == []


@pytest.mark.parametrize("place", [OUTPUT, FAILED])
def test_the_name_of_what_is_none_steers_no_terminal(place: Place) -> None:
    """It is told of among results and among letters, and whoever uploads chooses its name."""
    bucket = Bucket()
    bucket.put(f"{place.prefix}\x1b]0;t\x07\x9b.json", b"{}")
    notes: list[str] = []

    assert list(results(bucket.side, ALL, notes.append)) == []
    assert list(letters(Around(Side(bucket, FAILED), bucket.side), ALL, notes.append)) == []

    (told,) = [note.partition(": ")[2] for note in notes]
    assert told == place.prefix + r"\x1b]0;t\x07\x9b.json"


def test_letters_of_other_tasks_are_not_ours() -> None:
    """Functions share one place for letters: those about other inputs are left out, in silence."""
    bucket = Bucket()
    other = {"bucket": "bucket", "key": "input-of-another/7.png"}
    bucket.letter("2026-11-25/a.json", failed("7.png"))
    bucket.letter("2026-11-25/b.json", {**failed("7.png"), "source": other})
    bucket.letter("2026-11-25/c.json", {**failed("7.png"), "source": {**other, "bucket": "b2"}})
    same = {"bucket": "b2", "key": "input/7.png"}
    bucket.letter("2026-11-25/d.json", {**failed("7.png"), "source": same})

    assert [one["letter"]["key"] for one in told(bucket)] == ["failed/2026-11-25/a.json"]
    assert [one["source"]["key"] for one in told(bucket, INPUT, Filter(key="8"))] == []
    assert len(told(bucket, None)) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        json.dumps({**failed("a"), "schema": "fanlight.failure/2"}).encode(),
        json.dumps({**failed("a"), "source": {"bucket": "bucket", "key": 1}}).encode(),
        json.dumps({**failed("a"), "error": None}).encode(),
        json.dumps({**failed("a"), "attempts": "4"}).encode(),
        json.dumps({**failed("a"), "event": float("inf")}).encode(),
    ],
)
def test_what_is_no_letter_is_named(data: bytes) -> None:
    """Something else below the failed prefix is told of and does not end the reading."""
    bucket = Bucket()
    bucket.put("failed/2026-11-25/a.json", data)
    bucket.letter("2026-11-25/b.json", failed("b"))
    notes: list[str] = []
    around = Around(Side(bucket, FAILED), bucket.side)

    found = [one.row["key"] for one in letters(around, ALL, notes.append)]

    assert found == ["input/b"]
    assert len(notes) == 1
    assert "failed/2026-11-25/a.json" in notes[0]
