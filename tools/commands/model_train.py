"""`fanlight model train`: one's own classes from folders of pictures, or the digits."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fanlight.config import Limits
from fanlight.model import Model
from fanlight.place import SCHEME
from tools.digits.data import load_mnist
from tools.digits.evaluate import Accuracy, Classify, evaluate
from tools.extras import need_tensorflow
from tools.models import DIGITS, MODELS, check_name, check_own
from tools.places import Access, access_options
from tools.shown import console_for, shown
from tools.training.metrics import wilson
from tools.training.parallel import Progress

_OWN = ("name", "hold_out", "views", "report", "replace", "region", "endpoint")
_DIGITS_ONLY = ("only_measure", "bundle", "data")


@click.command("train")
@click.argument("source", metavar="FOLDER|oss://BUCKET/PREFIX/|digits")
@click.option("--name", help="What the model is called. [default: as the folder]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="The bundle's folder [default: functions/models/NAME]; for digits, the folder "
              "where its bundles go [default: build/models].")  # fmt: skip
@click.option("--report", type=click.Path(file_okay=False, path_type=Path),
              help="Where the report goes. [default: build/training/NAME]")  # fmt: skip
@click.option("--hold-out", type=click.FloatRange(0.05, 0.5), default=0.2, show_default=True,
              help="Share of each class that is kept back to measure with.")  # fmt: skip
@click.option("--views", type=click.IntRange(0, 64),
              help="Changed copies of a picture. [default: 8, fewer if many]")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@click.option("--replace", is_flag=True, help="Overwrite another bundle of that name.")
@click.option("--evaluate", "only_measure", is_flag=True,
              help="digits: train nothing, measure --bundle.")  # fmt: skip
@click.option("--bundle", type=click.Path(path_type=Path), default=MODELS / DIGITS,
              help="digits: the bundle to measure. [default: the shipped digits]")  # fmt: skip
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="digits: folder of MNIST's idx files. [default: fetched and kept]")  # fmt: skip
@access_options
@click.pass_context
def command(
    ctx: click.Context, source: str, name: str | None, out: Path | None, report: Path | None,
    hold_out: float, views: int | None, seed: int, bundle: Path, data: Path | None,
    access: Access, *, replace: bool, only_measure: bool,
) -> int:  # fmt: skip
    """Train a model on pictures of your own classes, and measure it.

    FOLDER has one folder a class, with 5 pictures or more in each, better 100:

    \b
    shop/dress/1.jpg  shop/dress/2.jpg  shop/hat/1.jpg ...

    A fifth of each class is held out to measure with, or, where FOLDER has train/ and validation/
    (or val/, test/) with the same classes, validation/. EfficientNet-Lite0 looks at the pictures;
    what is trained is a small network on top, some minutes for a thousand pictures. The bundle is
    measured as it will be deployed; the report says how well it does and where it errs. Needs the
    train extra.

    The word digits trains the model for handwritten digits from MNIST instead (10 to 15 minutes);
    a folder with that name is ./digits.

    \b
    fanlight model train shop/
    fanlight run photos/ --model shop
    """
    _check_options(ctx, _OWN if source == DIGITS else _DIGITS_ONLY, source)
    if source == DIGITS:
        return _digits(bundle, out or Path("build/models"), data, seed, only_measure=only_measure)
    called = _name(source, name)
    if out is None:
        check_own(called)
    from tools.training.train import Wanted, train

    wanted = Wanted(
        source, called, out or MODELS / called, report or Path("build/training") / called,
        seed, hold_out, views, access, replace=replace,
    )  # fmt: skip
    _tell(wanted.out, wanted.report, train(wanted, bar, lambda line: click.echo(line, err=True)))
    return 0


def _check_options(ctx: click.Context, foreign: tuple[str, ...], source: str) -> None:
    """Refuse options that would do nothing."""
    given = [
        parameter.opts[0] for parameter in ctx.command.params
        if parameter.name in foreign
        and ctx.get_parameter_source(parameter.name) == click.core.ParameterSource.COMMANDLINE
    ]  # fmt: skip
    if given:
        raise click.UsageError(f"{', '.join(given)} does not go with {shown(source)}")


def _name(source: str, name: str | None) -> str:
    """The model's name: as asked for, or as the folder or prefix is called."""
    if name is None:
        remote = source.startswith(SCHEME)
        name = Path(source.removeprefix(SCHEME) if remote else os.path.realpath(source)).name
    return check_name(name)


def _tell(out: Path, report: Path, document: dict[str, Any]) -> None:
    from tools.training.report import summary, table

    console_for().print(table(document))
    click.echo(f"{summary(document)}, in {document['seconds']['all']:.0f} s")
    click.echo(f"bundle: {out}, {document['model']['digest']}")
    click.echo(f"report: {report}/report.md, with confusion.png and report.json")


@contextmanager
def bar(label: str, length: int) -> Iterator[Progress]:
    """A progress bar on stderr; a line with the label where that is no terminal."""
    with click.progressbar(length=length, label=label, file=sys.stderr) as shown_bar:
        yield lambda: shown_bar.update(1)


def _digits(bundle: Path, out: Path, data: Path | None, seed: int, *, only_measure: bool) -> int:
    """The digits model: both bundles trained and measured, or one measured."""
    mnist = load_mnist(data)
    if not only_measure:
        need_tensorflow()
        from tools.digits.train import train

        train(out, classifier, seed=seed, data=mnist, say=click.echo)
        return 0
    with click.progressbar(length=2 * len(mnist.test_images), label="measuring") as shown_bar:
        accuracy = evaluate(
            classifier(bundle), mnist, progress=lambda _done, _all: shown_bar.update(1)
        )
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
    lines = [f"{bundle.name} ({Model.load(bundle).bundle.digest[:19]})"]
    for what, right in (("test set", accuracy.test_right), ("pasted set", accuracy.pasted_right)):
        low, high = wilson(right, accuracy.images)
        lines.append(f"  {what:<10}  {right:,} of {accuracy.images:,} right: "
                     f"{right / accuracy.images:.2%} ({low:.2%} to {high:.2%})")  # fmt: skip
    return "\n".join(lines)
