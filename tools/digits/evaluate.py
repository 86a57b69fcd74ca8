"""How often the digits are told right: MNIST's own test set, and the same digits pasted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from fanlight.cores import cores
from fanlight.errors import Rejected
from tools.digits.data import Mnist
from tools.digits.pasted import Image, pasted

Classify = Callable[[bytes], int]
"""An encoded image -> the digit. Called from several threads at once."""

Progress = Callable[[int, int], None]
"""Called with how many are done, of how many."""


@dataclass(frozen=True)
class Accuracy:
    """Counts, so that nothing is lost in rounding."""

    test_right: int
    pasted_right: int
    images: int

    @property
    def test(self) -> float:
        """The share of plain test digits told right."""
        return self.test_right / self.images

    @property
    def pasted(self) -> float:
        """The share of pasted test digits told right."""
        return self.pasted_right / self.images


def evaluate(
    classify: Classify,
    data: Mnist,
    *,
    images: int | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Accuracy:
    """Classify the first `images` test digits (all by default), plain as PNG and pasted as JPEG.

    Digit i is pasted with seed i, so the set is the same wherever it is made.
    """
    count = len(data.test_images) if images is None else min(images, len(data.test_images))
    right = {"test": 0, "pasted": 0}
    done = 0
    with ThreadPoolExecutor(threads or cores()) as pool:
        for name, encode in (("test", encode_png), ("pasted", pasted)):
            for hit in pool.map(partial(_is_right, classify, encode, data), range(count)):
                right[name] += hit
                done += 1
                if progress:
                    progress(done, 2 * count)
    return Accuracy(right["test"], right["pasted"], count)


def _is_right(
    classify: Classify, encode: Callable[[Image, int], bytes], data: Mnist, index: int
) -> bool:
    encoded = encode(data.test_images[index], index)
    try:
        return classify(encoded) == int(data.test_labels[index])
    except Rejected:  # no digit was found, and there is one
        return False


def encode_png(image: Image, _seed: int = 0) -> bytes:
    """A digit as a greyscale PNG, nothing lost, whatever the seed."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(image))
    return data.tobytes()
