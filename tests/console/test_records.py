"""What is made of the documents in a bucket, and of events."""

import json
from typing import Any

import pytest

from tools.console.records import own_event
from tools.console.watch import Watch
from tools.events import oss_event
from tools.localcloud.news import InvocationNews

FIRST, SECOND = (oss_event("b", key) for key in ("in/a.png", "in/b.png"))
BOTH = {"events": FIRST["events"] + SECOND["events"]}


@pytest.mark.parametrize(
    ("event", "source", "own"),
    [
        (BOTH, {"bucket": "b", "key": "in/b.png"}, SECOND),
        (FIRST, {"bucket": "b", "key": "in/a.png"}, FIRST),
        (BOTH, {"bucket": "b", "key": "in%2Fb.png"}, BOTH),
        (BOTH, None, BOTH),
        ("no JSON", {"bucket": "b", "key": "in/a.png"}, "no JSON"),
        ({"events": [1, {"oss": 2}]}, {"key": "in/a.png"}, {"events": [1, {"oss": 2}]}),
        (None, {"key": []}, None),
    ],
)
def test_a_letter_is_replayed_with_its_own_record(event: Any, source: Any, own: Any) -> None:
    """Neighbours are not done again, nor given letters anew; what names no record stays whole."""
    letter = json.loads(json.dumps({"event": event, "source": source}))

    assert own_event(letter) == json.loads(json.dumps(own))


@pytest.mark.parametrize(
    ("event", "timer"),
    [
        (
            b'{"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "hourly", "payload": ""}',
            "hourly",
        ),
        (b'{"triggerTime": "2026-01-01T00:00:00Z"}', ""),
        (b'{"triggerName": "not of a timer"}', ""),
        (b"[7]", ""),
        (b"{", ""),
    ],
)
def test_an_event_of_a_timer_has_its_name(event: bytes, timer: str) -> None:
    """It names no object, so that its trigger is all there is to show."""
    watch = Watch()

    watch.news(InvocationNews("queued", "digits-sweep", "request", event))

    shown = watch.feed.get("invocation", "request")
    assert shown is not None
    assert (shown["key"], shown["timer"]) == ("", timer)
