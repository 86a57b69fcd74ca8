"""Pixels into the tensor a network expects, as its bundle describes it."""

import cv2
import numpy as np
import numpy.typing as npt

from fanlight.bundle import Input
from fanlight.errors import Rejected
from fanlight.glyph import find_glyph
from fanlight.image import Pixels

Tensor = npt.NDArray[np.float32]

GLYPH_SIDE = 1000
"""A glyph may be a small part of its picture, so less is thrown away while loading."""


def min_side(spec: Input) -> int:
    """The shorter side, in pixels, that decoding must leave: twice the input, to oversample it."""
    if spec.resize == "glyph":
        return GLYPH_SIDE
    return round(2 * max(spec.width, spec.height) / spec.keep)


def to_tensor(pixels: Pixels, spec: Input) -> Tensor:
    """float32 of `spec.shape`; Rejected where there is nothing to look at."""
    if spec.resize == "glyph":
        image: Tensor = find_glyph(pixels)
        if not image.any():
            raise Rejected("nothing_found", "there is no character in the picture")
    else:
        flat = _as_channels(_on_white(pixels), spec.channels)
        image = _resized(_middle(flat, spec), spec).astype(np.float32)
    shaped = image.reshape(1, spec.height, spec.width, spec.channels)
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)
    if spec.order == "bgr":
        shaped = shaped[..., ::-1]
    tensor = (shaped - mean) / std
    return np.ascontiguousarray(
        tensor.transpose(0, 3, 1, 2) if spec.layout == "nchw" else tensor, np.float32
    )


def _on_white(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    blended = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return blended.astype(np.uint8)


def _as_channels(pixels: Pixels, channels: int) -> Pixels:
    if channels == 1 and pixels.ndim == 3:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    if channels == 3 and pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)
    return pixels


def _middle(pixels: Pixels, spec: Input) -> Pixels:
    """What is looked at: `crop` has the network's proportions, and both keep `spec.keep` of it."""
    height, width = pixels.shape[:2]
    if spec.resize == "crop":
        scale = max(spec.width / width, spec.height / height)
        across, down = spec.width / scale, spec.height / scale
    elif spec.resize == "stretch":
        across, down = width, height
    else:
        return pixels
    keep_w = min(width, max(1, round(across * spec.keep)))
    keep_h = min(height, max(1, round(down * spec.keep)))
    x, y = (width - keep_w) // 2, (height - keep_h) // 2
    return pixels[y : y + keep_h, x : x + keep_w]


def _resized(pixels: Pixels, spec: Input) -> Pixels:
    height, width = pixels.shape[:2]
    if spec.resize == "fit":
        scale = min(spec.width / width, spec.height / height)
        to_w, to_h = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = np.full((spec.height, spec.width, *pixels.shape[2:]), 255, np.uint8)
        x, y = (spec.width - to_w) // 2, (spec.height - to_h) // 2
        canvas[y : y + to_h, x : x + to_w] = _scale(pixels, to_w, to_h)
        return canvas
    return _scale(pixels, spec.width, spec.height)


def _scale(pixels: Pixels, width: int, height: int) -> Pixels:
    shrinking = pixels.shape[0] >= height and pixels.shape[1] >= width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.uint8, copy=False)
