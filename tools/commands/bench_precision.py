"""`fanlight bench precision`: what fewer bits a weight cost and give."""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from tools.bench import photos as pictures
from tools.bench.precision import ORDER, Photo, agreements, make, report, speed, told
from tools.bench.report import document, show
from tools.commands.bench_options import json_option
from tools.published import calibration


@click.command()
@click.argument("folder", required=False,
                type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=50, show_default=True)
@json_option
def command(folder: Path | None, rounds: int, file: Path | None) -> int:
    """Compare the products model in fp32, fp16 and int8: size, speed, and what it says.

    Of every photograph below FOLDER the labels, scores and embeddings are held against those of
    fp32. Without FOLDER, 20 photographs of ImageNet's classes that a package carries are looked at;
    int8 has been calibrated with them. The three are made anew, which needs the train extra.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        click.progressbar(length=len(ORDER) * (rounds + 2), label="precision",
                          file=sys.stderr) as bar,
    ):  # fmt: skip
        bundles = make(Path(scratch), lambda: bar.update(1))
        sample = next(iter(calibration.photographs().values()))
        rows = speed(bundles, sample, rounds, lambda: bar.update(1))
        found = agreements(bundles, _photos(folder))
        notes = [told(name, bundles[name], one) for name, one in found.items()]
    measured = report(rows, notes)
    show(measured, None)
    if file is not None:
        said = {"agreement": {name: asdict(one) for name, one in found.items()}}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**document(measured), **said}, indent=2) + "\n", "utf-8")
        click.echo(f"written: {file}")
    return 0


def _photos(folder: Path | None) -> Iterator[Photo]:
    if folder is not None:
        yield from (Photo(found.data) for found in pictures.photos(folder))
    else:
        for name, data in calibration.photographs().items():
            yield Photo(data, calibration.class_of(name))
