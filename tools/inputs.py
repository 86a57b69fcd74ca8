"""What template.yml says of an oss:// place that somebody names, and of a function."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from tools.places import place_of

if TYPE_CHECKING:  # slow to import, and a folder needs none of them
    from tools.deployed import Deployed
    from tools.template import Function

_CLASSIFIER = "classify.handler"


def template_for(source: str, given: Path | None) -> Path | None:
    """The template that may speak of `source`: the one given, or the project's; None for none."""
    if not source.startswith(SCHEME):
        return None
    from tools.template import project_template

    path = given or project_template()
    return path if path.is_file() else None


def deployed_for(source: str, template: Path | None) -> "Deployed | None":
    """As `tools.deployed.deployed`. UsageError for what functions write, which is no image."""
    if template is None:
        return None
    from tools.deployed import deployed

    known = deployed(source, template)
    if known is None:
        _check_written(source, template)
    return known


def inputs(template: Path) -> list[str]:
    """The places that its functions take uploads from, sorted."""
    return sorted({str(place) for one in _functions(template) if one.handler == _CLASSIFIER
                   and (place := _place(one, "FANLIGHT_INPUT"))})  # fmt: skip


def nothing_under(source: str, template: Path | None, *, known: bool) -> str:
    """That there is not one image. `known`: the place is one of the template's."""
    return f"nothing is under {source}{'' if known else inputs_named(template)}"


def inputs_named(template: Path | None) -> str:
    """`; the inputs in template.yml are ...`, to stand behind a sentence, or nothing."""
    found = inputs(template) if template else []
    return f"; the inputs in {template.name} are {', '.join(found)}" if template and found else ""


def check_function(name: str, source: str, out: str, template: Path | None) -> None:
    """UsageError where the template has the function, and it does not classify `source` to `out`.

    One that the template does not have is whoever named it answers for.
    """
    found = [one for one in _functions(template) if one.name == name] if template else []
    for one in found:
        if one.handler != _CLASSIFIER:
            raise click.UsageError(f"--function {name}: its handler is {one.handler}, which "
                                   "classifies no images that it is sent")  # fmt: skip
        read, written = _place(one, "FANLIGHT_INPUT"), _place(one, "FANLIGHT_OUTPUT")
        asked = place_of(source)
        if read is None or not read.holds(asked):
            raise click.UsageError(f"--function {name} works on {read}, not on {source}")
        inside = asked.prefix.removeprefix(read.prefix)
        if written and Place(written.bucket, written.prefix + inside) != place_of(out):
            raise click.UsageError(f"--function {name} writes to {written}, not to {out}")


def _check_written(source: str, template: Path) -> None:
    place = place_of(source)
    classifiers = [one for one in _functions(template) if one.handler == _CLASSIFIER]
    filing = [one for one in classifiers if (failed := _place(one, "FANLIGHT_FAILED"))
              and failed.holds(place)]  # fmt: skip
    outputs = sorted({str(_place(one, "FANLIGHT_OUTPUT")) for one in filing})
    if outputs:
        besides = f", and so for {', '.join(outputs[1:])}" if outputs[1:] else ""
        raise click.UsageError(f"{source} holds dead letters, no images; see them with: fanlight "
                               f"results {outputs[0]} --status failed{besides}")  # fmt: skip
    for one in classifiers:
        out = _place(one, "FANLIGHT_OUTPUT")
        if out and out.holds(place):
            raise click.UsageError(f"{source} holds results, no images; those are under "
                                   f"{_place(one, 'FANLIGHT_INPUT')}")  # fmt: skip


def _functions(template: Path) -> "tuple[Function, ...]":
    from tools.template import read_template

    return read_template(template).functions


def _place(function: "Function", setting: str) -> Place | None:
    """A setting that is a place; None where it is none, which is for others to tell."""
    with suppress(ConfigError):
        return Place.parse(function.environment.get(setting, ""))
    return None
