"""The proof of the fc engine: a small one whole, and its judge on what the engine may get wrong."""

import json
from typing import Any

import pytest

from tools.prove import fanout
from tools.prove.fragile import CRASH
from tools.prove.verdict import Found


def test_a_small_fan_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Every image comes out once, and the three that fail are named with their dead letters."""
    assert fanout.main(["--images", "20", "--retries", "0"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "images        20, 2 instances, 8 events at a time"
    assert [line[:14] for line in lines].count("failed        ") == 3
    assert lines[-2:] == [
        "checked       20 objects: 17 results are true, 3 are named by a dead letter",
        "violations    0",
    ]


KEY = "input/digits/000001.png"
DONE = {"key": KEY, "outcome": "classified", "result": "output/digits/000001.png.json"}
FAILED = {"key": KEY, "outcome": "failed", "reason": "it crashed (dead letter failed/1.json)"}
FOUND = Found([], {}, {"failed/1.json": json.dumps({"request_id": "r"}).encode()})


@pytest.mark.parametrize(
    ("content", "outcomes", "wrong"),
    [
        (b"7", [DONE], []),
        (CRASH + b" 1", [FAILED], []),
        (b"7", [], [f"{KEY}: came out 0 times"]),
        (b"7", [DONE, DONE], [f"{KEY}: came out 2 times"]),
        (b"7", [FAILED], [f"{KEY}: {FAILED}"]),
        (CRASH + b" 1", [DONE], [f"{KEY}: {DONE}"]),
        (
            CRASH + b" 1",
            [{**FAILED, "reason": "it crashed"}],
            [f"{KEY}: no dead letter is named in it crashed"],
        ),
        (b"7", [{**DONE, "result": "x"}], [f"{KEY}: its result is said to be x"]),
    ],
)
def test_what_is_said_wrongly_is_a_violation(
    content: bytes, outcomes: list[dict[str, Any]], wrong: list[str]
) -> None:
    """A key that comes out twice or never, a wrong outcome, a letter that is not named."""
    assert fanout.unlike({KEY: content}, outcomes, FOUND) == wrong
