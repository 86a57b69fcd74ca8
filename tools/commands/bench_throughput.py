"""`fanlight bench throughput`: many pictures in a folder."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from tools.bench.function import bundles
from tools.bench.report import show
from tools.bench.throughput import kinds, steps, throughput
from tools.commands.bench_options import json_option, models_option


@click.command()
@models_option
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1), default=1.5, show_default=True,
              help="Of each measurement, from when all processes have started.")  # fmt: skip
@json_option
def command(models: tuple[str, ...], rounds: int, seconds: float, file: Path | None) -> int:
    """Time the engine of `fanlight run` over a folder, with one process and with two.

    Against processes that do nothing but decode, prepare and infer, on pictures in memory. Digits
    get plain digits and digits on a sheet of paper; other models JPEGs of 548x365 and of
    4000x3000, baseline and progressive. The folder is in memory where that can be; the disk's
    figure, and that of decoding in full, stand beside it.
    """
    chosen, missing = bundles(models)
    several = [kind for bundle in chosen for kind in kinds(bundle)]
    with click.progressbar(length=steps(several, rounds), label="throughput",
                           file=sys.stderr) as bar:  # fmt: skip
        report = throughput(several, rounds, seconds, lambda: bar.update(1))
    show(replace(report, skipped=missing), file)
    return 0
