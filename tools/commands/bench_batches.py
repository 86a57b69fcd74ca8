"""`fanlight bench batches`: several images in one call of a network."""

import sys
import tempfile
from pathlib import Path

import click

from tools.bench.batches import batches, given
from tools.bench.function import PRODUCTS, bundles
from tools.bench.networks import DIGITS, ONNX, TENSORFLOW, write_networks_apart
from tools.bench.report import show
from tools.bench.throughput import kinds
from tools.commands.bench_options import json_option


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@json_option
def command(rounds: int, file: Path | None) -> int:
    """Time networks on one thread with 1, 4, 16 and 64 images at a time.

    Digits on LiteRT, ONNX Runtime and TensorFlow, where they are installed, with the same weights;
    products on LiteRT. Answers are compared with those to single images.
    """
    chosen, skipped = bundles(())
    with tempfile.TemporaryDirectory() as scratch:
        skipped |= write_networks_apart(Path(scratch))
        made = [folder for name in (ONNX, TENSORFLOW) if (folder := Path(scratch, name)).exists()]
        plain, photographs = kinds(DIGITS)[0].pictures, []
        if PRODUCTS not in skipped:
            photographs = [given(chosen[1], kinds(chosen[1])[0].pictures)]
        subjects = [given(folder, plain) for folder in (DIGITS, *made)] + photographs
        with click.progressbar(length=len(subjects) * rounds * 4, label="batches",
                               file=sys.stderr) as bar:  # fmt: skip
            report = batches(subjects, rounds, lambda: bar.update(1), skipped)
    show(report, file)
    return 0
