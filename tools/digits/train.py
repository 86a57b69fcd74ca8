"""Train the digits model, measure it and write its bundles."""

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fanlight.cores import cores
from fanlight.glyph import find_glyph
from tools.digits.augment import augmented
from tools.digits.data import Mnist, load_mnist
from tools.digits.evaluate import Accuracy, Classify, evaluate
from tools.digits.pasted import paste

Floats = npt.NDArray[np.float32]
Say = Callable[[str], None]
Load = Callable[[Path], Classify]
"""A bundle's folder -> what classifies with it, through the pipeline that is deployed."""

EPOCHS = 14
BATCH = 128
PEAK_RATE = 2e-3
"""AdamW's learning rate after a tenth of the steps; it begins at a twentieth of that."""
FOUND = 8_000
"""So many training digits are also seen as `find_glyph` gives them back from a sheet."""

VERSION = "1.0.0"
SOURCE = (
    "Trained by tools/digits/train.py on the MNIST training set "
    "(Y. LeCun, C. Cortes, C. J. C. Burges)."
)


def _print(line: str) -> None:
    print(line, flush=True)


def train(  # noqa: PLR0913 - all but two are settings with defaults
    out: Path,
    load: Load,
    *,
    seed: int = 1,
    data: Mnist | None = None,
    epochs: int = EPOCHS,
    found: int = FOUND,
    say: Say = _print,
) -> Accuracy:
    """Train, measure, and write `out/digits` (LiteRT) and `out/digits-savedmodel`.

    Returns what the LiteRT bundle gets right; each bundle's `model.json` has its own figures.
    Two runs with one seed on one machine agree; on another kind of processor, nearly.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow logs harmless errors
    import keras
    import tensorflow as tf

    data = data or load_mnist()
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    started = time.monotonic()
    images: Floats = data.train_images.astype(np.float32) / np.float32(255)
    picked = np.random.default_rng(seed).permutation(len(images))[:found]
    images = np.concatenate([images, found_on_sheets(data.train_images[picked], seed)])
    labels = np.concatenate([data.train_labels, data.train_labels[picked]]).astype(np.int64)
    say(f"{len(images)} glyphs, {found} of them found on sheets, {_since(started)}")

    network = _network(keras, epochs * -(-len(images) // BATCH))
    random = np.random.default_rng(seed)
    for epoch in range(epochs):
        seen = augmented(images, random) if epoch < epochs - 1 else images
        history = network.fit(seen[..., None], labels, batch_size=BATCH, verbose=0).history
        say(
            f"epoch {epoch + 1}/{epochs}: loss {history['loss'][0]:.4f}, "
            f"accuracy {history['accuracy'][0]:.4f}, {_since(started)}"
        )
    return _write(out, network, load, data, say)


def found_on_sheets(images: npt.NDArray[np.uint8], seed: int) -> Floats:
    """What `find_glyph` gives back of each image pasted on a (small, so quick) sheet."""

    def one(index: int) -> Floats:
        # Seeds of their own: the test set's are 0 to 9,999.
        sheet = paste(images[index], (seed << 32) + 10_000 + index, canvas=(120, 300))
        return find_glyph(sheet)

    with ThreadPoolExecutor(cores()) as pool:
        found = list(pool.map(one, range(len(images))))
    return np.stack(found) if found else np.zeros((0, 28, 28), np.float32)


def _network(keras: Any, steps: int) -> Any:
    """Six convolutions, some 70,000 weights."""
    layers = keras.layers
    network = keras.Sequential([keras.Input((28, 28, 1))])
    for width in (16, 32, 64):
        if width > 16:
            network.add(layers.MaxPooling2D())
        for _ in range(2):
            network.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            network.add(layers.BatchNormalization(momentum=0.9))
            network.add(layers.ReLU())
    network.add(layers.GlobalAveragePooling2D())
    network.add(layers.Dropout(0.2))
    network.add(layers.Dense(10, activation="softmax"))
    rate = keras.optimizers.schedules.CosineDecay(
        PEAK_RATE / 20, steps, warmup_target=PEAK_RATE, warmup_steps=steps // 10
    )
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return network


def _write(out: Path, network: Any, load: Load, data: Mnist, say: Say) -> Accuracy:
    litert, saved = out / "digits", out / "digits-savedmodel"
    for bundle in (litert, saved):
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.mkdir(parents=True)
        (bundle / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    network.export(saved / "saved_model", verbose=False)
    (litert / "digits.tflite").write_bytes(_to_litert(saved / "saved_model"))
    _describe(saved, _document("tensorflow", "saved_model"))
    _describe(litert, _document("litert", "digits.tflite"))
    accuracy = _measure(litert, load, data, say)
    _measure(saved, load, data, say)
    return accuracy


def _to_litert(saved: Path) -> bytes:
    """Weights as float16: half the size, and the scores differ in the fourth place."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def _measure(bundle: Path, load: Load, data: Mnist, say: Say) -> Accuracy:
    """Add the figures to a bundle that is otherwise complete."""
    accuracy = evaluate(load(bundle), data)
    document = json.loads((bundle / "model.json").read_text())
    document["measured"] = {
        "test_accuracy": accuracy.test,
        "pasted_accuracy": accuracy.pasted,
        "images": accuracy.images,
    }
    _describe(bundle, document)
    say(f"{bundle}: {accuracy.test:.2%} of the test set, {accuracy.pasted:.2%} of the pasted set")
    return accuracy


def _describe(bundle: Path, document: dict[str, Any]) -> None:
    (bundle / "model.json").write_text(json.dumps(document, indent=2) + "\n")


def _document(form: str, file: str) -> dict[str, Any]:
    return {
        "schema": "fanlight.model/1",
        "name": "digits",
        "version": VERSION,
        "task": "classification",
        "format": form,
        "file": file,
        "input": {
            "width": 28,
            "height": 28,
            "channels": 1,
            "resize": "glyph",
            "mean": [0.0],
            "std": [1.0],
            "polarity": "light-on-dark",
        },
        "output": {"activation": "softmax", "top_k": 3},
        "licence": "Apache-2.0",
        "source": SOURCE,
    }


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"
