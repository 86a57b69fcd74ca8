"""One image explained for people: whatever stands in a bucket is text on their terminal."""

import pytest

from fanlight.document import to_bytes
from fanlight.place import Place, result_key
from fanlight.result import Source
from tests.fakes import MemoryStore, answer_as
from tools.explained import explained
from tools.places import Side

IMAGES, RESULTS = Place("bucket", "in/"), Place("bucket", "out/")
FAILED = Place("bucket", "failed/")
STEERING = "\x1b]0;t\x07\x9b31m\r\u202e"
GONE = "there is no such image, but its result"
SHOWN = r"\x1b]0;t\x07\x9b31m\r\u202e"


def letter(key: str) -> bytes:
    return to_bytes({
        "schema": "fanlight.failure/1", "request_id": "r", "function": "f", "condition": "c",
        "attempts": 4, "source": {"bucket": "bucket", "key": key}, "suspected": True,
        "error": {"type": "OSError", "message": f"no\n{STEERING}"}, "event": {},
    })  # fmt: skip


@pytest.mark.parametrize("there", [True, False], ids=["stale", "orphaned"])
def test_nothing_that_is_told_of_a_key_steers_a_terminal(*, there: bool) -> None:
    """Key, model, reason, and the name and the error of a letter: others wrote all of them."""
    store, key = MemoryStore(), f"in/{STEERING}"
    if there:
        store.put(key, b"picture", if_absent=False)
    source = Source("bucket", key, f"older {STEERING}", "E", 7)
    store.put(
        result_key(STEERING, RESULTS), to_bytes(answer_as(STEERING)(source, b"7")), if_absent=False
    )
    store.put(f"failed/{STEERING}.json", letter(key), if_absent=False)
    images, results, failed = (Side(store, place) for place in (IMAGES, RESULTS, FAILED))

    lines = explained(key, images, results, failed, recipe="another").lines()

    assert [line for line in lines if not line.isprintable()] == []
    head = [f"image    in/{SHOWN}", "         7 bytes, version v1"]
    reason = f"its result is of version older {SHOWN}, it is v1"
    assert lines == [
        *(head if there else [f"{head[0]}: there is none"]),
        f"result   out/{SHOWN}.json{'' if there else ', which run leaves'}",
        f"model    {SHOWN} 1",
        "recipe   older: made with another model and settings",
        f"state    stale: {reason}" if there else f"state    orphaned: {GONE}",
        f"letter   failed/{SHOWN}.json: OSError: no {SHOWN} (attempts: 4, suspected)",
    ]
