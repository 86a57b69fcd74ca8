"""What belongs to a place of results: where its images are, and where its dead letters."""

from dataclasses import dataclass
from pathlib import Path

from fanlight.place import SCHEME, Place
from tools.places import place_of
from tools.template import read_template

_SUFFIX = "-results"


@dataclass(frozen=True)
class Origin:
    """Places as the command line spells them; None where there is no telling."""

    images: str | None = None
    failed: str | None = None


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
    described = read_template(template).functions if template.is_file() else ()
    settings = [function.environment for function in described]
    settings.sort(key=lambda each: -len(each.get("FANLIGHT_OUTPUT", "")))  # the innermost first
    for each in settings:
        if not each.get("FANLIGHT_INPUT") or not each.get("FANLIGHT_OUTPUT"):
            continue
        output = Place.parse(each["FANLIGHT_OUTPUT"])
        if output.holds(place):
            inside = place.prefix.removeprefix(output.prefix)
            return Origin(each["FANLIGHT_INPUT"] + inside, each.get("FANLIGHT_FAILED"))
    named = place.prefix.rstrip("/")
    if named.endswith(_SUFFIX):
        return Origin(str(Place(place.bucket, f"{named.removesuffix(_SUFFIX)}/")))
    return Origin()
