"""`fanlight bench scale`: what a key costs where there are many."""

import sys
from pathlib import Path

import click

from tools.bench.filled import scratch
from tools.bench.report import show
from tools.bench.scale import scale, steps
from tools.commands.bench_options import json_option

_SIZES = (1_000, 10_000, 100_000)


@click.command()
@click.option("--keys", type=click.IntRange(1), multiple=True, default=_SIZES, show_default=True,
              help="How many images; may be given more than once.")  # fmt: skip
@click.option("--oss-keys", type=click.IntRange(1), multiple=True, default=_SIZES[:2],
              show_default=True,
              help="How many in the bucket, where 100000 take minutes a round.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@json_option
def command(
    keys: tuple[int, ...], oss_keys: tuple[int, ...], rounds: int, file: Path | None
) -> int:
    """Time and memory of listing, `status`, a first run and a second one, a key.

    On folders, all files in one and a hundred in each, and on a bucket of the local OSS endpoint,
    without a first run there. Each command is a process of its own.
    """
    sizes, oss_sizes = sorted(set(keys)), sorted(set(oss_keys))
    with scratch() as folder, click.progressbar(length=steps(sizes, oss_sizes, rounds),
                                                label="scale", file=sys.stderr) as bar:  # fmt: skip
        report = scale(folder, sizes, oss_sizes, rounds, lambda: bar.update(1))
    show(report, file)
    return 0
