"""`fanlight run`: bring every result under a place in line with its image."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from fanlight.answer import Choices
from fanlight.bundle import Bundle, Thresholds, read_thresholds
from fanlight.config import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS, Limits
from fanlight.cores import cores
from tools.counted import counted
from tools.engine import Job, run
from tools.models import find_model
from tools.places import Access, Side, access_options, check_apart, default_output
from tools.plan import Check, checks
from tools.progress import Progress
from tools.shown import shown

OLDER = "older-recipe"

_NAMED = 20
"""Failures told one by one; the rest are counted."""


@click.command()
@click.argument("source")
@click.option("--model", "-m", required=True, help="A shipped model's name or a bundle's folder.")
@click.option("--out", "-o", help="Where results go: a folder or oss://. [default: SOURCE-results]")
@click.option(
    "--only",
    type=click.Choice(["missing", "stale", OLDER]),
    help=f"Do these alone. {OLDER}: results that are true of their images, but were made with "
    "another model or other settings. [default: missing and stale]",
)
@click.option("--processes", "-p", type=click.IntRange(1), help="[default: one a core]")
@click.option("--top-k", type=click.IntRange(1), help="Classes in a result. [default: the model's]")
@click.option(
    "--thresholds",
    metavar="JSON",
    help="Of a moderation model, instead of its own: "
    """'{"nsfw": {"review": 0.2, "block": 0.8}}'""",
)
@click.option("--max-bytes", type=click.IntRange(1), default=DEFAULT_MAX_BYTES, show_default=True)
@click.option("--max-pixels", type=click.IntRange(1), default=DEFAULT_MAX_PIXELS, show_default=True)
@access_options
def command(
    source: str, model: str, out: str | None, only: str | None, processes: int | None,
    top_k: int | None, max_bytes: int, max_pixels: int, thresholds: str | None, access: Access,
) -> int:  # fmt: skip
    """Classify every image under SOURCE, a folder or an oss:// prefix.

    An image whose result is true of it is left alone, so a second run does no work, and a run
    that was stopped goes on where it was. Ctrl-C stops it after the images at hand.

    To move a bucket to a new model, deploy it, wait until the old instances are gone, then run
    with the new model and --only older-recipe. If that run was stopped or had failures, run it
    again, and once without --only: a result that it left stale counts as stale, not as older.

    \b
    fanlight run photos/ --model digits
    fanlight run oss://bucket/input/ --model digits --out oss://bucket/output/
    """
    out = out or default_output(source)
    check_apart(source, out)
    limits = Limits(max_bytes, max_pixels)
    choices = Choices(limits, top_k, _thresholds(thresholds))
    job = Job(source, out, find_model(model), choices, access, remake=only == OLDER)
    images, results = Side.images(source, access), Side.results(out, access)
    totals = Totals(choices.recipe(Bundle.read(job.model)), only)
    progress = Progress()
    to_check = checks(images, results)
    try:
        for outcome in _outcomes(job, to_check, processes or cores(), progress, totals):
            totals.counts[outcome["outcome"]] += 1
            _report(outcome, totals.counts, progress)
            progress.done(failed=totals.counts["failed"])
    except KeyboardInterrupt:
        progress.note("stopping; run again to go on")
        raise
    finally:
        progress.close()
        _summary(totals, out)
    return 1 if totals.counts["failed"] else 0


def _thresholds(text: str | None) -> Thresholds | None:
    try:
        return None if text is None else read_thresholds(json.loads(text))
    except ValueError as error:
        raise click.UsageError(f"--thresholds: {error}") from None


@dataclass
class Totals:
    """What became of the images. `recipe` is that of new results, `only` what is to be done."""

    recipe: str
    only: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    other_recipe: int = 0
    began: float = field(default_factory=time.monotonic)

    def wants(self, check: Check) -> bool:
        """Whether this image is to be worked on."""
        if self.only == OLDER:
            return check.current and check.recipe != self.recipe
        return not check.current and self.only in (None, check.state)


def _outcomes(
    job: Job, to_check: Iterator[Check], processes: int, progress: Progress, totals: Totals
) -> Iterator[dict[str, Any]]:
    """What became of every key that is worked on; the listing alone settles the others.

    Nothing is kept of those: their number has no bound.
    """

    def to_do() -> Iterator[str]:
        for check in to_check:
            progress.found()
            if check.state != "refused" and totals.wants(check):
                yield check.to_do
                continue
            if check.state == "refused":
                outcome = {"key": check.key, "outcome": "failed", "reason": check.reason}
                totals.counts["failed"] += 1
                _report(outcome, totals.counts, progress)
            else:
                totals.other_recipe += check.current and check.recipe != totals.recipe
                totals.counts["unchanged" if check.current else "left"] += 1
            progress.done(failed=totals.counts["failed"])

    return run(job, to_do(), processes)


def _report(outcome: dict[str, Any], counts: Counter[str], progress: Progress) -> None:
    if outcome["outcome"] == "failed" and counts["failed"] <= _NAMED:
        progress.note(f"failed: {shown(outcome['key'])}: {shown(outcome['reason'])}")
    if counts["failed"] == _NAMED + 1 and outcome["outcome"] == "failed":
        progress.note("more failures follow; they are counted below")


def _summary(totals: Totals, out: str) -> None:
    seconds, counts = time.monotonic() - totals.began, totals.counts
    total = sum(counts.values())
    worked = total - counts["unchanged"] - counts["left"]
    parts = counted(counts) or "nothing done"
    rate = f", {worked / seconds:,.0f} a second" if worked else ""
    click.echo(f"{total:,} images in {seconds:.1f} s{rate}: {parts}")
    if totals.other_recipe:
        click.echo(
            f"{totals.other_recipe:,} of the unchanged are true of their images, but made "
            f"with another model or settings; --only {OLDER} makes them anew"
        )
    if counts["left"]:
        click.echo(f"{counts['left']:,} more are missing or stale; run without --only to do these")
    click.echo(f"results: {shown(out)}")
