"""What is made of the documents in a bucket."""

import json
from typing import Any

import pytest

from tools.console.records import own_event
from tools.events import oss_event

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
