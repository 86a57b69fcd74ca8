"""`fanlight model`: make models and measure them."""

import os
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np

from fanlight.config import Limits
from fanlight.errors import ConfigError
from fanlight.model import Model
from tools.digits.data import load_mnist
from tools.digits.evaluate import Accuracy, Classify, evaluate
from tools.models import SHIPPED


@click.group("model")
def command() -> None:
    """Train models and measure them."""


@command.command("train")
@click.argument("name", type=click.Choice(["digits"]))
@click.option("--evaluate", "only_measure", is_flag=True, help="Train nothing: measure --bundle.")
@click.option("--bundle", type=click.Path(path_type=Path), default=SHIPPED / "digits",
              help="The bundle to measure. [default: the shipped digits]")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              default=Path("build/models"), show_default=True,
              help="Where trained bundles go.")  # fmt: skip
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder with MNIST's idx files. [default: fetched, then kept]")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
def train_command(
    name: str, bundle: Path, out: Path, data: Path | None, seed: int, *, only_measure: bool
) -> int:
    """Train NAME and measure it: digits, a small network for handwritten digits.

    It learns from MNIST's 60,000 training images (10 to 15 minutes on two cores; needs the train
    extra) and writes a LiteRT bundle and a SavedModel bundle. Both are measured through the same
    code the function runs, on MNIST's 10,000 test images and on the same digits pasted onto
    sheets of paper (tools/digits/pasted.py).
    """
    mnist = load_mnist(data)
    if not only_measure:
        if find_spec("tensorflow") is None:
            raise ConfigError("training needs the train extra: pip install -e '.[train]'")
        from tools.digits.train import train

        train(out, classifier, seed=seed, data=mnist, say=click.echo)
        return 0
    with click.progressbar(length=2 * len(mnist.test_images), label="measuring") as bar:
        accuracy = evaluate(classifier(bundle), mnist, progress=lambda _done, _all: bar.update(1))
    click.echo(told(bundle, accuracy))
    return 0


def classifier(bundle: Path) -> Classify:
    """Encoded image -> class index, through the pipeline that is deployed."""
    model = Model.load(bundle, threads=1)
    limits = Limits()

    def classify(data: bytes) -> int:
        _, (best,) = model.classify(data, limits, 1)
        return best.index

    return classify


def told(bundle: Path, accuracy: Accuracy) -> str:
    """The two figures, each with its 95% interval (Wilson)."""
    lines = [f"{bundle.name} ({Model.load(bundle, os.cpu_count()).bundle.digest[:19]})"]
    for what, right in (("test set", accuracy.test_right), ("pasted set", accuracy.pasted_right)):
        low, high = wilson(right, accuracy.images)
        lines.append(f"  {what:<10}  {right:,} of {accuracy.images:,} right: "
                     f"{right / accuracy.images:.2%} ({low:.2%} to {high:.2%})")  # fmt: skip
    return "\n".join(lines)


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Confidence interval of a share. Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209."""
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    spread = float(np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)))
    half = spread * z / (1 + z * z / total)
    return middle - half, middle + half
