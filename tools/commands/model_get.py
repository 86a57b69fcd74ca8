"""`fanlight model get`: a published model as a bundle."""

import time
from pathlib import Path

import click

from fanlight.model import Model
from tools.models import MODELS
from tools.published.catalog import CATALOG, PRECISIONS, get


@click.command("get")
@click.argument("name", type=click.Choice(list(CATALOG)))
@click.option("--precision", type=click.Choice(PRECISIONS), default=PRECISIONS[0],
              show_default=True, help="Of the weights of products and embeddings.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="The bundle's folder. [default: functions/models/NAME]")  # fmt: skip
def command(name: str, precision: str, out: Path | None) -> int:
    """Fetch the published model NAME, check its digest and make a bundle of it.

    \b
    products    what is in a photograph, of ImageNet's 1,000 classes (EfficientNet-Lite0)
    moderation  whether a photograph is pornographic: allow, review or block (Open NSFW)
    embeddings  a photograph as 1,280 numbers, for reverse image search (EfficientNet-Lite0)

    products and embeddings are converted by TensorFlow (the train extra); moderation runs on ONNX
    Runtime (the onnx extra). `make models` installs both and gets all three.
    """
    started = time.perf_counter()
    folder = out or MODELS / name
    bundle = get(name, folder, precision)
    model = Model.load(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    click.echo(f"{folder}: {bundle.name} {bundle.version}, {size / 1e6:.1f} MB, "
               f"in {time.perf_counter() - started:.1f} s")  # fmt: skip
    click.echo(f"  {CATALOG[name].about}")
    click.echo(f"  {bundle.digest}, {bundle.licence}")
    click.echo(f"  loaded in {model.load_seconds * 1000:.0f} ms, "
               f"first inference {model.first_inference_seconds * 1000:.0f} ms")  # fmt: skip
    return 0
