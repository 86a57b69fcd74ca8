import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fanlight.config import Limits
from fanlight.model import Model
from tools.commands.model import classifier
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


@pytest.mark.tensorflow
def test_trains_measures_and_writes_both_bundles(tmp_path: Path) -> None:
    """Training learns two easy digits, says how far it is, and both bundles load and agree."""
    pytest.importorskip("tensorflow")
    from tools.digits.train import train

    said: list[str] = []
    data = digits(512, seed=1)

    accuracy = train(tmp_path, classifier, data=data, epochs=8, found=64, say=said.append)

    assert accuracy.test > 0.9
    assert sum(line.startswith("epoch ") for line in said) == 8
    size = (tmp_path / "digits" / "digits.tflite").stat().st_size
    assert size < 500_000
    litert, saved = (Model.load(tmp_path / name) for name in ("digits", "digits-savedmodel"))
    for bundle in ("digits", "digits-savedmodel"):
        document = json.loads((tmp_path / bundle / "model.json").read_text())
        assert document["measured"]["images"] == 40
    image = cv2.imencode(".png", data.test_images[0])[1].tobytes()
    one, other = (model.classify(image, Limits(), 10)[1] for model in (litert, saved))
    assert [p.index for p in one][:1] == [p.index for p in other][:1]
    np.testing.assert_allclose(one[0].score, other[0].score, atol=0.01)


def test_augmenting_keeps_the_range_and_the_seed() -> None:
    """Changed copies stay within 0..1, differ from the originals, and follow from the seed."""
    images = digits(20, seed=2).train_images.astype(np.float32) / np.float32(255)

    once, again = (augmented(images, np.random.default_rng(7)) for _ in range(2))

    np.testing.assert_array_equal(once, again)
    assert once.shape == images.shape
    assert once.dtype == np.float32
    assert 0 <= float(once.min()) <= float(once.max()) <= 1 + 1e-6
    assert float(np.abs(once - images).mean()) > 0.01
