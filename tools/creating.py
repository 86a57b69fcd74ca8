"""A model file of one's own as a bundle: what it shows is read, the rest has to be said."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fanlight import backends
from fanlight.backends import Backend
from fanlight.bundle import SCHEMA
from fanlight.errors import ConfigError
from tools.tflite_metadata import Metadata, read_metadata

PIXELS = {
    "0..1": ([0.0], [255.0]),
    "-1..1": ([127.5], [127.5]),
    "0..255": ([0.0], [1.0]),
    "imagenet": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}
"""How pixels go in: mean and std. `imagenet` is torchvision's, for channels in the order RGB."""

_SPREADS = (1, 2, 4, 8)
"""Standard deviations of random inputs: what looks like shares for one may not for another."""


@dataclass(frozen=True)
class Said:
    """What the user says; None or empty where it is to be read from the file."""

    name: str
    version: str = "1.0.0"
    task: str = "classification"
    labels: tuple[str, ...] | None = None
    pixels: str | None = None
    resize: str = "crop"
    keep: float = 1.0
    order: str = "rgb"
    layout: str | None = None
    activation: str | None = None
    size: tuple[int, int] | None = None
    top_k: int = 5
    scores: str | None = None
    embedding: str | None = None
    thresholds: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    source: str = ""


def describe(file: Path, said: Said) -> tuple[dict[str, Any], tuple[str, ...]]:
    """model.json and the labels for `file`; ConfigError names the option that is missing."""
    form = format_of(file)
    backend = _loaded(form, file)
    metadata = _metadata(file) if form == "litert" else Metadata()
    layout, width, height, channels = _geometry(backend.input_shape, said)
    mean, std = _normalisation(said, metadata, channels)
    labels = said.labels or metadata.labels or ()
    if not labels and said.task != "embedding":
        raise ConfigError(f"{file.name} does not hold its labels; give --labels FILE")
    shape = (1, channels, height, width) if layout == "nchw" else (1, height, width, channels)
    output: dict[str, Any] = {
        "activation": said.activation or _activation(backend, shape, len(labels), said),
        "top_k": min(said.top_k, max(len(labels), 1)),
    }
    for key, value in (("scores", said.scores), ("embedding", said.embedding),
                       ("thresholds", said.thresholds)):  # fmt: skip
        if value:
            output[key] = value
    document = {
        "schema": SCHEMA, "name": said.name, "version": said.version, "task": said.task,
        "format": form, "file": file.name,
        "input": {
            "width": width, "height": height, "channels": channels, "order": said.order,
            "layout": layout, "resize": said.resize, "keep": said.keep, "mean": mean, "std": std,
        },
        "output": output, "licence": said.licence, "source": said.source,
    }  # fmt: skip
    return document, labels


def format_of(file: Path) -> str:
    """The back end for a file, by what it is; ConfigError for what none of them reads."""
    if file.is_dir() and (file / "saved_model.pb").is_file():
        return "tensorflow"
    known = {".tflite": "litert", ".onnx": "onnx"}
    if file.is_file() and file.suffix.lower() in known:
        return known[file.suffix.lower()]
    raise ConfigError(
        f"{file} is no model: name a .tflite file, an .onnx file or a SavedModel's folder "
        "(it has a saved_model.pb)"
    )


def _loaded(form: str, file: Path) -> Backend:
    try:
        return backends.load(form, file, 1)
    except ImportError as error:
        raise ConfigError(f"{file.name} needs the package {error.name}; install it") from None
    except Exception as error:  # noqa: BLE001 - each library raises errors of its own
        raise ConfigError(f"{file.name} cannot be loaded: {error}") from None


def _metadata(file: Path) -> Metadata:
    try:
        return read_metadata(file.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{file.name}: {error}") from None


def _geometry(shape: tuple[int | None, ...], said: Said) -> tuple[str, int, int, int]:
    """Layout, width, height and channels; the channels are the axis with 1 or 3 of them."""
    if len(shape) != 4:
        raise ConfigError(f"its input is {shape}; a picture has four axes")
    last, first = shape[3] in (1, 3), shape[1] in (1, 3)
    if said.layout is None and last == first:
        raise ConfigError(f"its input is {shape}; say where the channels are: --layout nhwc|nchw")
    layout = said.layout or ("nhwc" if last else "nchw")
    channels, height, width = (
        (shape[1], shape[2], shape[3]) if layout == "nchw" else (shape[3], shape[1], shape[2])
    )
    if said.size:
        width, height = said.size
    if width is None or height is None:
        raise ConfigError(f"its input is {shape}, of any size; choose one: --size 224x224")
    if channels not in (1, 3):
        raise ConfigError(f"its input is {shape} as {layout}; pictures have 1 or 3 channels")
    return layout, width, height, channels


def _normalisation(
    said: Said, metadata: Metadata, channels: int
) -> tuple[list[float], list[float]]:
    if said.pixels:
        mean, std = PIXELS[said.pixels]
    elif metadata.mean and metadata.std:
        mean, std = list(metadata.mean), list(metadata.std)
    else:
        raise ConfigError(
            "how pixels go in cannot be read from the file; give --pixels, one of "
            f"{', '.join(PIXELS)}: what the network was trained with"
        )
    if said.order == "bgr":
        mean, std = mean[::-1], std[::-1]
    if len(mean) not in (1, channels) or len(std) not in (1, channels):
        raise ConfigError(f"--pixels {said.pixels}: the network has {channels} channel")
    return mean * (channels // len(mean)), std * (channels // len(std))


def _activation(backend: Backend, shape: tuple[int, ...], classes: int, said: Said) -> str:
    """`softmax` when outputs are shares already, for some random inputs; else `logits`."""
    values = np.random.default_rng(0)
    for spread in _SPREADS:
        try:
            outputs = backend.run(values.normal(0, spread, shape).astype(np.float32))
        except Exception as error:  # noqa: BLE001 - each library raises errors of its own
            raise ConfigError(f"the network does not run on {shape}: {error}") from None
        likely = [
            tensor for name, tensor in outputs.items()
            if (tensor.size == classes if said.scores is None else name == said.scores)
        ]  # fmt: skip
        if any(tensor.min() < -1e-3 or tensor.max() > 1 + 1e-3 for tensor in likely):
            return "logits"
    return "softmax"
