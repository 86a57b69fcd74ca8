"""What a function of the template reads and writes, from its environment variables.

Those of this project's functions are read by what reads them there, `fanlight.config`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TypeVar

from fanlight.archive import Archive
from fanlight.config import Config, FailedConfig
from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from tools.template import Function, Template

T = TypeVar("T")

_WILDCARDS = {"*", "?"}

ARCHIVES = ("FANLIGHT_MODEL", "FANLIGHT_LIBS")
"""Settings that may name a zip in OSS."""

_OURS = "FANLIGHT_"

_PLACES = ("FANLIGHT_INPUT", "FANLIGHT_OUTPUT", "FANLIGHT_FAILED")

_LOADERS: Mapping[str, Callable[[Mapping[str, str]], Config | FailedConfig]] = {
    "classify": Config.from_environ,
    "sweep": Config.from_environ,
    "deadletter": FailedConfig.from_environ,
}
"""By the module of the handler: what reads the settings when an instance starts."""

IN_OSS = f"oss://bucket/model.zip#sha256={'0' * 64}"
"""Stands in for a folder of the code: whether that is here is for who looks at models."""


@dataclass(frozen=True)
class Settings:
    """A function and its places; None where it has none, or where a setting is not readable.

    `failed` is where this very function writes letters, so it is None for those that only name the
    place. `model` is a folder of the code; a zip in OSS is among `archives`. `loaded`: what a
    classifier makes of them, its places and a folder's name aside; None for all others, and where
    it would not start.
    """

    function: Function
    input: Place | None
    output: Place | None
    failed: Place | None
    model: str
    archives: tuple[Archive, ...]
    problems: tuple[str, ...]
    loaded: Config | None = None

    @property
    def task(self) -> str:
        """What the template calls it, without the lane: `digits` of `digits-sweep` too."""
        return self.function.resource.removesuffix("-backfill").removesuffix("-sweep")

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
    return [_settings(function, template.region) for function in template.functions]


def _settings(function: Function, region: str) -> Settings:
    environment, problems = function.environment, list[str]()
    module = function.handler.partition(".")[0]
    places = {name: _place(name, environment.get(name, ""), problems) for name in _PLACES}
    archives = [_archive(name, environment.get(name, ""), problems) for name in ARCHIVES]
    loaded = None
    if module in _LOADERS:
        loaded, wrong = _loaded(module, environment, region)
        problems = list(dict.fromkeys([*wrong, *problems, *_unknown(environment)]))
    model = environment.get("FANLIGHT_MODEL", "")
    return Settings(
        function=function,
        input=places["FANLIGHT_INPUT"],
        output=places["FANLIGHT_OUTPUT"],
        failed=places["FANLIGHT_FAILED"] if module == "deadletter" else None,
        model="" if model.startswith(SCHEME) else model,
        archives=tuple(archive for archive in archives if archive),
        problems=tuple(problems),
        loaded=loaded if isinstance(loaded, Config) else None,
    )


def _loaded(
    module: str, environment: dict[str, str], region: str
) -> tuple[Config | FailedConfig | None, list[str]]:
    """What the function itself makes of its settings when it starts, or says of them.

    How its places lie to each other is left to `checks`, which sees those of all functions.
    """
    apart = {
        name: f"oss://bucket/{name}/"
        for name in _PLACES
        if _place(name, environment.get(name, ""), [])
    }
    model = environment.get("FANLIGHT_MODEL", "")
    if model and not model.startswith(SCHEME):
        apart["FANLIGHT_MODEL"] = IN_OSS
    try:
        return _LOADERS[module]({**environment, **apart, "FC_REGION": region}), []
    except ConfigError as error:
        return None, str(error).split("\n  ")[1:]  # below the heading, a line for each


def _unknown(environment: dict[str, str]) -> list[str]:
    """Settings that no function reads, which are misspelled ones."""
    known, problems = _known(), []
    for name in sorted(environment):
        word = name.removeprefix(_OURS)
        if word != name and word not in known:
            near = get_close_matches(word, known, 1)
            hint = f"did you mean {_OURS}{near[0]}?" if near else "take it out"
            problems.append(f"{name} is no setting; {hint}")
    return problems


class _Asked(dict[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.names.append(name)
        return default


@cache
def _known() -> tuple[str, ...]:
    """Every setting that one of the functions reads, as they ask for it, without FANLIGHT_."""
    asked = _Asked()
    for load in _LOADERS.values():
        try:
            load(asked)
        except ConfigError:  # nothing is set
            continue
    ours = [name for name in asked.names if name.startswith(_OURS)]
    return tuple(dict.fromkeys(name.removeprefix(_OURS) for name in ours))


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
