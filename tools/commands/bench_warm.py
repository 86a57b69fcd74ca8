"""`fanlight bench warm`: one event, one picture, a warm function."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from tools.bench.cloud import OssProcess
from tools.bench.function import subjects
from tools.bench.report import show
from tools.bench.warm import warm
from tools.commands.bench_options import json_option, models_option


@click.command()
@models_option
@click.option("--rounds", type=click.IntRange(1), default=100, show_default=True)
@json_option
def command(models: tuple[str, ...], rounds: int, file: Path | None) -> int:
    """Time the handler of a warm function for an event of one picture.

    Against the least it can take: the same picture decoded and looked at, and the same four
    requests to OSS, with nothing around them. The handler runs in this process, the OSS endpoint
    in another. The same event comes once more while its result is there. Digits get a digit, other
    models a JPEG of 548x365.
    """
    chosen, missing = subjects(models)
    with OssProcess() as cloud, click.progressbar(length=len(chosen), label="warm",
                                                  file=sys.stderr) as bar:  # fmt: skip
        report = warm(cloud, chosen, rounds, lambda: bar.update(1))
    show(replace(report, skipped=missing), file)
    return 0
