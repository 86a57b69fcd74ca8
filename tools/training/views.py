"""One picture as other cameras would have taken it: nearer, turned, mirrored, in other light."""

import cv2
import numpy as np

from fanlight.bundle import Input
from fanlight.image import Pixels

_ROOM = 1.25
"""Pictures are first shrunk to so many times a view's size: warping alone would alias."""
_AREA = (0.6, 1.0)
"""Share of the picture's area that a view shows. Source of the form: Szegedy et al.,
Going Deeper with Convolutions (2015), arXiv:1409.4842, section 6; milder than
theirs, 0.08 to 1: what names a class often fills the picture."""
_ASPECT = (3 / 4, 4 / 3)
"""Width by height of that part. The same source."""
_TURN = 10.0
"""Degrees, either way."""
_LIGHT = 0.3
"""Brightness, contrast and saturation change by up to this share."""
_TINT = 0.1
"""Each of red, green and blue by up to this share, by itself."""


def view(pixels: Pixels, spec: Input, random: np.random.Generator) -> Pixels:
    """A changed copy, of the size of which `to_tensor` keeps exactly `spec` (`crop`).

    Channels stay as they are, grey, RGB or RGBA; every draw comes from `random`.
    """
    width, height = round(spec.width / spec.keep), round(spec.height / spec.keep)
    moved = _moved(_shrunk(pixels, max(width, height)), width, height, random)
    colours = moved[..., :3].astype(np.float32) if moved.ndim == 3 else moved.astype(np.float32)
    lit = np.clip(_lit(colours, random), 0, 255).astype(np.uint8)
    return np.dstack([lit, moved[..., 3:]]) if moved.ndim == 3 else lit


def _shrunk(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = _ROOM * side / min(height, width)
    if scale >= 1:
        return pixels
    size = round(width * scale), round(height * scale)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _moved(pixels: Pixels, width: int, height: int, random: np.random.Generator) -> Pixels:
    """A part of the picture, turned and perhaps mirrored, as width x height."""
    rows, columns = pixels.shape[:2]
    area = random.uniform(*_AREA) * rows * columns
    aspect = float(np.exp(random.uniform(*np.log(_ASPECT))))
    across = min(columns, float(np.sqrt(area * aspect)))
    down = min(rows, float(np.sqrt(area / aspect)))
    centre = np.array([
        random.uniform(across / 2, columns - across / 2),
        random.uniform(down / 2, rows - down / 2),
    ])  # fmt: skip
    turn = np.deg2rad(random.uniform(-_TURN, _TURN))
    mirror = -1.0 if random.random() < 0.5 else 1.0
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = turned @ np.diag([mirror * across / width, down / height])
    offset = centre - matrix @ [(width - 1) / 2, (height - 1) / 2]
    out = cv2.warpAffine(
        pixels, np.column_stack([matrix, offset]), (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return out.astype(np.uint8, copy=False)


def _lit(
    colours: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", random: np.random.Generator
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """Other brightness and contrast; colour pictures get another saturation and tint too."""
    brightness, contrast, saturation = random.uniform(1 - _LIGHT, 1 + _LIGHT, 3)
    tint = random.uniform(1 - _TINT, 1 + _TINT, 3)
    if colours.ndim == 3:
        grey = colours.mean(axis=2, keepdims=True)
        colours = (grey + (colours - grey) * saturation) * tint
    middle = colours.mean()
    out: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = (
        (colours - middle) * contrast + middle
    ) * brightness
    return out
