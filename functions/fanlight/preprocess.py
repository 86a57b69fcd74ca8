"""Pixels into the tensor a network expects, as its bundle describes it."""

import cv2
import numpy as np
import numpy.typing as npt

from fanlight.bundle import Input
from fanlight.errors import Rejected
from fanlight.glyph import find_glyph
from fanlight.image import Pixels

Tensor = npt.NDArray[np.float32]

OVERSAMPLING = 2.9
"""Pixels that decoding leaves for each one of the network's, along a side.

They are rounded to 8 bits, which matters less the more of them are averaged. With 2.9 a photograph
of 12 megapixels, 4000 x 3000, still comes down to a quarter for 224 pixels cut from 256."""

GLYPH_SIDE = 1000
"""A glyph may be a small part of its picture, so less is thrown away while loading."""


def min_side(spec: Input) -> int:
    """The shorter side, in pixels, that decoding must leave, so that the input is oversampled.

    `to_tensor` does to what was decoded in full what decoding may have done to a JPEG: it averages
    squares of 2, 4, 8, ... pixels as long as this side is left. So a picture has one answer,
    however it was stored and decoded.
    """
    if spec.resize == "glyph":
        return GLYPH_SIDE
    return round(OVERSAMPLING * max(spec.width, spec.height) / spec.keep)


def to_tensor(pixels: Pixels, spec: Input) -> Tensor:
    """float32 of `spec.shape`; Rejected where there is nothing to look at."""
    if spec.resize == "glyph":
        image: Tensor = find_glyph(pixels)
        if not image.any():
            raise Rejected("nothing_found", "there is no character in the picture")
    else:
        flat = _as_channels(on_white(pixels), spec.channels)
        fold = _fold(min(flat.shape[:2]), min_side(spec))
        image = _resized(_middle(_means(flat, fold, fold), spec), spec)
    shaped = image.reshape(1, spec.height, spec.width, spec.channels)
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)
    if spec.order == "bgr":
        shaped = shaped[..., ::-1]
    tensor = (shaped - mean) / std
    return np.ascontiguousarray(
        tensor.transpose(0, 3, 1, 2) if spec.layout == "nchw" else tensor, np.float32
    )


def on_white(pixels: Pixels) -> Pixels:
    """The pixels without their alpha, if they have one: what is transparent is white."""
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


def _resized(pixels: Pixels, spec: Input) -> Tensor:
    height, width = pixels.shape[:2]
    if spec.resize == "fit":
        scale = min(spec.width / width, spec.height / height)
        to_w, to_h = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = np.full((spec.height, spec.width, *pixels.shape[2:]), 255, np.float32)
        x, y = (spec.width - to_w) // 2, (spec.height - to_h) // 2
        canvas[y : y + to_h, x : x + to_w] = _scale(pixels, to_w, to_h)
        return canvas
    return _scale(pixels, spec.width, spec.height)


def _scale(pixels: Pixels, width: int, height: int) -> Tensor:
    """In floats: to round what the network sees changes more labels than to shrink while decoding.

    A long strip is folded first, so that its floats take no more room than its pixels did.
    """
    down = _fold(pixels.shape[0], 4 * height)
    across = _fold(pixels.shape[1], 4 * width)
    floats = _means(pixels, across, down).astype(np.float32)
    shrinking = floats.shape[0] >= height and floats.shape[1] >= width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(floats, (width, height), interpolation=method).astype(np.float32, copy=False)


def _fold(side: int, least: int) -> int:
    """The largest power of two that `side` can be divided by and leave `least`, or 1."""
    return 1 << max(0, (side // least).bit_length() - 1)


def _means(pixels: Pixels, across: int, down: int) -> Pixels:
    """The mean of each `across` x `down` pixels; its edge goes on where the last are too few."""
    if across == down == 1:
        return pixels
    more_h, more_w = -pixels.shape[0] % down, -pixels.shape[1] % across
    if more_h or more_w:
        edge = cv2.BORDER_REPLICATE
        pixels = cv2.copyMakeBorder(pixels, 0, more_h, 0, more_w, edge).astype(np.uint8, copy=False)
    size = (pixels.shape[1] // across, pixels.shape[0] // down)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
