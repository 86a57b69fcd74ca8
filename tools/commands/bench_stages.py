"""`fanlight bench stages`: where the time of one picture goes."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from tools.bench.cloud import OssProcess
from tools.bench.function import subjects
from tools.bench.report import show
from tools.bench.stages import stages
from tools.commands.bench_options import json_option, models_option


@click.command()
@models_option
@click.option("--rounds", type=click.IntRange(1), default=30, show_default=True)
@json_option
def command(models: tuple[str, ...], rounds: int, file: Path | None) -> int:
    """Time each stage of one picture's way: download, decode, preprocess, infer, serialise, upload.

    Digits get a plain digit and one on a sheet of paper, other models JPEGs of 548x365 and of
    4000x3000. The OSS endpoint runs in another process.
    """
    chosen, missing = subjects(models)
    steps = sum(len(subject.pictures) for subject in chosen) * (rounds + 1)
    with OssProcess() as cloud, click.progressbar(length=steps, label="stages",
                                                  file=sys.stderr) as bar:  # fmt: skip
        report = stages(cloud, chosen, rounds, lambda: bar.update(1))
    show(replace(report, skipped=missing), file)
    return 0
