"""What a key's result and the dead letters say of it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fanlight.document import to_bytes
from fanlight.errors import StaleCredentials, TransientError
from fanlight.place import Place
from fanlight.result import Source
from fanlight.store import Meta, Object, Wanted, always
from tests.fakes import MemoryStore, answer_as
from tools.fc.watch import Letter, Look, Watch
from tools.places import Side


class Flaky(MemoryStore):
    """A store that cannot be reached."""

    def head(self, key: str) -> Meta | None:
        raise TransientError("no route")

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        raise TransientError("no route")


@pytest.fixture
def watch() -> Watch:
    store = MemoryStore()
    return Watch(*(Side(store, Place("bucket", prefix)) for prefix in ("in/", "out/", "failed/")))


def put(watch: Watch, key: str, data: bytes = b"7") -> Meta:
    watch.images.store.put(key, data, if_absent=False)
    meta = watch.images.store.head(key)
    assert meta
    return meta


def answer(watch: Watch, meta: Meta) -> None:
    source = Source("bucket", meta.key, meta.version, meta.etag, meta.size)
    document = answer_as("m")(source, b"7")
    watch.results.store.put(watch.target(meta.key), to_bytes(document), if_absent=False)


def test_a_key_is_done_when_its_result_is_true(watch: Watch) -> None:
    """Without a result, and with that of an older image, there is more to come."""
    first = put(watch, "in/a")
    assert watch.look("in/a") == Look(None, "there is no result")
    answer(watch, first)
    assert watch.look("in/a") == Look(
        {"key": "in/a", "outcome": "classified", "result": "out/a.json", "label": "7", "score": 1.0}
    )
    second = put(watch, "in/a", b"8")
    stale = "its result is of another version of the image"
    assert watch.look("in/a") == Look(None, stale, stale=True)
    answer(watch, second)
    assert watch.look("in/a").outcome


def test_an_image_that_is_gone_is_no_failure(watch: Watch) -> None:
    """A deleted image has its outcome, whether there is a result of it or not."""
    gone = {"key": "in/a", "outcome": "gone", "result": "out/a.json"}
    assert watch.look("in/a") == Look(gone)
    answer(watch, put(watch, "in/a"))
    watch.images.store.delete("in/a")

    assert watch.look("in/a") == Look(gone)


def test_what_another_look_may_mend_is_no_outcome(watch: Watch) -> None:
    """A bucket that cannot be reached says nothing of the key."""
    flaky = replace(watch, results=Side(Flaky(), watch.results.place))

    assert flaky.look("in/a") == Look(None, "no route")


class Expired(MemoryStore):
    """A store that takes the access key no more."""

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        raise StaleCredentials("expired")

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        raise StaleCredentials("expired")


def test_an_expired_key_is_raised(watch: Watch) -> None:
    """Looking again would not mend it, for half an hour and key after key."""
    expired = Side(Expired(), Place("bucket", "out/"))

    with pytest.raises(StaleCredentials):
        replace(watch, results=expired).look("in/a")
    with pytest.raises(StaleCredentials):
        replace(watch, failed=expired).letters("r", time.time())


@pytest.mark.parametrize(
    ("key", "says"),
    [("in/" + "a" * 1018, "OSS allows 1023"), ("other/a", "is not below oss://bucket/in/"),
     ("in/\udcff", "not valid Unicode")],
)  # fmt: skip
def test_a_key_that_can_have_no_result_fails_at_once(watch: Watch, key: str, says: str) -> None:
    """Its outcome is a failure with the reason."""
    outcome = watch.look(key).outcome

    assert outcome
    assert outcome["outcome"] == "failed"
    assert says in outcome["reason"]


def file(watch: Watch, name: str, **changes: Any) -> None:
    letter = {
        "schema": "fanlight.failure/1", "request_id": "r", "function": "f", "condition": "c",
        "attempts": 4, "source": {"bucket": "bucket", "key": "in/a"}, "suspected": False,
        "error": {"type": "Unfinished", "message": "it does not decode"}, "event": {},
    }  # fmt: skip
    assert watch.failed
    body = json.dumps({**letter, **changes}).encode()
    watch.failed.store.put(f"failed/{name}", body, if_absent=True)


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def test_letters_of_a_request_are_found_on_every_day_of_it(watch: Watch) -> None:
    """Letters of before midnight and after it are read, those of other requests are not."""
    now = time.time()
    yesterday, today = day(now - 86_400), day(now)
    file(watch, f"{yesterday}/r-0.json")
    file(watch, f"{today}/r-1.json", suspected=True)
    file(watch, f"{today}/r-2.json", source=None)
    file(watch, f"{today}/rr-0.json")
    file(watch, f"{day(now - 3 * 86_400)}/r-3.json")

    assert watch.letters("r", now - 86_400) == [
        Letter(f"failed/{yesterday}/r-0.json", "in/a", suspected=False,
               reason="it does not decode"),
        Letter(f"failed/{today}/r-1.json", "in/a", suspected=True,
               reason="Unfinished: it does not decode"),
        Letter(f"failed/{today}/r-2.json", None, suspected=False,
               reason="Unfinished: it does not decode"),
    ]  # fmt: skip


def test_a_letter_dated_by_a_clock_that_is_behind_is_found(watch: Watch) -> None:
    """Who sends just after midnight may have failed before it, by the clock of the platform."""
    midnight = time.time() // 86_400 * 86_400
    file(watch, f"{day(midnight - 1)}/r-0.json")

    assert [letter.key for letter in watch.letters("r", midnight + 60)] == ["in/a"]


def test_what_a_letter_says_is_cut(watch: Watch) -> None:
    """Megabytes of a message are not told for each of an event's keys."""
    long = {"type": "OSError", "message": "x" * 100_000}
    file(watch, f"{day(time.time())}/r-0.json", error=long)

    (letter,) = watch.letters("r", time.time())

    assert letter.reason == "x" * 300


def test_an_error_of_our_own_is_known(watch: Watch) -> None:
    """A wrong setting is no image's doing, and so no reason to send each one alone."""
    wrong = {"type": "ConfigError", "message": "wrong settings"}
    file(watch, f"{day(time.time())}/r-0.json", suspected=True, error=wrong)
    file(watch, f"{day(time.time())}/s-0.json", suspected=True)

    assert [letter.ours for letter in watch.letters("r", time.time())] == [True]
    assert [letter.ours for letter in watch.letters("s", time.time())] == [False]


def test_a_letter_that_cannot_be_read_says_nothing(watch: Watch) -> None:
    """What is no letter, or one of another kind, is passed over."""
    assert watch.failed
    today = day(time.time())
    file(watch, f"{today}/r-0.json", schema="theirs/1")
    file(watch, f"{today}/r-1.json", source=3)
    file(watch, f"{today}/r-4.json", source={"key": ["in/a"]})
    watch.failed.store.put(f"failed/{today}/r-2.json", b"[", if_absent=True)
    watch.failed.store.put(f"failed/{today}/r-3.json", b"", if_absent=True)

    assert watch.letters("r", time.time()) == []
    assert watch.letters("../", time.time()) == []
    assert replace(watch, failed=None).letters("r", time.time()) == []
