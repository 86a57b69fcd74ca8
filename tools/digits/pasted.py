"""Digits as they are met outside MNIST: anywhere on a larger sheet, in colour, lit unevenly."""

import cv2
import numpy as np
import numpy.typing as npt

CANVAS = (240, 900)
"""Sides of the sheet in pixels, from and to, both included."""

DIGIT = (40, 400)
"""Side of the pasted 28 x 28 tile in pixels, from and to, both included."""

LIGHT = (0.75, 1.0)
DARK = (0.0, 0.3)
"""Brightness of paper and ink, one of them light and the other dark, from 0 to 1."""
GRADIENT = 0.13
"""By how much of itself the light falls from one side of the sheet to the other."""

NOISE = 4.0
"""Standard deviation of the noise, of 255."""

QUALITY = 88
"""Of the JPEG, as OpenCV counts it, to 100."""

Image = npt.NDArray[np.uint8]


def pasted(
    image: Image, seed: int, *, canvas: tuple[int, int] = CANVAS, digit: tuple[int, int] = DIGIT
) -> bytes:
    """Paste one 28 x 28 digit, light on black, on a sheet of its own; return a JPEG.

    Everything random comes from `seed`, so that one picture of a set can be made alone.
    """
    return encode_jpeg(paste(image, seed, canvas=canvas, digit=digit))


def paste(
    image: Image, seed: int, *, canvas: tuple[int, int] = CANVAS, digit: tuple[int, int] = DIGIT
) -> Image:
    """As `pasted`, but the RGB pixels, before JPEG has been at them."""
    random = np.random.default_rng(seed)
    width, height = (int(side) for side in random.integers(canvas[0], canvas[1] + 1, 2))
    size = int(random.integers(digit[0], min(digit[1], width, height) + 1))
    left = int(random.integers(0, width - size + 1))
    top = int(random.integers(0, height - size + 1))
    light, dark = random.uniform(*LIGHT, 3), random.uniform(*DARK, 3)
    paper, ink = (light, dark) if random.integers(2) else (dark, light)
    ramp = _ramp(width, height, float(random.uniform(0, 2 * np.pi)))

    tile = cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)
    alpha = np.zeros((height, width), np.float32)
    alpha[top : top + size, left : left + size] = tile.astype(np.float32) / 255
    sheet = np.empty((height, width, 3), np.float32)
    for channel in range(3):
        flat = paper[channel] + alpha * (ink[channel] - paper[channel])
        sheet[:, :, channel] = flat * ramp * 255
    sheet += NOISE * random.standard_normal(sheet.shape, np.float32)
    return np.clip(np.rint(sheet), 0, 255).astype(np.uint8)


def encode_jpeg(pixels: Image) -> bytes:
    """Compress RGB pixels the way the set is defined."""
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def _ramp(width: int, height: int, angle: float) -> npt.NDArray[np.float32]:
    """Light over the sheet: 1 at the brightest corner, 1 - GRADIENT at the darkest."""
    x, y = np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height)
    across = np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None]
    across = (across - across.min()) / (across.max() - across.min())
    return np.asarray(1 - GRADIENT * across, np.float32)
