"""`fanlight estimate`: time and money, before a backfill or a launch."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fanlight.errors import ConfigError
from tools.finite import Finite
from tools.places import Access, access_options
from tools.settings import deployed_model
from tools.shown import shown

if TYPE_CHECKING:  # they are slow to import, as is all that measures
    from tools.estimate.estimate import Job, Size, Terms
    from tools.estimate.measured import Measured
    from tools.estimate.prices import Prices

_WIDTH = 120
"""Characters, where no terminal says how wide it is: a table is not broken."""


@click.command()
@click.argument("source", required=False)
@click.option(
    "--images", type=click.IntRange(1, 10**12), help="How many, instead of listing SOURCE."
)
@click.option("--bytes", "size", type=click.IntRange(0, 10**18), default=0,
              help="With --images: their size, all together.")  # fmt: skip
@click.option("--measured", "files", multiple=True,
              type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What fanlight bench warm, stages, throughput, cold or scale wrote with "
              "--json, or this with --keep; may be given several times. [default: some of SOURCE's "
              "images are measured]")  # fmt: skip
@click.option("--row", default="", help="Words in the name of the row to take from a file.")
@click.option("--model", "-m", help="To measure with: a shipped model's name or a bundle's folder.")
@click.option("--sample", type=click.IntRange(1), default=24, show_default=True,
              help="How many of SOURCE's images to measure.")  # fmt: skip
@click.option("--keep", type=click.Path(dir_okay=False, path_type=Path),
              help="Write what was measured to this file, for --measured.")  # fmt: skip
@click.option("--per-second", "rate", type=Finite(1e-6, 1e6),
              help="Images uploaded in a second. [default: all are there]")  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 50), default=1, show_default=True,
              help="Images in one event; run --engine fc sends up to 50.")  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1, 10**6), help="Instances at most. [default: the prices' own]"
)
@click.option("--failing", type=Finite(0, 1), default=0.0, show_default=True,
              help="The share of tries that fail and are repeated.")  # fmt: skip
@click.option("--memory", type=click.IntRange(128, 32768), multiple=True,
              help="MB of an instance; may be repeated. [default: 512 to 4096]")  # fmt: skip
@click.option("--cpu", type=Finite(0.05, 16), help="Its vCPU. [default: the least, and 1]")
@click.option("--slower", type=Finite(0.001, 1000), default=1.0, show_default=True,
              help="Times that a vCPU there takes what a core takes here.")  # fmt: skip
@click.option("--platform-start", type=Finite(0, 3600), default=0.0, show_default=True,
              help="Seconds before a new instance's process starts.")  # fmt: skip
@click.option("--round-trip", type=Finite(0, 60_000), default=0.0, show_default=True,
              help="Milliseconds to OSS and back, beyond those when measured.")  # fmt: skip
@click.option("--prices", "table", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A price table. [default: tools/estimate/prices.yml]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document instead of a table.")
@access_options
def command(
    source: str | None, images: int | None, size: int, files: tuple[Path, ...], row: str,
    model: str | None, sample: int, keep: Path | None, rate: float | None, batch: int,
    limit: int | None, failing: float, memory: tuple[int, ...], cpu: float | None, slower: float,
    platform_start: float, round_trip: float, table: Path | None, access: Access, *,
    as_json: bool,
) -> int:  # fmt: skip
    """Say how many instances, minutes and how much money the images under SOURCE will take.

    They are listed, a folder or an oss:// prefix, or given with --images and --bytes. How long one
    takes is read from --measured, or measured here, on a sample of them: in the function itself,
    beside a local OSS endpoint, in some five seconds. The fan-out is simulated, with cold starts
    and the limits on instances, for several sizes of instance. Prices are of a dated table, which
    you can replace. Everything that is assumed is printed below the figures.

    \b
    fanlight estimate photos/ --model digits
    fanlight estimate oss://bucket/input/ --model digits --batch 50 --limit 10
    fanlight estimate --images 1000000 --measured build/bench/warm.json --row digits \\
      --measured build/bench/cold.json --per-second 40
    """
    from tools.estimate.estimate import MEMORIES, Job, Terms, sizes
    from tools.estimate.prices import SHIPPED, Prices
    from tools.estimate.work import given, listed_in, measured_here, read_measured

    if (source is None) == (images is None):
        raise click.UsageError("give SOURCE, to be listed, or --images")
    if rate and batch > 1:
        raise click.UsageError("an upload is an event of its own: no --batch with --per-second")
    if files and keep:
        raise click.UsageError("--keep is for what is measured here: no --measured with it")
    if not files and source is None:
        raise click.UsageError("give SOURCE, to measure here, or --measured")
    if not files and model is None:
        model = deployed_model(source or "", access)
    if not files and model is None:
        raise click.UsageError("give --model, to measure here, or --measured")
    prices, found = Prices.read(table or SHIPPED), sizes(memory or MEMORIES, cpu)
    work = given(images, size) if source is None else listed_in(source, access, sample)
    measured = read_measured(files, row) if files else measured_here(work, model, batch, keep)
    job = Job(
        work.images, work.size, limit or int(prices.number("instances")), batch, rate, failing
    )
    terms = Terms(slower, platform_start, round_trip / 1000)
    _show(found, job, measured, terms, prices, work.notes, as_json=as_json)
    return 0


def _show(
    found: "list[Size]", job: "Job", measured: "Measured", terms: "Terms", prices: "Prices",
    notes: tuple[str, ...], *, as_json: bool,
) -> None:  # fmt: skip
    from rich.console import Console

    from tools.estimate import told
    from tools.estimate.estimate import line

    fitting = [one for one in found if one.memory * 1024**2 >= (measured.peak or 0)]
    if not fitting:
        raise ConfigError(
            f"a measured image took {(measured.peak or 0) / 1024**2:,.0f} MB, more than any "
            "--memory given; give a larger one"
        )
    left_out = sorted({one.memory for one in found if one not in fitting})
    lines = [line(one, job, measured, terms, prices) for one in fitting]
    all_notes = [*notes, *told.assumptions(job, measured, terms, prices, left_out)]
    if as_json:
        document = told.document(lines, job, measured, prices, all_notes)
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{job.images:,} images, {job.size / 1e6:,.1f} MB, {job.events:,} events")
    width = None if Console().is_terminal else _WIDTH
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    console.print(told.table(lines, job, prices))
    click.echo("\nThis rests on:")
    for note in all_notes:
        click.echo(f"- {shown(note)}")
