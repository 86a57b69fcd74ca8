"""`fanlight bench resize`: pictures made smaller by OSS, over slow links."""

import sys
from pathlib import Path

import click
import cv2

from fanlight.model import Model
from tools.bench import photos
from tools.bench.cloud import OssProcess
from tools.bench.function import LARGE
from tools.bench.pictures import photo
from tools.bench.report import show
from tools.bench.resize import MEGABITS, resize
from tools.commands.bench_options import json_option
from tools.models import find_model


@click.command()
@click.argument("folder", required=False,
                type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--model", "-m", default="products", show_default=True,
              help="A bundle's folder or name.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@json_option
def command(folder: Path | None, model: str, rounds: int, file: Path | None) -> int:
    """Time pictures over links of 10 and 50 Mbit/s, as stored and with FANLIGHT_OSS_RESIZE=on.

    With the JPEGs of FOLDER, and how many keep their label; or with one of 4000x3000 made here.
    """
    pictures = (
        {found.name: found.data for found in photos.photos(folder)}
        if folder
        else {"4000x3000.jpg": photo(*LARGE)}
    )
    if not pictures:
        raise click.UsageError(f"there is no picture in {folder}")
    loaded = Model.load(find_model(model), threads=1)
    if loaded.bundle.task == "embedding":
        raise click.UsageError(f"{model} gives no labels")
    cv2.setNumThreads(1)
    steps = len(pictures) * rounds * 2 * len(MEGABITS)
    with OssProcess() as cloud, click.progressbar(length=steps, label="resize",
                                                  file=sys.stderr) as bar:  # fmt: skip
        report = resize(cloud, loaded, pictures, rounds, lambda: bar.update(1))
    show(report, file)
    return 0
