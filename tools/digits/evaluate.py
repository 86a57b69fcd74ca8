"""How often the digits are told right: MNIST's own test set, and the same digits pasted."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2

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
    total = min(images or len(data.test_images), len(data.test_images))
    done = 0

    def count(encode: Callable[[Image, int], bytes]) -> int:
        nonlocal done
        right = 0

        def one(index: int) -> bool:
            data_, label = encode(data.test_images[index], index), int(data.test_labels[index])
            return classify(data_) == label

        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            for hit in pool.map(one, range(total)):
                right += hit
                done += 1
                if progress:
                    progress(done, 2 * total)
        return right

    return Accuracy(count(lambda image, _: encode_png(image)), count(pasted), total)


def encode_png(image: Image) -> bytes:
    """A digit as a greyscale PNG, nothing lost."""
    done, data = cv2.imencode(".png", image)
    assert done  # noqa: S101 - 28 x 28 bytes always encode
    return data.tobytes()
