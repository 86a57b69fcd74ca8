"""What belongs to a place of results: where its images are, and where its dead letters."""

from dataclasses import dataclass
from pathlib import Path

from fanlight.place import SCHEME, Place
from tools.places import place_of
from tools.template import read_template

_SUFFIX = "-results"


@dataclass(frozen=True)
class Origin:
    """Places as the command line spells them; None where there is no telling.

    `deployed`: whether a function of the template writes below, so that results may yet come.
    """

    images: str | None = None
    failed: str | None = None
    deployed: bool = False


def origin(results: str, template: Path) -> Origin:
    """Of the function of a template whose output is `results`, or holds it; else by the name.

    `run` writes the results of `photos` to `photos-results`. ConfigError when the template cannot
    be read.
    """
    if not results.startswith(SCHEME):
        folder = Path(results).resolve()
        source = folder.with_name(folder.name.removesuffix(_SUFFIX))
        return Origin(str(source) if source != folder and source.is_dir() else None)
    place = place_of(results)
    outputs = []
    for each in _settings(template):
        output = Place.parse(each["FANLIGHT_OUTPUT"])
        outputs.append(output)
        if output.holds(place):
            inside = place.prefix.removeprefix(output.prefix)
            images = each["FANLIGHT_INPUT"] + inside
            return Origin(images, each.get("FANLIGHT_FAILED"), deployed=True)
    named = place.prefix.rstrip("/")
    if named.endswith(_SUFFIX):
        return Origin(str(Place(place.bucket, f"{named.removesuffix(_SUFFIX)}/")))
    return Origin(deployed=any(place.holds(output) for output in outputs))


def mistaken(results: str, template: Path) -> str | None:
    """What a place of a bucket holds instead of results, and where those are.

    None for an output of the template, and for what it does not know. ConfigError when the template
    cannot be read.
    """
    place, settings = place_of(results), _settings(template)
    if any(Place.parse(each["FANLIGHT_OUTPUT"]).holds(place) for each in settings):
        return None
    for each in settings:
        images = Place.parse(each["FANLIGHT_INPUT"])
        if images.holds(place):
            output = each["FANLIGHT_OUTPUT"] + place.prefix.removeprefix(images.prefix)
            return f"{results} is an input; its results are under {output}"
    outputs = [
        each["FANLIGHT_OUTPUT"] for each in settings
        if "FANLIGHT_FAILED" in each and Place.parse(each["FANLIGHT_FAILED"]).holds(place)
    ]  # fmt: skip
    if not outputs:
        return None
    first, *others = sorted(set(outputs))
    besides = f", and so for {', '.join(others)}" if others else ""
    return f"{results} holds dead letters; see them with: results {first} --status failed{besides}"


def elsewhere(results: str, template: Path) -> str:
    """Where results may be instead, as the end of a sentence; empty where there is no telling."""
    if not results.startswith(SCHEME):
        folder = Path(results).resolve()
        beside = folder.with_name(folder.name + _SUFFIX)
        return f"; those of its images are in {beside}" if beside.is_dir() else ""
    outputs = sorted({each["FANLIGHT_OUTPUT"] for each in _settings(template)})
    return f"; outputs of the template are {', '.join(outputs)}" if outputs else ""


def _settings(template: Path) -> list[dict[str, str]]:
    """Those of all functions that have an input and an output; the innermost outputs first."""
    described = read_template(template).functions if template.is_file() else ()
    whole = [
        each for each in (function.environment for function in described)
        if each.get("FANLIGHT_INPUT") and each.get("FANLIGHT_OUTPUT")
    ]  # fmt: skip
    return sorted(whole, key=lambda each: -len(each["FANLIGHT_OUTPUT"]))
