"""A model bundle: a folder with `model.json`, the model file and `labels.txt`."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.errors import ConfigError

SCHEMA = "fanlight.model/1"
FORMATS = ("litert", "tensorflow")
RESIZES = ("stretch", "fit", "crop", "glyph")
ACTIVATIONS = ("softmax", "logits")


@dataclass(frozen=True)
class Input:
    """What the network expects: float32, 1 x height x width x channels, (pixel - mean) / std.

    `resize`: `stretch` to size; `fit` inside and pad; `crop` the middle; `glyph` finds one
    handwritten character (`fanlight.glyph`) and gives ink 0 to 1.
    """

    width: int
    height: int
    channels: int
    resize: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Bundle:
    """A bundle's description. `digest` names its exact content, `sha256:...`."""

    folder: Path
    name: str
    version: str
    format: str
    file: str
    input: Input
    activation: str
    top_k: int
    labels: tuple[str, ...]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read and check a folder, without loading the model; ConfigError says what is wrong."""
        try:
            document = json.loads((folder / "model.json").read_bytes())
            labels = (folder / "labels.txt").read_text("utf-8").splitlines()
            bundle = _from_document(document, folder, tuple(labels))
        except OSError as error:
            raise ConfigError(
                f"model bundle {folder}: {error.strerror}: {error.filename}"
            ) from None
        except (ValueError, TypeError) as error:
            raise ConfigError(f"model bundle {folder}: model.json: {error}") from None
        except KeyError as error:
            raise ConfigError(f"model bundle {folder}: model.json has no {error.args[0]}") from None
        _check(bundle)
        return bundle


def _from_document(document: dict[str, Any], folder: Path, labels: tuple[str, ...]) -> Bundle:
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema is {document['schema']!r}, this version reads {SCHEMA}")
    if document["task"] != "classification":
        raise ValueError(f"task is {document['task']!r}, this version knows classification")
    given, output = document["input"], document["output"]
    return Bundle(
        folder=folder,
        name=str(document["name"]),
        version=str(document["version"]),
        format=str(document["format"]),
        file=str(document["file"]),
        input=Input(
            width=int(given["width"]),
            height=int(given["height"]),
            channels=int(given["channels"]),
            resize=str(given["resize"]),
            mean=tuple(map(float, given["mean"])),
            std=tuple(map(float, given["std"])),
        ),
        activation=str(output["activation"]),
        top_k=int(output["top_k"]),
        labels=labels,
        digest=digest(_contents(folder)),
    )


def _check(bundle: Bundle) -> None:
    given = bundle.input
    problems = [
        f"{name} is {value!r}, use one of {', '.join(known)}"
        for name, value, known in (
            ("format", bundle.format, FORMATS),
            ("input.resize", given.resize, RESIZES),
            ("output.activation", bundle.activation, ACTIVATIONS),
        )
        if value not in known
    ]
    if given.channels not in (1, 3):
        problems.append(f"input.channels is {given.channels}, use 1 or 3")
    for name, values in (("mean", given.mean), ("std", given.std)):
        if len(values) != given.channels:
            problems.append(f"input.{name} has {len(values)} values for {given.channels} channels")
    if given.resize == "glyph" and (given.width, given.height, given.channels) != (28, 28, 1):
        problems.append("input.resize glyph gives 28x28x1")
    if min(given.width, given.height, bundle.top_k) < 1 or 0.0 in given.std:
        problems.append("input.width, input.height, input.std and output.top_k must not be 0")
    inside = (bundle.folder / bundle.file).resolve()
    if not inside.is_relative_to(bundle.folder.resolve()) or not inside.exists():
        problems.append(f"file {bundle.file!r} is not in the bundle")
    if not bundle.labels:
        problems.append("labels.txt is empty")
    if problems:
        raise ConfigError(f"model bundle {bundle.folder}: " + "; ".join(problems))


def digest(contents: Iterable[tuple[str, str]]) -> str:
    """Over the sorted (path, SHA-256 of content) pairs: a folder and a zip of it agree."""
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(contents))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def _contents(folder: Path) -> Iterable[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            yield path.relative_to(folder).as_posix(), sha256
