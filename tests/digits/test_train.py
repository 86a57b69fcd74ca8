import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fanlight.glyph import find_glyph
from tools.commands.model_train import classifier
from tools.digits.augment import augmented
from tools.digits.data import Mnist


def digits(count: int, seed: int) -> Mnist:
    """Ones and zeros, drawn."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.uint8)
    images = np.zeros((count, 28, 28), np.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        width, thick = int(random.integers(5, 8)), int(random.integers(2, 4))
        if label:
            cv2.line(image, (14, 5), (14, 23), (255,), thick)
        else:
            cv2.ellipse(image, (14, 14), (width, 8), 0, 0, 360, (255,), thick)
    return Mnist(images, labels, images[:40], labels[:40])


def through_tensorflow(bundle: Path) -> Callable[[bytes], int]:
    """Classify with a SavedModel by TensorFlow's own means."""
    import tensorflow as tf

    model = tf.saved_model.load(str(bundle / "saved_model"))

    def classify(data: bytes) -> int:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert pixels is not None
        glyph = find_glyph(pixels.astype(np.uint8, copy=False))
        (scores,) = model.signatures["serving_default"](
            tf.constant(glyph[None, ..., None])
        ).values()
        return int(np.argmax(scores.numpy()))

    return classify


@pytest.mark.tensorflow
def test_trains_measures_and_writes_both_bundles(tmp_path: Path) -> None:
    """Training learns two easy digits, says how far it is, and measures both bundles."""
    pytest.importorskip("tensorflow")
    from tools.digits.train import train

    said: list[str] = []
    data = digits(512, seed=1)

    def load(bundle: Path) -> Callable[[bytes], int]:
        return classifier(bundle) if bundle.name == "digits" else through_tensorflow(bundle)

    accuracy = train(tmp_path, load, data=data, epochs=8, found=64, say=said.append)

    assert accuracy.test > 0.9
    assert sum(line.startswith("epoch ") for line in said) == 8
    assert (tmp_path / "digits" / "digits.tflite").stat().st_size < 500_000
    measured = [
        json.loads((tmp_path / name / "model.json").read_text())["measured"]
        for name in ("digits", "digits-savedmodel")
    ]
    assert measured[0]["images"] == len(data.test_images)
    assert measured[0] == measured[1]


def test_augmenting_keeps_the_range_and_the_seed() -> None:
    """Changed copies stay within 0..1, differ from the originals, and follow from the seed."""
    images = digits(20, seed=2).train_images.astype(np.float32) / np.float32(255)

    once, again = (augmented(images, np.random.default_rng(7)) for _ in range(2))

    np.testing.assert_array_equal(once, again)
    assert once.shape == images.shape
    assert once.dtype == np.float32
    assert 0 <= float(once.min()) <= float(once.max()) <= 1 + 1e-6
    assert float(np.abs(once - images).mean()) > 0.01
