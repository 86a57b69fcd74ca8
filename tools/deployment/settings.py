"""What a function of the template reads and writes, from its environment variables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fanlight.archive import Archive
from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from tools.template import Function, Template

T = TypeVar("T")

_WILDCARDS = {"*", "?"}

ARCHIVES = ("FANLIGHT_MODEL", "FANLIGHT_LIBS")
"""Settings that may name a zip in OSS."""


@dataclass(frozen=True)
class Settings:
    """A function and its places; None where it has none, or where a setting is not readable.

    `failed` is where this very function writes letters, so it is None for those that only name the
    place. `model` is a folder of the code; a zip in OSS is among `archives`.
    """

    function: Function
    input: Place | None
    output: Place | None
    failed: Place | None
    model: str
    archives: tuple[Archive, ...]
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the platform calls the function."""
        return self.function.name

    @property
    def lists(self) -> tuple[Place, ...]:
        """What it lists: a sweep alone does, all others are told their keys."""
        sweeps = self.function.handler.partition(".")[0] == "sweep"
        return tuple(place for place in (self.input, self.output) if place and sweeps)

    @property
    def writes(self) -> tuple[Place, ...]:
        """Where its objects appear."""
        return tuple(place for place in (self.output, self.failed) if place)


def settings_of(template: Template) -> list[Settings]:
    """Each function's settings, in the template's order."""
    return [_settings(function) for function in template.functions]


def _settings(function: Function) -> Settings:
    environment, problems = function.environment, list[str]()
    module = function.handler.partition(".")[0]
    required = {
        "classify": ("FANLIGHT_INPUT", "FANLIGHT_OUTPUT", "FANLIGHT_MODEL"),
        "sweep": ("FANLIGHT_INPUT", "FANLIGHT_OUTPUT", "FANLIGHT_MODEL"),
        "deadletter": ("FANLIGHT_FAILED",),
    }.get(module, ())
    problems += [f"{name} is not set" for name in required if not environment.get(name)]
    places = {
        name: _place(name, environment.get(name, ""), problems)
        for name in ("FANLIGHT_INPUT", "FANLIGHT_OUTPUT", "FANLIGHT_FAILED")
    }
    archives = [_archive(name, environment.get(name, ""), problems) for name in ARCHIVES]
    model = environment.get("FANLIGHT_MODEL", "")
    return Settings(
        function=function,
        input=places["FANLIGHT_INPUT"],
        output=places["FANLIGHT_OUTPUT"],
        failed=places["FANLIGHT_FAILED"] if module == "deadletter" else None,
        model="" if model.startswith(SCHEME) else model,
        archives=tuple(archive for archive in archives if archive),
        problems=tuple(problems),
    )


def _place(name: str, text: str, problems: list[str]) -> Place | None:
    if not text:
        return None
    return _parsed(Place.parse, name, text, problems)


def _archive(name: str, text: str, problems: list[str]) -> Archive | None:
    """The zip in OSS that a setting names, if it names one; libraries are always one."""
    if not text or (name == "FANLIGHT_MODEL" and not text.startswith(SCHEME)):
        return None
    return _parsed(Archive.parse, name, text, problems)


def _parsed(parse: Callable[[str], T], name: str, text: str, problems: list[str]) -> T | None:
    try:
        found = parse(text)
    except ConfigError as error:
        problems.append(f"{name}: {error}")
        return None
    if _WILDCARDS & set(text):
        problems.append(f"{name}: {text} holds * or ?, which a permission would read as any text")
    return found
