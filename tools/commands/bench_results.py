"""`fanlight bench results`: what each form of many results takes."""

import sys
from pathlib import Path

import click

from tools.bench.filled import scratch
from tools.bench.report import show
from tools.bench.results import results, steps
from tools.commands.bench_options import json_option
from tools.extras import need_pyarrow


@click.command()
@click.option("--results", "sizes", type=click.IntRange(1), multiple=True,
              default=(10_000, 100_000), show_default=True,
              help="How many in a folder; may be given more than once.")  # fmt: skip
@click.option("--oss-results", "oss_sizes", type=click.IntRange(1), multiple=True,
              default=(1_000, 10_000), show_default=True,
              help="How many in the bucket.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@json_option
def command(
    sizes: tuple[int, ...], oss_sizes: tuple[int, ...], rounds: int, file: Path | None
) -> int:
    """Time and memory of `fanlight results`, in each form, a document.

    Against a process that reads and parses the same documents and does nothing else. Of the two
    largest sizes it is told whether memory grows. Each form is a process of its own; it needs the
    parquet extra.
    """
    need_pyarrow()
    several, oss_several = sorted(set(sizes)), sorted(set(oss_sizes))
    length = steps(several, oss_several, rounds)
    with scratch() as folder, click.progressbar(length=length, label="results",
                                                file=sys.stderr) as bar:  # fmt: skip
        report = results(folder, several, oss_several, rounds, lambda: bar.update(1))
    show(report, file)
    return 0
