"""Templates for these tests: the project's own, changed here and there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fanlight.place import Place
from tools.template import Function, Template, Trigger, project_template, read_template

BUCKET = "fanlight-demo"
PROJECT = read_template(project_template())
DIGITS = next(function for function in PROJECT.functions if function.resource == "digits")
LETTERS = next(function for function in PROJECT.functions if function.resource == "deadletter")


def trigger(
    prefix: str, *, bucket: str = BUCKET, suffix: str = "", events: tuple[str, ...] = ("PutObject",)
) -> Trigger:
    return replace(
        DIGITS.triggers[0],
        bucket=bucket,
        prefix=prefix,
        suffix=suffix,
        events=frozenset(f"ObjectCreated:{name}" for name in events),
    )


def classifier(name: str, source: str, output: str, **changes: Any) -> Function:
    """A classify function with a trigger on its input and nobody to tell of failures."""
    places = {
        "FANLIGHT_INPUT": str(Place(BUCKET, source)),
        "FANLIGHT_OUTPUT": str(Place(BUCKET, output)),
        "FANLIGHT_MODEL": "models/digits",
    }
    return replace(
        DIGITS,
        **{
            "resource": name,
            "name": name,
            "environment": places | changes.pop("settings", {}),
            "triggers": (trigger(source),),
            "on_failure": None,
            "on_failure_arn": "",
            **changes,
        },
    )


def listener(name: str, prefix: str, **changes: Any) -> Function:
    """A function of somebody else's, run by what appears below a prefix."""
    return replace(
        LETTERS,
        **{
            "resource": name,
            "name": name,
            "handler": "theirs.handler",
            "code": Path("theirs"),
            "environment": {},
            "triggers": (trigger(prefix),),
            **changes,
        },
    )


def template(*functions: Function) -> Template:
    return replace(PROJECT, functions=functions)


def told(function: Function, other: str) -> Function:
    """The same function, whose failures run `other`."""
    home = f"acs:fc:{PROJECT.region}:{PROJECT.account}:functions/"
    return replace(function, on_failure=other, on_failure_arn=home + other)
