"""`fanlight run`: bring every result under a place in line with its image."""

from collections import Counter
from typing import IO

import click

from fanlight.errors import FanlightError
from fanlight.place import SCHEME
from tools.ending import stoppable
from tools.engines import NAMES, Engine, Means, engine_of
from tools.finite import Finite
from tools.letters import clear
from tools.plan import OLDER, Look
from tools.progress import Progress
from tools.runs import FAILED, MISSING, ONLY, Run, Totals
from tools.saying import begin, beside
from tools.settings import Settings, settings_options, trust_times_option
from tools.shown import shown
from tools.summary import Summary


@click.command()
@click.argument("source")
@click.option(
    "--only",
    type=click.Choice(ONLY),
    help="Do these alone. missing: a bucket's results are listed, not read. failed: those that "
    f"dead letters name. {OLDER}: results that are true of their images, but were made with "
    "another model or other settings. [default: missing and stale]",
)
@click.option("--sample", type=click.IntRange(1), metavar="N",
              help="Do N of what there is to do, spread over the listing: those whose keys have "
              "the smallest digests, so the same ones each time.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--rate", type=Finite(0, min_open=True), metavar="N",
              help="At most N images a second.")  # fmt: skip
@click.option("--engine", type=click.Choice(NAMES), default="local", show_default=True,
              help="Processes of this machine, the deployed function, or a Ray cluster. A run "
              "begun on one can be finished on another.")  # fmt: skip
@click.option("--processes", "-p", type=click.IntRange(1),
              help="local: [default: one a core]; ray: actors [default: one a CPU]")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1), default=Means.concurrency,
              show_default=True, help="fc: invocations at a time.")  # fmt: skip
@click.option("--function", help="fc: its name. [default: the template's for backfills]")
@click.option("--invoke-endpoint", envvar="FANLIGHT_FC_ENDPOINT", default="",
              help="fc: where it is invoked. [default: the region's]")  # fmt: skip
@click.option("--address", default="",
              help="ray: host:port, ray://host:port, or local for one that ends with the run. "
              "[default: RAY_ADDRESS, else this machine's]")  # fmt: skip
@trust_times_option
@click.option("--json", "file", type=click.File("w", lazy=True), metavar="FILE",
              help="Write the summary there, - for standard output.")  # fmt: skip
@settings_options
def command(
    settings: Settings, only: str | None, sample: int | None, rate: float | None, engine: str,
    processes: int | None, concurrency: int, function: str | None, invoke_endpoint: str,
    address: str, file: IO[str] | None, *, dry_run: bool, trust_times: bool,
) -> int:  # fmt: skip
    """Classify every image under SOURCE, a folder or an oss:// prefix.

    An image whose result is true of it is left alone, so a second run does no work, and a run
    that was stopped goes on where it was. Ctrl-C or SIGTERM stops it after the images at hand.

    To move a bucket to a new model, deploy it, wait until the old instances are gone, then run
    with the new model and --only older-recipe. If that run was stopped or had failures, run it
    again, and once without --only: a result that it left stale counts as stale, not as older.

    Dead letters about images whose results are true in the end are deleted. Exit code 0 if nothing
    is left of what was asked for, 1 if failures are, or if nothing is under an oss:// SOURCE that
    the template does not have, 130 if it was stopped.

    \b
    fanlight run photos/ --model digits
    fanlight run oss://bucket/input/ --model digits --out oss://bucket/output/
    fanlight run oss://bucket/input/digits/           as template.yml has it
    """
    _check(settings, only, trust_times=trust_times)
    if file is not None:
        begin(file)
    means = Means(engine, address, function, invoke_endpoint, concurrency, processes, rate)
    run = _run(settings, only, sample, engine, trust_times=trust_times)
    work = engine_of(means, settings, remake=only == OLDER)
    known = settings.deployed.function if settings.deployed else None
    summary = Summary(run, settings.source, settings.out, engine, known, file, dry=dry_run)
    with stoppable():
        _carry_out(run, work, summary)
    if not summary.images and only != FAILED and settings.source.startswith(SCHEME):
        beside(settings.nothing())
        return 0 if settings.deployed else 1
    left = run.totals.failed + (run.totals.wanted.total() if dry_run else 0)
    return 1 if left else 0


def _run(
    settings: Settings, only: str | None, sample: int | None, engine: str, *, trust_times: bool
) -> Run:
    return Run(
        settings.images(),
        settings.results(),
        settings.letters(),
        Totals(settings.recipe_at_hand() if engine == "fc" else settings.recipe(), only),
        Progress(),
        Look(
            deep=only != MISSING or not settings.in_oss(),
            trust_times=trust_times,
            failed=settings.failed_place(),
        ),
        sample,
        # A folder is listed faster than it is worked on; threads would only get in the way.
        ahead=settings.remote(),
    )


def _carry_out(run: Run, work: Engine, summary: Summary) -> None:
    """Do it, or only list it, and tell what came of it, whatever ends it."""
    try:
        if summary.dry:
            for _ in run.to_do():
                pass
        else:
            run.work(work)
            summary.letters = _cleared(run)
    except KeyboardInterrupt:
        summary.interrupted = True
        run.progress.note("stopping; run again to go on")
        raise
    except FanlightError as error:
        summary.error = str(error)
        raise
    except Exception as error:
        summary.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        run.progress.close()
        summary.tell()


def _check(settings: Settings, only: str | None, *, trust_times: bool) -> None:
    settings.check_times(trusted=trust_times)
    if only == OLDER and trust_times:
        raise click.UsageError(f"--only {OLDER} has to read results: leave out --trust-times")
    if only == FAILED and settings.failed is None:
        raise click.UsageError(f"--only {FAILED}: say with --failed where dead letters are")


def _cleared(run: Run) -> Counter[str] | None:
    """The work is done: what is wrong with the letters is told, and does not undo it."""
    if run.failed is None:
        return None
    try:
        return clear(run.images, run.results, run.failed)
    except FanlightError as error:
        run.progress.note(
            f"dead letters are left as they are: {shown(str(error))}; to take them away, "
            "oss:ListObjects, oss:GetObject and oss:DeleteObject are needed there, as "
            "`fanlight policy --role operator` prints them"
        )
        return None
