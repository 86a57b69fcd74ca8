"""Pictures to measure with, made here: a file that is the same everywhere, of any size."""

import cv2
import numpy as np
import numpy.typing as npt

QUALITY = 88
"""Of JPEGs; with the grain this gives 2 to 3 bits a pixel, as cameras write."""


def photo(width: int, height: int, *, seed: int = 5, progressive: bool = False) -> bytes:
    """A JPEG with large shapes, fine detail and noise, as a photograph has: RGB, 4:2:0."""
    how = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    done, data = cv2.imencode(".jpg", _scene(width, height, seed), how)
    assert done  # noqa: S101 - for the type checker
    return data.tobytes()


def _scene(width: int, height: int, seed: int) -> npt.NDArray[np.uint8]:
    """Noise at three scales, the largest strongest: natural pictures have less, the finer it is."""
    random = np.random.default_rng(seed)
    scene = np.full((height, width, 3), 128, np.float32)
    for cells, strength in ((6, 55), (60, 25), (600, 8)):
        down, across = max(2, cells * height // max(width, height)), max(2, cells)
        noise = random.normal(0, strength, (down, across, 3)).astype(np.float32)
        scene += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = random.integers(-9, 10, (height, width, 1), np.int16)
    pixels: npt.NDArray[np.uint8] = np.clip(scene + grain, 0, 255).astype(np.uint8)
    return pixels
