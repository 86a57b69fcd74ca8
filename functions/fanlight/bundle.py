"""A model bundle: a folder with `model.json`, the model file and `labels.txt`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fanlight.digest import digest_of
from fanlight.errors import ConfigError
from fanlight.thresholds import Thresholds, read_thresholds, unknown_labels

SCHEMA = "fanlight.model/1"
TASKS = ("classification", "moderation", "embedding")
FORMATS = ("litert", "tensorflow", "onnx")
RESIZES = ("stretch", "fit", "crop", "glyph")
ACTIVATIONS = ("softmax", "logits")
ORDERS = ("rgb", "bgr")
LAYOUTS = ("nhwc", "nchw")

MOST_SIDE = 4096
"""Pixels of the network's input, along a side."""

MOST_CLASSES = 1000
"""That a result may name: `top_k` at the most."""

_LEAST_KEEP = 0.01
_FAR = 1e6
"""What no mean or std of pixels comes near: `(pixel - mean) / std` stays a number."""


@dataclass(frozen=True)
class Input:
    """What the network expects: float32, (pixel - mean) / std, one picture.

    `width`, `height`: pixels. `channels`: 1, grey, or 3, in the `order` rgb or bgr. `layout`: nhwc
    or nchw. `resize`: `stretch` to size; `fit` inside and pad; `crop` the middle; `glyph` finds one
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
class Bundle:
    """A bundle's description. `digest` names its exact content, `sha256:...`.

    `task`, `format`, `activation`: of TASKS, FORMATS, ACTIVATIONS. `file`: the network's, below
    `folder`. `top_k`: how many classes a result names. `labels`: in the order of the scores.
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
            problems = _problems(bundle)
        except OSError as error:
            raise ConfigError(
                f"model bundle {folder}: {error.strerror}: {error.filename}"
            ) from None
        except KeyError as error:
            raise ConfigError(f"model bundle {folder}: model.json has no {error.args[0]}") from None
        except (ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
            raise ConfigError(f"model bundle {folder}: model.json: {error}") from None
        if problems:
            raise ConfigError(f"model bundle {folder}: " + "; ".join(problems))
        return bundle


def _labels(folder: Path, *, required: bool) -> tuple[str, ...]:
    path = folder / "labels.txt"
    if not required and not path.exists():
        return ()
    return tuple(path.read_text("utf-8-sig").splitlines())


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
        top_k=_whole({"top_k": 1, **output}, "top_k"),
        labels=labels,
        digest=digest_of(folder),
        scores=_name(output, "scores"),
        embedding=_name(output, "embedding"),
        thresholds=read_thresholds(output.get("thresholds")) if task == "moderation" else {},
        licence=str(document.get("licence", "")),
        source=str(document.get("source", "")),
    )


def _name(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}, not the name of an output")
    return value


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given[name]
    if type(value) is not int:
        raise ValueError(f"{name} is {value!r}, not a whole number")
    return value


def _numbers(given: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = given[name]
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise ValueError(f"{name} is {values!r}, not a list of numbers")
    return tuple(map(float, values))


def _input(given: dict[str, Any]) -> Input:
    return Input(
        width=_whole(given, "width"),
        height=_whole(given, "height"),
        channels=_whole(given, "channels"),
        resize=str(given["resize"]),
        mean=_numbers(given, "mean"),
        std=_numbers(given, "std"),
        keep=float(given.get("keep", 1)),
        order=str(given.get("order", "rgb")),
        layout=str(given.get("layout", "nhwc")),
    )


def _problems(bundle: Bundle) -> list[str]:
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
    if not 1 <= bundle.top_k <= MOST_CLASSES:
        problems.append(f"output.top_k is {bundle.top_k}, use 1 to {MOST_CLASSES}")
    inside = os.path.realpath(bundle.folder / bundle.file)
    # A Path would raise for a name that is too long to be one.
    there = os.path.exists(inside)  # noqa: PTH110
    if not there or not Path(inside).is_relative_to(bundle.folder.resolve()):
        problems.append(f"file {bundle.file!r} is not in the bundle")
    if not bundle.labels and bundle.task != "embedding":
        problems.append("labels.txt is empty")
    if len(set(bundle.labels)) != len(bundle.labels) or not all(map(str.strip, bundle.labels)):
        problems.append("labels.txt has an empty line, or one label twice")
    problems += unknown_labels(bundle.thresholds, bundle.labels)
    return problems


def _input_problems(given: Input) -> list[str]:
    problems = []
    if given.channels not in (1, 3):
        problems.append(f"input.channels is {given.channels}, use 1 or 3")
    for name, values in (("mean", given.mean), ("std", given.std)):
        if len(values) != given.channels:
            problems.append(f"input.{name} has {len(values)} values for {given.channels} channels")
    if given.resize == "glyph" and given.shape != (1, 28, 28, 1):
        problems.append("input.resize glyph gives 28x28x1")
    if not 1 <= min(given.width, given.height) <= max(given.width, given.height) <= MOST_SIDE:
        problems.append(f"input.width and input.height must be 1 to {MOST_SIDE}")
    if not all(abs(value) < _FAR for value in given.mean):
        problems.append("input.mean must be numbers a pixel can have")
    if not all(1 / _FAR < abs(value) < _FAR for value in given.std):
        problems.append("input.std must be numbers, and not 0")
    if not _LEAST_KEEP <= given.keep <= 1:
        problems.append(f"input.keep is {given.keep}, it is a share from {_LEAST_KEEP} to 1")
    return problems
