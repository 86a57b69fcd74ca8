"""`fanlight bench cold`: a new process to its first result."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from tools.bench.cloud import OssProcess
from tools.bench.cold import cold, designs
from tools.bench.libs import upload_libs
from tools.bench.networks import write_networks_apart
from tools.bench.report import show
from tools.commands.bench_options import json_option


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=10, show_default=True,
              help="Instances of each design.")  # fmt: skip
@click.option("--fetched", is_flag=True,
              help="Also with TensorFlow fetched as a zip and unpacked, as the article has it. "
              "Takes 5 GB of disk, minutes to begin, and half a minute a round.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="Exit with 1 when a figure is not what was wanted of it.")  # fmt: skip
@json_option
def command(rounds: int, file: Path | None, *, fetched: bool, check: bool) -> int:
    """Time a new process from its start to its first digit's result, part by part.

    Fanlight on LiteRT, and on ONNX Runtime and TensorFlow where they are installed, beside the
    design of the article that Fanlight began with, on today's TensorFlow: libraries and model
    loaded in the handler, or in the initializer. All have the weights of the digits model.
    """
    with tempfile.TemporaryDirectory() as scratch, OssProcess() as cloud:
        folder = Path(scratch)
        missing = write_networks_apart(folder)
        fetched = fetched and "TensorFlow" not in missing
        notes: list[str] = []
        if fetched:
            click.echo("zipping TensorFlow", err=True)
            size = upload_libs(cloud, folder)
            notes.append(
                f"fetch: a zip of {size / 1e6:.0f} MB, of TensorFlow as it is installed here, from "
                "an endpoint on this machine (no network's time is in it), and unpacking it."
            )
        chosen = designs(folder, cloud, fetched=fetched)
        with click.progressbar(length=len(chosen) * (rounds + 1), label="cold",
                               file=sys.stderr) as bar:  # fmt: skip
            report = cold(cloud, chosen, rounds, lambda: bar.update(1))
    show(replace(report, skipped=missing, notes=[*report.notes, *notes]), file)
    return int(check and any(one.met is False for one in report.comparisons))
