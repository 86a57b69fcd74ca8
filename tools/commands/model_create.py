"""`fanlight model create`: a bundle around a model file of one's own."""

import json
import re
from pathlib import Path
from typing import Any

import click

from fanlight.bundle import ACTIVATIONS, LAYOUTS, MOST_SIDE, ORDERS, TASKS
from fanlight.thresholds import read_thresholds
from tools.bundles import copy_into, write_bundle
from tools.creating import PIXELS, Said, describe
from tools.models import MODELS, check_name, check_own, input_text, output_text
from tools.shown import shown


@click.command("create")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="[default: the file's]")
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A text file, one label a line, in the order of the outputs.",
)
@click.option(
    "--pixels",
    type=click.Choice(list(PIXELS)),
    help="The values that the network takes for black to white.",
)
@click.option(
    "--resize",
    type=click.Choice(["crop", "fit", "stretch"]),
    default="crop",
    show_default=True,
    help="The middle; the whole, padded; the whole, out of shape.",
)
@click.option(
    "--keep",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="The share of each side that is kept around the middle.",
)
@click.option("--order", type=click.Choice(ORDERS), default="rgb", show_default=True)
@click.option("--layout", type=click.Choice(LAYOUTS), help="[default: read from the file]")
@click.option("--size", metavar="WxH", help="For a network that takes any size.")
@click.option("--task", type=click.Choice(TASKS), default=TASKS[0], show_default=True)
@click.option(
    "--activation",
    type=click.Choice(ACTIVATIONS),
    help="Whether outputs are shares already. [default: found by running it]",
)
@click.option("--scores", help="The output with the scores, if there are several.")
@click.option("--embedding", help="The output with the embedding, if there are several.")
@click.option(
    "--thresholds",
    metavar="JSON",
    help="For --task moderation, such as "
    """'{"nsfw": {"review": 0.2, "block": 0.8}}'""",
)
@click.option("--top-k", type=click.IntRange(1), default=5, show_default=True)
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="", help="Of the weights, to be recorded.")
@click.option("--source", default="", help="Where the weights come from, to be recorded.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The bundle's folder. [default: functions/models/NAME]",
)
@click.option("--replace", is_flag=True, help="Overwrite another bundle of that name.")
def command(
    file: Path, out: Path | None, labels: Path | None, thresholds: str | None, size: str | None,
    name: str | None, *, replace: bool, **options: Any,
) -> int:  # fmt: skip
    """Make a bundle of FILE: a .tflite file, an .onnx file or a SavedModel's folder.

    What the file shows is read: its input's size and channels, and a .tflite file's metadata with
    labels and normalisation where it has any. The rest is asked for by name.

    \b
    fanlight model create fabric.tflite --labels fabrics.txt --pixels -1..1
    """
    file = file.resolve()
    name = check_name(name or file.stem)
    if out is None:
        check_own(name)
    said = Said(name=name, labels=_lines(labels), thresholds=_thresholds(thresholds),
                size=_size(size), **options)  # fmt: skip
    document, found = describe(file, said)
    folder = out or MODELS / name
    bundle = write_bundle(folder, document, found, copy_into(file), replace=replace)
    click.echo(f"{folder}: {bundle.name} {bundle.version}, {bundle.digest}")
    click.echo(f"  input   {shown(input_text(bundle.input))}")
    click.echo(f"  output  {shown(output_text(bundle))}")
    click.echo(f"Look whether this is right: fanlight model inspect {out or name}")
    return 0


def _lines(path: Path | None) -> tuple[str, ...] | None:
    try:
        return tuple(path.read_text("utf-8-sig").splitlines()) if path else None
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8 text") from None


def _thresholds(text: str | None) -> dict[str, Any]:
    try:
        given: dict[str, Any] = json.loads(text) if text else {}
        if given:
            read_thresholds(given)
    except ValueError as error:
        raise click.UsageError(f"--thresholds: {error}") from None
    return given


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if not found or max(map(int, found.groups())) > MOST_SIDE:
        raise click.UsageError(
            f"--size {text}: write WIDTHxHEIGHT, such as 224x224, {MOST_SIDE} at most"
        )
    return int(found[1]), int(found[2])
