"""`fanlight bench peers`: against other systems, with the same images and the same model."""

import functools
import sys
from dataclasses import replace
from pathlib import Path

import click

from tools.bench.filled import scratch
from tools.bench.function import PRODUCTS
from tools.bench.peer_environments import environment
from tools.bench.peer_sets import FEW, Images, digit_images, photo_images
from tools.bench.peers import here, others, peers
from tools.bench.report import show
from tools.commands.bench_options import json_option
from tools.models import MODELS, find_model

_MANY = click.IntRange(FEW + 1)


@click.command()
@click.option("--digits", type=_MANY, default=10_000, show_default=True, help="How many digits.")
@click.option("--photographs", type=_MANY, default=500, show_default=True,
              help="How many JPEGs of 548x365.")  # fmt: skip
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder of digits. [default: the 20 that ship]")  # fmt: skip
@click.option("--environments", type=click.Path(file_okay=False, path_type=Path),
              default=Path("build/peers"), show_default=True,
              help="Where the other systems are installed.")  # fmt: skip
@click.option("--alone", is_flag=True, help="Without them: with plain loops only.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@json_option
def command(
    digits: int, photographs: int, images: Path | None, environments: Path, rounds: int,
    file: Path | None, *, alone: bool,
) -> int:  # fmt: skip
    """Images a second: `fanlight run` beside plain loops, Powertools for Lambda and Ray Data.

    With the digits model, and with the products model if it is at hand. All classify with the same
    code and model and write a JSON document for each image. The other systems are installed with
    pip, once, each in an environment of its own. Then each meets one bad file among good ones.
    """
    systems = here()
    missing: dict[str, str] = {}
    if not alone:
        click.echo(f"installing in {environments}, where that is not done yet", err=True)
        with_libraries, missing = others(
            functools.partial(environment, folder=environments.absolute())
        )
        systems += with_libraries
    with scratch() as folder:
        sets = [digit_images(folder, digits, images)]
        try:
            sets.append(_photographs(folder, photographs))
        except click.UsageError:
            missing[PRODUCTS] = f"it is not in {MODELS.name}/: fanlight model get {PRODUCTS}"
        with click.progressbar(length=2 * rounds * len(systems) * len(sets), label="peers",
                               file=sys.stderr) as bar:  # fmt: skip
            report = peers(folder, systems, sets, rounds, lambda: bar.update(1))
    show(replace(report, skipped=missing), file)
    return 0


def _photographs(folder: Path, count: int) -> Images:
    return photo_images(folder, count, find_model(PRODUCTS))
