"""`fanlight status`: what `run` would do, or why one image is or is not current."""

from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Any

import click

from fanlight.errors import FanlightError
from fanlight.place import SCHEME
from tools.explained import explained
from tools.filed import Filed, belied, counted
from tools.plan import OLDER, Check, Look, checks
from tools.saying import begin, beside, one_line, say, write
from tools.settings import Settings, settings_options, trust_times_option
from tools.shown import shown

_NO_IMAGE = ("orphaned",)


@click.command()
@click.argument("source")
@click.argument("key", required=False)
@click.option("--deep/--no-deep", default=None, help="Read every result, or only list them. "
              "[default: read them where they are in a folder]")  # fmt: skip
@click.option("--list", "list_keys", is_flag=True, help="Name every key that is not as it should "
              "be, after its state and a tab.")  # fmt: skip
@trust_times_option
@click.option("--json", "file", type=click.File("w", lazy=True), metavar="FILE",
              help="Write it all there, - for standard output; an error, too.")  # fmt: skip
@settings_options
def command(
    settings: Settings, key: str | None, file: IO[str] | None, *, deep: bool | None,
    list_keys: bool, trust_times: bool,
) -> int:  # fmt: skip
    """Count the images under SOURCE by state, or explain one KEY.

    \b
    missing                there is no result yet
    present                there is one, which was not read
    orphaned               a result whose image is gone; run leaves it
    refused                the key can have no result
    dead letters           notes on what failed for good with images of SOURCE

    Of those present, the images that dead letters name are looked at, and are

    \b
    stale                  if the image has changed since

    Where all results are read, those present are

    \b
    classified, rejected   the result is true of the image: nothing to do
    stale                  the image has changed since
    older recipe           of those true, made with another model or settings than --model's

    Exit code 0 if there is nothing to do, as far as was looked, else 1, as where nothing is under
    an oss:// SOURCE that the template does not have. KEY: 0 too if only its result is there.
    """
    settings.check_times(trusted=trust_times)
    if file is not None:
        begin(file)
    where = {"source": settings.source, "out": settings.out, "failed": settings.failed}
    try:
        if key is not None:
            return _one(settings, key, file)
        reads = not settings.out.startswith(SCHEME) or trust_times if deep is None else deep
        recipe, unknown = _recipe(settings, downloads=bool(deep)) if reads else (None, "")
        tally = Tally(reads, recipe)
        _count(tally, settings, file, list_keys=list_keys, trust_times=trust_times)
        lines = tally.lines()
        if deep and tally.recipe is None:
            lines.append(f"older recipe: not known{unknown}")
        _tell(lines, {**where, **tally.document()}, file)
        if not tally.images and settings.source.startswith(SCHEME):
            beside(settings.nothing())
            return 0 if settings.deployed else 1
    except (FanlightError, click.UsageError, KeyboardInterrupt) as error:
        if file is not None:  # who reads it alone is not to take an empty file for good news
            write(file, {**where, "error": str(error) or "interrupted"})
        raise
    return 1 if tally.unsettled else 0


def _recipe(settings: Settings, *, downloads: bool) -> tuple[str | None, str]:
    """That of results made now; else None, and why. All the rest is known without it."""
    if not downloads or settings.model is None or "--model" in settings.chosen:
        return settings.recipe_at_hand(), " without a --model"
    try:
        return settings.recipe(), ""
    except (FanlightError, click.UsageError) as error:
        return None, f": {error}"


def _one(settings: Settings, key: str, file: IO[str] | None) -> int:
    images, results, failed = settings.images(), settings.results(), settings.letters()
    found = explained(key, images, results, failed, settings.recipe_at_hand())
    _tell(found.lines(), found.as_json(), file)
    return 1 if found.left else 0


def _count(
    tally: "Tally", settings: Settings, file: IO[str] | None, *, list_keys: bool, trust_times: bool
) -> None:
    images, results, failed = settings.images(), settings.results(), settings.letters()
    look = Look(tally.deep, trust_times, orphans=True, failed=settings.failed_place())

    def name(state: str | None, key: str) -> None:
        if not list_keys or not state:
            return
        line = f"{state}\t{one_line(shown(key))}"
        if file is None:
            click.echo(line)
        else:  # who reads no more keys may still want the counts
            say(line, err=file.name == "-")

    for found in checks(images, results, look):
        name(tally.add(found), found.key)
    if failed is None:
        return
    if tally.deep:
        tally.letters = counted(images, results, failed)
        return
    tally.letters = Filed()
    for found in belied(images, results, failed, tally.letters):
        name(tally.correct(found), found.key)


@dataclass
class Tally:
    """Counts by state. `deep`: results were read. `letters` None: nobody said where they are."""

    deep: bool
    recipe: str | None
    counts: Counter[str] = field(default_factory=Counter)
    older: int = 0
    left: int = 0
    letters: Filed | None = None

    def add(self, check: Check) -> str | None:
        """Count it; its state if there is something to be said of it."""
        self.counts[check.state] += 1
        if check.state in _NO_IMAGE:
            return check.state
        if not check.current:
            self.left += check.state != "refused"
            return check.state
        if self.recipe is None or check.recipe in ("", self.recipe):
            return None
        self.older += 1
        return OLDER

    def correct(self, check: Check) -> str | None:
        """Count as what it is what was listed as present; its state, None if none was.

        It may have been listed before there was a result.
        """
        if not self.counts["present"]:
            return None
        self.counts["present"] -= 1
        return self.add(check)

    @property
    def unsettled(self) -> int:
        """Images without a true result: those to be worked on, and those that can have none."""
        return self.left + self.counts["refused"]

    @property
    def images(self) -> int:
        """How many there are."""
        return self.counts.total() - sum(self.counts[state] for state in _NO_IMAGE)

    def lines(self) -> list[str]:
        """For people: what there is none of is left out."""
        told = [f"{self.counts[state]:>10,} {state}" for state in sorted(+self.counts)]
        if self.older:
            told.append(f"{self.older:>10,} of these of an older recipe; run --only {OLDER}")
        if self.letters and self.letters.own:
            told.append(f"{self.letters.own:>10,} dead letters")
        if self.letters and self.letters.nameless:
            told.append(
                f"{self.letters.nameless:>10,} dead letters that name no image; run leaves them"
            )
        return [*told, f"{self.images:>10,} images; run would work on {self.left:,}"]

    def document(self) -> dict[str, Any]:
        """For programs: None is what was not looked for.

        `stale`, unless `deep`: of those that letters name.
        """
        counts = self.counts
        read = {state: counts[state] if self.deep else None
                for state in ("classified", "rejected")}  # fmt: skip
        stale = counts["stale"] if self.deep or self.letters else None
        return {
            "images": self.images,
            "to_do": self.left,
            "deep": self.deep,
            "missing": counts["missing"],
            "present": sum(counts[state] for state in ("present", "stale", *read)),
            "orphaned": counts["orphaned"],
            "refused": counts["refused"],
            "dead_letters": self.letters.own if self.letters else None,
            "nameless_letters": self.letters.nameless if self.letters else None,
            **read,
            "stale": stale,
            "unread": counts["present"],
            "older_recipe": None if self.recipe is None else self.older,
        }


def _tell(lines: list[str], document: dict[str, Any], file: IO[str] | None) -> None:
    try:
        for line in lines:
            say(line, err=file is not None and file.name == "-")
    finally:
        if file is not None:
            write(file, document)
