"""What template.yml has deployed for a place, so that a run over it does as the function does."""

from dataclasses import dataclass
from pathlib import Path

from fanlight.config import Config, Limits
from fanlight.place import SCHEME, Place
from fanlight.thresholds import Thresholds
from tools.deployment.settings import IN_OSS
from tools.places import place_of
from tools.template import Function, from_source, read_template

_HANDLER = "classify.handler"


@dataclass(frozen=True)
class Deployed:
    """A function of a template, as a run over its input needs to know it.

    `function`: its name; `code`: the folder its model is below. `model`: as in FANLIGHT_MODEL, a
    folder of the code or a zip in OSS. `out` and `failed`: `oss://bucket/prefix/`. `top_k` and
    `thresholds` None are the bundle's own. `backfill`: the function that does the same on a lane
    of its own, which no upload triggers; None where the template has none.
    """

    function: str
    code: Path
    model: str
    out: str
    failed: str | None
    region: str
    limits: Limits
    top_k: int | None
    thresholds: Thresholds | None
    oss_resize: bool
    backfill: str | None


def deployed(source: str, template: Path) -> Deployed | None:
    """The function of a template whose input is `source`, or holds it; None if there is none.

    A slash at the end of `source` may be missing. For a part of an input, `out` is the matching
    part of the output: keys get the same results by either. ConfigError when the template or
    the function's settings cannot be read.
    """
    if not source.startswith(SCHEME):
        return None
    place = place_of(source)
    described = from_source(read_template(template))
    reading = [f for f in described.functions if f.handler == _HANDLER and _holds(f, place)]
    if not reading:
        return None
    # The innermost input; of several functions with one input, the one that uploads trigger.
    reading.sort(key=lambda f: (-len(f.environment["FANLIGHT_INPUT"]), not f.triggers))
    function = reading[0]
    environment = {**function.environment, "FC_REGION": described.region}
    config = Config.from_environ({**environment, "FANLIGHT_MODEL": IN_OSS})
    inside = place.prefix.removeprefix(config.input.prefix)
    return Deployed(
        function=function.name,
        code=function.code,
        model=environment.get("FANLIGHT_MODEL", ""),
        out=str(Place(config.output.bucket, config.output.prefix + inside)),
        failed=str(config.failed) if config.failed else None,
        region=config.region,
        limits=config.limits,
        top_k=config.top_k,
        thresholds=config.thresholds,
        oss_resize=config.oss_resize,
        backfill=_backfill(function, reading),
    )


def _holds(function: Function, place: Place) -> bool:
    text = function.environment.get("FANLIGHT_INPUT", "")
    return bool(text) and Place.parse(text).holds(place)


def _backfill(function: Function, reading: list[Function]) -> str | None:
    """Of the functions beside the deployed one, with the same input."""
    for other in reading:
        same = other.environment["FANLIGHT_INPUT"] == function.environment["FANLIGHT_INPUT"]
        if other != function and same and not other.triggers:
            return other.name
    return None
