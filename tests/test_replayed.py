"""What `replay` hands on, and to which function."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.results.made import failed
from tools.cli import fanlight
from tools.events import oss_event
from tools.replayed import Given, function_for, function_for_key, given_in
from tools.template import project_template, read_template

TEMPLATE = read_template(project_template())
UPLOAD = oss_event("fanlight-demo", "input/products/a.png")


def chosen(event: Any, name: str | None = None, function: str = "") -> str:
    return function_for(TEMPLATE, name, Given("x", json.dumps(event).encode(), function)).name


def letter(event: Any, **more: Any) -> bytes:
    return json.dumps(failed("a.png", event=event, **more)).encode()


def test_an_event_is_handed_on_as_it_is() -> None:
    """Whatever is no letter is for the function to read, or to refuse."""
    for data in (b"", b"\n", b"{", b"[]", b'{"events": []}', b'{"schema": "fanlight.result/1"}'):
        assert given_in("e.json", data) == [Given("e.json", data)]


def test_a_letter_gives_the_event_it_holds() -> None:
    """JSON as what it says, text as it was, and the name of the function that failed."""
    arn = "acs:fc:cn-hangzhou:1:functions/fanlight-products"

    assert given_in("l", letter(UPLOAD, function=arn)) == [
        Given("l", json.dumps(UPLOAD).encode(), "fanlight-products")
    ]
    assert given_in("l", letter("{no JSON", function=f"{arn}/LATEST")) == [
        Given("l", b"{no JSON", "fanlight-products")
    ]
    assert given_in("l", letter("half \ud800", function=None)) == [Given("l", b"half ?", "None")]


def test_letters_may_be_lines() -> None:
    """A file as `results --to jsonl` writes it has the event of each; all have to be letters."""
    lines = letter(1, function="") + b"\n\n" + letter(2, function="") + b"\n"

    assert given_in("l", lines) == [Given("l, line 1", b"1"), Given("l, line 2", b"2")]
    assert given_in("l", lines + b"{}\n") == [Given("l", lines + b"{}\n")]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda one: st.lists(one) | st.dictionaries(st.text(), one)))  # fmt: skip
def test_any_event_comes_out_of_its_letter(event: Any) -> None:
    """What JSON holds is the same after a letter."""
    (one,) = given_in("l", letter(event))

    assert one.event == event.encode() if isinstance(event, str) else json.loads(one.event) == event


def test_an_event_goes_to_the_function_whose_input_it_names() -> None:
    """By the keys of its records, one of several too; what no input holds is for the first."""
    mixed = {"events": [{}, *oss_event("other", "x")["events"], *UPLOAD["events"]]}

    assert chosen(UPLOAD) == "fanlight-products"
    assert chosen(mixed) == "fanlight-products"
    assert chosen(oss_event("fanlight-demo", "input%2Fmoderation%2Fa.png")) == "fanlight-moderation"
    assert chosen(oss_event("fanlight-demo", "elsewhere/a.png")) == "fanlight-digits"
    assert chosen(oss_event("another-bucket", "input/products/a.png")) == "fanlight-digits"
    assert chosen("no event") == "fanlight-digits"


def test_a_timer_event_goes_to_the_sweep_that_it_was_for() -> None:
    """A letter says which of several; without one it is the first."""
    event = {"triggerTime": "2026-11-26T00:00:00Z", "triggerName": "hourly", "payload": ""}

    assert chosen(event) == "fanlight-digits-sweep"
    assert chosen(event, function="fanlight-products-sweep") == "fanlight-products-sweep"
    assert chosen(event, function="fanlight-products-backfill") == "fanlight-digits-sweep"
    assert chosen(event, name="fanlight-products") == "fanlight-products"


def test_a_key_is_for_the_function_whose_input_holds_it() -> None:
    """An upload comes to one of the template, or to none; then the inputs are named."""
    for task in ("digits", "products", "moderation"):
        function, bucket = function_for_key(TEMPLATE, None, f"input/{task}/a.png")
        assert (function.name, bucket) == (f"fanlight-{task}", "fanlight-demo")

    with pytest.raises(click.UsageError) as refused:
        function_for_key(TEMPLATE, None, "inptu/digits/\x1b.png")

    assert refused.value.message == (
        "no function takes uploads of inptu/digits/\\x1b.png; they take those below input/digits/ "
        "(fanlight-digits), input/products/ (fanlight-products), input/moderation/ "
        "(fanlight-moderation); --function makes the event of any key"
    )


def test_a_named_function_gets_any_key() -> None:
    """Who names it wants to see what it does; one that takes no uploads has its own bucket."""
    for name in ("fanlight-digits", "fanlight-products-sweep"):
        function, bucket = function_for_key(TEMPLATE, name, "elsewhere/a.png")
        assert (function.name, bucket) == (name, "fanlight-demo")
    with pytest.raises(click.UsageError, match="no function fanlight-deadletter has a trigger"):
        function_for_key(TEMPLATE, "fanlight-deadletter", "a.png")


def test_a_letter_can_be_printed_as_its_event(tmp_path: Path) -> None:
    """`--print` shows what would be replayed, of files and of a key of any task."""
    (tmp_path / "l.json").write_bytes(letter(UPLOAD))

    shown = CliRunner().invoke(fanlight, ["replay", str(tmp_path / "l.json"), "--print",
                                          "--key", "input/moderation/手写.png"])  # fmt: skip

    assert shown.exit_code == 0, shown.output
    first, second = map(json.loads, shown.output.splitlines())
    assert first == UPLOAD
    assert second["events"][0]["oss"]["object"]["key"] == "input/moderation/手写.png"
