"""Where the functions of a template take pictures from and leave what they made of them."""

from dataclasses import dataclass
from pathlib import Path

from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from tools.template import Function, Template


@dataclass(frozen=True)
class Target:
    """A trigger's place for uploads.

    `wants`: what keeps its function from answering, if anything. `samples`: the digits that ship
    with the project are pictures for it.
    """

    function: str
    bucket: str
    prefix: str
    suffix: str
    wants: str
    samples: bool


@dataclass(frozen=True)
class Task:
    """Where one function's images are, and their results."""

    input: Place
    output: Place


def targets(template: Template) -> list[Target]:
    """Where a picture can be put so that a function hears of it."""
    return [
        Target(
            function.name, trigger.bucket, trigger.prefix, trigger.suffix, wanting(function),
            samples=_model(function) == "models/digits",
        )
        for function in template.functions for trigger in function.triggers
    ]  # fmt: skip


def tasks(template: Template) -> list[Task]:
    """The functions that make results; two of one place are one."""
    pairs = [
        (_place(function, "FANLIGHT_INPUT"), _place(function, "FANLIGHT_OUTPUT"))
        for function in template.functions
    ]
    return list(dict.fromkeys(Task(images, out) for images, out in pairs if images and out))


def failed(template: Template) -> list[Place]:
    """Where dead letters are filed."""
    found = (_place(function, "FANLIGHT_FAILED") for function in template.functions)
    return list(dict.fromkeys(place for place in found if place))


def wanting(function: Function) -> str:
    """What keeps a function from answering: models that are got are not there at first."""
    model = _model(function)
    if not model or (function.code / model).is_dir():
        return ""
    return f"no {model} yet: fanlight model get {Path(model).name}"


def _model(function: Function) -> str:
    model = function.environment.get("FANLIGHT_MODEL", "")
    return "" if model.startswith(SCHEME) else model


def _place(function: Function, name: str) -> Place | None:
    try:
        return Place.parse(function.environment[name])
    except (KeyError, ConfigError):  # not one of ours, or it will say so itself
        return None
