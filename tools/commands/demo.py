"""`fanlight demo`: pictures into a local bucket, results out of it, as they happen."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import click
import oss2
from rich.console import Console
from rich.table import Table

from fanlight.errors import FanlightError
from fanlight.place import Place
from fanlight.reconcile import RESULT_LIMIT, document_of
from fanlight.store_folder import FolderStore
from tools.localcloud.client import client
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.results.rows import row_of
from tools.results.table import cells
from tools.samples import FOLDER, pictures, truth
from tools.shown import shown
from tools.template import from_source, project_template, read_template

_PATIENCE = 120.0
"""Seconds to wait for the last result."""


@dataclass
class _Watch:
    """What the functions say of each key, read from their logs."""

    took: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, function: str, line: str) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {}
        if entry.get("message") == "key":
            with self.lock:
                self.took[entry["key"]] = entry["ms"]
            told = entry.get("label") or entry.get("reason") or ""
            click.echo(f"  {entry['outcome']:<10} {shown(Path(entry['key']).name)}  {shown(told)}")
        elif entry.get("message") == "cold start":
            times = ", ".join(f"{k.removesuffix('_ms').replace('_', ' ')} {v:.0f} ms"
                              for k, v in entry.items() if k.endswith("_ms"))  # fmt: skip
            click.echo(f"  cold start  {times}")
        elif entry.get("message") not in ("stopping", None):
            click.echo(f"  {function}  {shown(line)}")


@click.command()
@click.argument("images", required=False,
                type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="build/demo",
              show_default=True,
              help="Where a copy of the results goes, in place of the last demo's.")  # fmt: skip
@click.option("--instances", type=click.IntRange(1), default=2, show_default=True)
def command(images: Path | None, out: Path, instances: int) -> int:
    """Upload every picture of the folder IMAGES to a local cloud and show what comes out.

    Each upload fires the trigger of template.yml, as it would in the cloud. Without IMAGES the
    sample digits are used, and each answer is held against the digit that was written.
    """
    folder = images or FOLDER
    paths = pictures(folder)
    if not paths:
        raise click.UsageError(f"there is no picture in {images}")
    template = from_source(read_template(project_template()))
    environment = next(f.environment for f in template.functions if f.triggers)
    source = Place.parse(environment["FANLIGHT_INPUT"])
    output = Place.parse(environment["FANLIGHT_OUTPUT"])
    watch = _Watch()
    with LocalCloud(template, Options(instances=instances, on_line=watch)) as cloud:
        bucket = client(cloud, source.bucket)
        click.echo(f"uploading {len(paths)} pictures to {source} at {cloud.endpoint.url}")
        began = time.monotonic()
        for path in paths:
            key = source.prefix + _spelled(path.relative_to(folder))
            bucket.put_object_from_file(key, str(path))
        settled = cloud.drain(_PATIENCE)
        seconds = time.monotonic() - began
        documents = _fetch(bucket, output, out)
    right = _show(documents, watch, known=images is None)
    click.echo(f"{len(documents)} of {len(paths)} results in {seconds:.1f} s, as JSON in {out}/")
    if right is not None:
        click.echo(f"{right} of {len(documents)} digits are right")
    return 0 if settled and len(documents) == len(paths) else 1


def _spelled(path: Path) -> str:
    """A file's key; a name that is not UTF-8 cannot be one, so its odd bytes are replaced."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _fetch(bucket: oss2.Bucket, output: Place, out: Path) -> list[dict[str, object]]:
    """Copy every result into a folder, where those of an earlier demo make room."""
    copies = FolderStore(out, escaped=True)
    documents = {}
    for item in oss2.ObjectIteratorV2(bucket, prefix=output.prefix):
        key = output.relative(item.key) or item.key
        data = bucket.get_object(item.key).read()
        copies.put(key, data, if_absent=False)
        documents[key] = json.loads(data)
    for meta in copies.list(""):
        if meta.key not in documents and _is_copy(copies, meta.key, bucket.bucket_name):
            copies.delete(meta.key)
    return list(documents.values())


def _is_copy(copies: FolderStore, key: str, bucket: str) -> bool:
    """Whether a demo has put this file there: the folder may hold what is the user's own."""
    with suppress(FanlightError):  # what cannot be read is not ours
        document = document_of(copies.get(key, RESULT_LIMIT))
        return document is not None and document["source"].get("bucket") == bucket
    return False


def _show(documents: list[dict[str, object]], watch: _Watch, *, known: bool) -> int | None:
    """Print the table; the number of right answers where the samples' names tell the truth."""
    table = Table("image", "label", "score", "ms", "", box=None, pad_edge=False)
    right = 0
    for document in documents:
        key, label, score, rest = cells(row_of(document, "", 0.0))
        mark = rest if document["status"] == "rejected" else ""
        if known and (digit := truth(Path(key).name)) is not None:
            right += digit == label
            mark = "" if digit == label else f"it is a {digit}"
        texts = (Path(key).name, label, score, f"{watch.took.get(key, 0):.1f}", mark)
        table.add_row(*(shown(cell).replace("\n", " ") for cell in texts))
    Console(markup=False, highlight=False, emoji=False).print(table)
    return right if known else None
