"""What `replay` hands on: events from files, and the function of a template that each is for."""

import json
from dataclasses import dataclass
from typing import Any

import click

from fanlight import event as events
from fanlight.errors import EventError
from fanlight.place import Place, other_spellings
from tools.letters import letter_in
from tools.shown import shown
from tools.template import Function, Template


@dataclass(frozen=True)
class Given:
    """An event, and what it is called here.

    `function`: the name of the one that it was for; empty where that is not known.
    """

    title: str
    event: bytes
    function: str = ""


def given_in(title: str, data: bytes) -> list[Given]:
    """A file's event; for a dead letter its own, and one for each line where those are letters."""
    if letter := letter_in(data):
        return [_of_letter(title, letter)]
    lines = [line for line in data.splitlines() if line.strip()]
    letters = [letter_in(line) for line in lines]
    if not all(letters):
        return [Given(title, data)]
    return [
        _of_letter(f"{title}, line {number}", letter)
        for number, letter in enumerate(letters, start=1)
        if letter
    ] or [Given(title, data)]  # an empty file is for the function to refuse


def _of_letter(title: str, letter: dict[str, Any]) -> Given:
    """A letter holds JSON as what it says, and what was none as text."""
    event, function = letter.get("event"), letter.get("function")
    data = (
        event.encode("utf-8", "replace") if isinstance(event, str) else json.dumps(event).encode()
    )
    _, _, name = str(function).rpartition(":functions/")
    return Given(title, data, name.partition("/")[0])


def function_for(template: Template, name: str | None, given: Given) -> Function:
    """The one of that name; else the one it was for, or that such an event would come to."""
    able = _able(template)
    if name:
        return _named(able, name)
    for function in able:
        if function.name == given.function:
            return function
    if _is_timer(given.event):
        fit = [function for function in able if function.timers]
    else:
        triggered = [function for function in able if function.triggers]
        records = _records(given.event)
        # What no input holds is for the first, which says why it leaves it alone.
        fit = [one for one in triggered if any(_takes(one, r.key, r.bucket) for r in records)]
        fit = fit or triggered
    if not fit:
        raise click.UsageError(f"no such function has a trigger; {_listed(able)}")
    return fit[0]


def function_for_key(template: Template, name: str | None, key: str) -> tuple[Function, str]:
    """The function that an upload of `key` invokes, or the one of that name, and its bucket."""
    able = _able(template)
    fit = [_named(able, name)] if name else [one for one in able if _takes(one, key)]
    if not fit:
        inputs = ", ".join(f"{trigger.prefix} ({function.name})"
                           for function in able for trigger in function.triggers)  # fmt: skip
        raise click.UsageError(
            f"no function takes uploads of {shown(key)}; they take those below {inputs or 'none'}; "
            "--function makes the event of any key"
        )
    for trigger in fit[0].triggers:
        return fit[0], trigger.bucket
    place = fit[0].environment.get("FANLIGHT_INPUT")
    if place is None:
        raise click.UsageError(f"{fit[0].name} has no FANLIGHT_INPUT, so no upload is its own")
    return fit[0], Place.parse(place).bucket


def _able(template: Template) -> list[Function]:
    return [function for function in template.functions if function.triggers or function.timers]


def _named(able: list[Function], name: str) -> Function:
    for function in able:
        if function.name == name:
            return function
    raise click.UsageError(f"no function {shown(name)} has a trigger; {_listed(able)}")


def _listed(able: list[Function]) -> str:
    return f"those of the template: {', '.join(function.name for function in able) or 'none'}"


def _takes(function: Function, key: str, bucket: str | None = None) -> bool:
    """Whether an upload of this key comes to it, in a bucket or in any."""
    return any(
        bucket in (None, trigger.bucket)
        and spelling.startswith(trigger.prefix)
        and spelling.endswith(trigger.suffix)
        for trigger in function.triggers
        for spelling in (key, *other_spellings(key))
    )


def _records(event: bytes) -> list[events.Record]:
    """Those that are not at fault."""
    try:
        return events.parse(event)
    except EventError as error:
        return list(error.records)


def _is_timer(event: bytes) -> bool:
    try:
        return "triggerTime" in json.loads(event)
    except (ValueError, TypeError, RecursionError):
        return False
