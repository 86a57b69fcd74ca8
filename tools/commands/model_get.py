"""`fanlight model get`: a published model as a bundle."""

import time
from pathlib import Path

import click

from fanlight.model import Model
from tools.models import MODELS, megabytes
from tools.published.catalog import CATALOG, PRECISIONS, get


@click.command("get")
@click.argument("name", type=click.Choice(list(CATALOG)))
@click.option("--precision", type=click.Choice(PRECISIONS), default=PRECISIONS[0],
              show_default=True, help="Of products and embeddings, see above.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="The bundle's folder. [default: functions/models/NAME]")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, name: str, precision: str, out: Path | None) -> int:
    """Fetch the published model NAME, check its digest and make a bundle of it.

    \b
    products    what is in a photograph, of ImageNet's 1,000 classes (EfficientNet-Lite0)
    moderation  whether a photograph is pornographic: allow, review or block (Open NSFW)
    embeddings  a photograph as 1,280 numbers, for reverse image search (EfficientNet-Lite0)

    --precision of products and embeddings, against fp32 and measured on 1,186 photographs of
    clothes. Sure: of those 471 that fp32 gives a score of 0.5 or more.

    \b
          size     inference  same label  sure     best score  embedding
    fp32  18.6 MB  5.1 ms     -           -        -           -
    fp16   9.3 MB  5.1 ms     99.4%       471      +-0.002     cosine 1.0000
    int8   5.3 MB  2.1 ms     87.4%       470      +-0.047     cosine 0.9896

    fp16 says what the published network says, and a photograph of 12 megapixels takes far longer
    to fetch and decode than to be looked at: hence the default. int8 is for small packages, slow
    machines and very many pictures. Labels that were close calls change; with its embeddings
    clothes were told apart as well as with those of fp32. Try it on your own pictures with
    fanlight bench precision FOLDER.

    products and embeddings are converted by TensorFlow (the train extra); moderation runs on ONNX
    Runtime (the onnx extra). `make models` installs both and gets all three.
    """
    given = ctx.get_parameter_source("precision") is not click.core.ParameterSource.DEFAULT
    if given and not CATALOG[name].precisions:
        raise click.UsageError(f"--precision does not go with {name}: it is as it was published")
    started = time.perf_counter()
    folder = out or MODELS / name
    bundle = get(name, folder, precision)
    model = Model.load(folder)
    click.echo(f"{folder}: {bundle.name} {bundle.version}, {megabytes(folder)} MB, "
               f"in {time.perf_counter() - started:.1f} s")  # fmt: skip
    click.echo(f"  {CATALOG[name].about}")
    click.echo(f"  {bundle.digest}, {bundle.licence}")
    click.echo(f"  loaded in {model.load_seconds * 1000:.0f} ms, "
               f"first inference {model.first_inference_seconds * 1000:.0f} ms")  # fmt: skip
    return 0
