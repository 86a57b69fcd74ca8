"""The soak: a small one whole, and its judge on buckets that break each promise."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from fanlight.document import to_bytes
from fanlight.result import Source
from tests.fakes import answer_as
from tools.prove import soak
from tools.prove.verdict import Found, judged, leaks

KEY = "input/digits/a.png"


@dataclass
class Item:
    """What a listing says of an object."""

    key: str = KEY
    etag: str = "E1"
    size: int = 1
    last_modified: int = 5


def document(version: str = "E1-1-5", content: bytes = b"7") -> dict[str, Any]:
    return dict(answer_as("m")(Source("b", KEY, version, "E1", 1), content))


def letter(key: str) -> bytes:
    return json.dumps({"source": {"bucket": "b", "key": key}}).encode()


EXPECTED = {"E1": document()}


def test_true_results_and_letters_that_name_are_no_violations() -> None:
    """A result of the very object, or a letter that names its key, is what was promised."""
    found = Found(
        [Item(), Item(key="input/digits/b.png")],
        {KEY: to_bytes(document())},
        {"failed/1.json": letter("input/digits/b.png"), "failed/2.json": b'{"source": null}'},
    )

    verdict = judged(found, EXPECTED, [])

    assert (verdict.true, verdict.named, verdict.violations) == (1, 1, [])
    assert str(verdict).splitlines() == [
        "checked       2 objects: 1 results are true, 1 are named by a dead letter",
        "violations    0",
    ]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({}, "there is no result"),
        ({KEY: b"{}"}, "what is written is no result"),
        ({KEY: to_bytes(document("E0-1-4"))}, "the result is of E0-1-4, the object is E1-1-5"),
        ({KEY: to_bytes(document(content=b"8"))}, "the result says"),
    ],
)
def test_what_is_not_true_is_a_violation(results: dict[str, bytes], said: str) -> None:
    """No result, half of one, one of another object and one with another label: all are told."""
    verdict = judged(Found([Item()], results, {}), EXPECTED, [])

    (violation,) = verdict.violations
    assert violation.startswith(f"{KEY}: {said}")


def test_content_that_nobody_sent_is_a_violation() -> None:
    """An object that is not what was uploaded is damage."""
    verdict = judged(Found([Item(etag="E2")], {}, {}), EXPECTED, [])

    assert verdict.violations == [f"{KEY}: nobody uploaded this content"]


@pytest.mark.parametrize("secret", ["local-secret", "role-secret-0", "role-token-0-0a1b"])
def test_a_secret_anywhere_is_a_violation(secret: str) -> None:
    """In a result, in a letter, in a line: each is told, without repeating the secret."""
    told = {**document(), "note": secret}
    found = Found([Item()], {KEY: to_bytes(told)}, {"failed/1.json": letter(secret)})

    verdict = judged(found, EXPECTED, leaks("a line", f"x {secret} y"))

    assert [one.partition(" has")[0] for one in verdict.violations] == [
        "a line", f"what is written of {KEY}", "what is written of failed/1.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["--uploads", "200"], ["--uploads", "100", "--spare-uploads"]]
)
def test_a_small_soak_keeps_every_promise(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Real functions under every kind of fault: nothing is lost, nothing is stale, exit code 0."""
    code = soak.main([*arguments, "--seed", "11"])

    told = capsys.readouterr().out
    lines = dict(line.split(None, 1) for line in told.splitlines() if not line.startswith("memory"))
    assert (code, lines["violations"]) == (0, "0"), told
    assert lines["uploads"].startswith(f"{arguments[1]} in ")
    for kind in ("clock", "delay", "duplicate", "expire", "kill", "late", "lost", "unavailable"):
        assert f" {kind}" in lines["faults"]
    assert told.count("memory ") == 10
