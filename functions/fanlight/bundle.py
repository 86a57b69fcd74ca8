"""A model bundle: a folder with `model.json`, the model file and `labels.txt`."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fanlight.errors import ConfigError

SCHEMA = "fanlight.model/1"
TASKS = ("classification", "moderation", "embedding")
FORMATS = ("litert", "tensorflow", "onnx")
RESIZES = ("stretch", "fit", "crop", "glyph")
ACTIVATIONS = ("softmax", "logits")
ORDERS = ("rgb", "bgr")
LAYOUTS = ("nhwc", "nchw")


@dataclass(frozen=True)
class Input:
    """What the network expects: float32, (pixel - mean) / std, one picture.

    `resize`: `stretch` to size; `fit` inside and pad; `crop` the middle; `glyph` finds one
    handwritten character (`fanlight.glyph`) and gives ink 0 to 1. `keep`: the share of each side
    that `stretch` and `crop` keep around the middle. `mean` and `std` are in the order of the
    channels as the network has them.
    """

    width: int
    height: int
    channels: int
    resize: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    keep: float = 1.0
    order: str = "rgb"
    layout: str = "nhwc"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The tensor's, with the layout applied."""
        if self.layout == "nchw":
            return 1, self.channels, self.height, self.width
        return 1, self.height, self.width, self.channels


@dataclass(frozen=True)
class Threshold:
    """From which score on a label holds a picture for a person, and from which it blocks it."""

    review: float
    block: float


Thresholds = Mapping[str, Threshold]


@dataclass(frozen=True)
class Bundle:
    """A bundle's description. `digest` names its exact content, `sha256:...`.

    `scores` and `embedding` are names of the network's outputs; None where there is but one to
    choose. `thresholds` are those of a moderation model, empty for others.
    """

    folder: Path
    name: str
    version: str
    task: str
    format: str
    file: str
    input: Input
    activation: str
    top_k: int
    labels: tuple[str, ...]
    digest: str
    scores: str | None = None
    embedding: str | None = None
    thresholds: Thresholds = field(default_factory=dict)
    licence: str = ""
    source: str = ""

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read and check a folder, without loading the model; ConfigError says what is wrong."""
        try:
            document = json.loads((folder / "model.json").read_bytes())
            task = document["task"]
            labels = _labels(folder, required=task != "embedding")
            bundle = _from_document(document, folder, labels)
        except OSError as error:
            raise ConfigError(
                f"model bundle {folder}: {error.strerror}: {error.filename}"
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"model bundle {folder}: model.json: {error}") from None
        except KeyError as error:
            raise ConfigError(f"model bundle {folder}: model.json has no {error.args[0]}") from None
        _check(bundle)
        return bundle


def read_thresholds(document: Any) -> dict[str, Threshold]:
    """`{"nsfw": {"review": 0.2, "block": 0.8}}` as Thresholds; ValueError for anything else."""
    try:
        found = {
            str(label): Threshold(float(pair["review"]), float(pair["block"]))
            for label, pair in document.items()
        }
    except (AttributeError, KeyError, TypeError):
        found = {}
    if not found or any(not 0 <= pair.review <= pair.block <= 1 for pair in found.values()):
        raise ValueError(
            'thresholds must read {"label": {"review": 0.2, "block": 0.8}}, from 0 to 1, '
            "review not above block"
        )
    return found


def _labels(folder: Path, *, required: bool) -> tuple[str, ...]:
    path = folder / "labels.txt"
    if not required and not path.exists():
        return ()
    return tuple(path.read_text("utf-8").splitlines())


def _from_document(document: dict[str, Any], folder: Path, labels: tuple[str, ...]) -> Bundle:
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema is {document['schema']!r}, this version reads {SCHEMA}")
    output, task = document["output"], str(document["task"])
    return Bundle(
        folder=folder,
        name=str(document["name"]),
        version=str(document["version"]),
        task=task,
        format=str(document["format"]),
        file=str(document["file"]),
        input=_input(document["input"]),
        activation=str(output.get("activation", "softmax")),
        top_k=int(output.get("top_k", 1)),
        labels=labels,
        digest=digest(_contents(folder)),
        scores=output.get("scores"),
        embedding=output.get("embedding"),
        thresholds=read_thresholds(output.get("thresholds")) if task == "moderation" else {},
        licence=str(document.get("licence", "")),
        source=str(document.get("source", "")),
    )


def _input(given: dict[str, Any]) -> Input:
    return Input(
        width=int(given["width"]),
        height=int(given["height"]),
        channels=int(given["channels"]),
        resize=str(given["resize"]),
        mean=tuple(map(float, given["mean"])),
        std=tuple(map(float, given["std"])),
        keep=float(given.get("keep", 1)),
        order=str(given.get("order", "rgb")),
        layout=str(given.get("layout", "nhwc")),
    )


def _check(bundle: Bundle) -> None:
    given = bundle.input
    problems = [
        f"{name} is {value!r}, use one of {', '.join(known)}"
        for name, value, known in (
            ("task", bundle.task, TASKS),
            ("format", bundle.format, FORMATS),
            ("input.resize", given.resize, RESIZES),
            ("input.order", given.order, ORDERS),
            ("input.layout", given.layout, LAYOUTS),
            ("output.activation", bundle.activation, ACTIVATIONS),
        )
        if value not in known
    ]
    problems += _input_problems(given)
    if bundle.top_k < 1:
        problems.append("output.top_k must not be 0")
    inside = (bundle.folder / bundle.file).resolve()
    if not inside.is_relative_to(bundle.folder.resolve()) or not inside.exists():
        problems.append(f"file {bundle.file!r} is not in the bundle")
    if not bundle.labels and bundle.task != "embedding":
        problems.append("labels.txt is empty")
    problems += unknown_labels(bundle.thresholds, bundle.labels)
    if problems:
        raise ConfigError(f"model bundle {bundle.folder}: " + "; ".join(problems))


def _input_problems(given: Input) -> list[str]:
    problems = []
    if given.channels not in (1, 3):
        problems.append(f"input.channels is {given.channels}, use 1 or 3")
    for name, values in (("mean", given.mean), ("std", given.std)):
        if len(values) != given.channels:
            problems.append(f"input.{name} has {len(values)} values for {given.channels} channels")
    if given.resize == "glyph" and given.shape != (1, 28, 28, 1):
        problems.append("input.resize glyph gives 28x28x1")
    if min(given.width, given.height) < 1 or 0.0 in given.std:
        problems.append("input.width, input.height and input.std must not be 0")
    if not 0 < given.keep <= 1:
        problems.append(f"input.keep is {given.keep}, it is a share above 0, of 1 at most")
    return problems


def unknown_labels(thresholds: Thresholds, labels: tuple[str, ...]) -> list[str]:
    """What is wrong with thresholds for these labels."""
    return [
        f"thresholds name {label!r}, labels.txt does not" for label in thresholds
        if label not in labels
    ]  # fmt: skip


def digest(contents: Iterable[tuple[str, str]]) -> str:
    """Over the sorted (path, SHA-256 of content) pairs: a folder and a zip of it agree."""
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(contents))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def _contents(folder: Path) -> Iterable[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            yield path.relative_to(folder).as_posix(), sha256
