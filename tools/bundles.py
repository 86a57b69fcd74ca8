"""Writing model bundles: a folder appears whole, or not at all."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fanlight.bundle import Bundle
from fanlight.errors import ConfigError
from fanlight.model import Model

Fill = Callable[[Path], None]
"""Writes the model's own files into a folder."""


def write_bundle(
    folder: Path,
    document: dict[str, Any],
    labels: Sequence[str],
    fill: Fill,
    *,
    replace: bool = False,
) -> Bundle:
    """Write `folder` with model.json, labels.txt and what `fill` puts there, and read it back.

    With `replace`, an older bundle of the same name makes room, once the new one has been loaded
    and run; without, it stays, and has to be the very same. ConfigError for a bundle that differs,
    for a folder that is anything else, and for a bundle that does not run.
    """
    check_replaceable(folder, document["name"], replace=True)
    check_labels(labels)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        made, old = Path(scratch, "made"), Path(scratch, "old")
        made.mkdir()
        fill(made)
        if labels:
            (made / "labels.txt").write_text("".join(f"{label}\n" for label in labels), "utf-8")
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (made / "model.json").write_text(text + "\n", "utf-8")
        try:
            Model.load(made, threads=1)
        except ConfigError as error:
            raise type(error)(str(error).replace(str(made), str(folder))) from None
        if not replace and _same(made, folder):
            return Bundle.read(folder)
        check_replaceable(folder, document["name"], replace=replace)
        swap(made, folder, old)
    return Bundle.read(folder)


def _same(made: Path, folder: Path) -> bool:
    """Whether `folder` holds the very bundle; one that cannot be read is another."""
    try:
        return Bundle.read(folder).digest == Bundle.read(made).digest
    except ConfigError:
        return False


def swap(made: Path, folder: Path, old: Path) -> None:
    """Give `made` the name `folder`, and what is there the name `old`: both, or neither."""
    try:
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    except BaseException:  # Ctrl-C comes between the two as well as an error
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise


def check_replaceable(folder: Path, name: str, *, replace: bool) -> None:
    """ConfigError unless `folder` is free, or with `replace` holds a bundle called `name`."""
    if not folder.exists():
        return
    try:
        present = json.loads((folder / "model.json").read_bytes())["name"]
    except (OSError, ValueError, KeyError, TypeError):
        present = None
    if present != name:
        what = f"holds the bundle {present}" if present else "is no model bundle"
        raise ConfigError(f"{folder} exists and {what}; choose another --out, or remove it")
    if not replace:
        raise ConfigError(
            f"{folder} holds another bundle {name} already; choose another --name, or give "
            "--replace"
        )


def check_labels(labels: Sequence[str]) -> None:
    """ConfigError for labels that cannot stand on a line of their own, or stand there twice."""
    broken = [label for label in labels if not label.strip() or len(label.splitlines()) != 1]
    if broken:
        raise ConfigError(f"{broken[0]!r} cannot be a label: one line of text, not empty")
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise ConfigError(f"the label {twice!r} stands there twice; each class needs its own")


def copy_into(source: Path) -> Fill:
    """Fill a bundle with one file or folder, under its own name."""

    def fill(folder: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, folder / source.name)
        else:
            shutil.copyfile(source, folder / source.name)

    return fill
