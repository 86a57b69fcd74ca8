"""Find the handwritten digit in a picture and bring it into MNIST's convention.

MNIST's own preparation, after LeCun et al. 1998 ("Gradient-based learning applied to document
recognition", III.A): the ink fits a 20 x 20 box with its aspect kept, and its centre of mass is at
the centre of 28 x 28. A network trained on that sees anything else as noise, so whatever size,
place, colour and light the digit had is taken out here.
"""

import cv2
import numpy as np

from fanlight.ink import Bytes, Floats, median, opaque, percentile, resized, stretched
from fanlight.strokes import Digit, box_of, find_digit

SIDE = 28
INNER = 20
"""Pixels: of the square that the network sees, and of the box in it that the ink fits."""
SEARCH = 256
"""Longest side of the reduced copy in which the digit is looked for."""
CLOSE = 80
"""Longest side of the digit when it is looked at closely: four pixels for each of the 20."""
THINNEST = 1.7
"""Strokes thinner than this, in pixels of the 20 x 20 box, are thickened to it."""

SQUARE = np.ones((3, 3), np.uint8)


def find_glyph(pixels: Bytes) -> Floats:
    """Turn a picture with a digit in it into 28 x 28, light ink on black, 0 to 1.

    `pixels` is uint8 H x W, H x W x 3 (RGB) or H x W x 4 (RGBA), upright. Never raises: where
    there is nothing to find the result is all zeros.
    """
    sheet = opaque(pixels)
    ready = _in_convention(sheet)
    if ready is not None:
        return ready
    scale = min(1.0, SEARCH / max(sheet.shape[:2]))
    small = resized(sheet, scale)
    digit = find_digit(small)
    if digit is not None and digit.is_sheet:
        left, top, right, bottom = box_of(digit.mask)
        written = find_digit(small[top:bottom, left:right])
        if written is not None and not written.touches:
            sheet, digit = sheet[round(top / scale) :, round(left / scale) :], written
    ink = None if digit is None else _close_up(sheet, digit, scale)
    return np.zeros((SIDE, SIDE), np.float32) if ink is None else _placed(ink)


def _in_convention(sheet: Bytes) -> Floats | None:
    """A 28 x 28 picture that is as MNIST has it, in either polarity, needs nothing done."""
    if sheet.shape[:2] != (SIDE, SIDE):
        return None
    grey = sheet[:, :, 0] if sheet.shape[2] == 1 else cv2.cvtColor(sheet, cv2.COLOR_RGB2GRAY)
    ink = grey.astype(np.float32)
    edge = median(np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]))
    ink = ink - edge if edge < 128 else edge - ink
    peak = float(ink.max())
    if peak < 64:
        return None
    ink = np.clip(ink / (255 if peak > 250 else peak), 0, 1)
    solid = np.where(ink > 0.1, ink, 0)
    left, top, right, bottom = box_of(solid > 0)
    across, down = _centre(solid)
    fits = INNER - 2 <= max(right - left, bottom - top) <= INNER + 1
    return ink if fits and 13.3 < across < 14.7 and 13.3 < down < 14.7 else None


def _close_up(sheet: Bytes, digit: Digit, scale: float) -> Floats | None:
    """The digit's ink, 0 to 1, cut to its box, from the full picture; None if there is none."""
    left, top, right, bottom = box_of(digit.mask)
    pad = 2 + max(right - left, bottom - top) // 10
    height, width = digit.mask.shape
    left, top = max(0, left - pad), max(0, top - pad)
    right, bottom = min(width, right + pad), min(height, bottom + pad)
    rows = slice(int(top / scale), int(np.ceil(bottom / scale)))
    columns = slice(int(left / scale), int(np.ceil(right / scale)))
    crop = sheet[rows, columns]
    crop = resized(crop, min(1.0, CLOSE / max(crop.shape[:2])))
    paper = stretched(digit.ink.paper[top:bottom, left:right], crop)
    near = cv2.dilate(digit.mask[top:bottom, left:right].astype(np.uint8), SQUARE)
    near = cv2.resize(near, crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    ink = np.where(near > 0, np.maximum(digit.ink.of(crop, paper), 0), 0)
    if not ink.any():  # the mask of a line from edge to edge, so reduced, has fallen between pixels
        return None
    full = percentile(ink[ink > 0.4 * float(ink.max())], 60)
    ink = _thickened(np.clip((ink / full - 0.15) / 0.75, 0, 1))
    left, top, right, bottom = box_of(ink > 0.3)
    return ink[top:bottom, left:right]


def _thickened(ink: Floats) -> Floats:
    """A pen's hair line would all but vanish in 20 x 20: make it as thick as MNIST's thinnest."""
    solid = (ink > 0.5).astype(np.uint8)
    left, top, right, bottom = box_of(solid > 0)
    unit = max(right - left, bottom - top) / INNER
    area = int(solid.sum())
    edge = area - int(cv2.erode(solid, SQUARE).sum())
    stroke = 2 * area / max(1, edge) / unit
    grow = round((THINNEST - stroke) * unit)
    if grow < 1:
        return ink
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow + 1, grow + 1))
    return cv2.dilate(ink, disc).astype(np.float32, copy=False)


def _placed(ink: Floats) -> Floats:
    """Fit the ink into 20 x 20 and put its centre of mass at the centre of 28 x 28."""
    glyph = resized(ink, INNER / max(ink.shape))[:, :, 0]
    glyph = np.clip(glyph / max(0.3, percentile(glyph[glyph > 0.1], 90)), 0, 1)
    height, width = glyph.shape
    across, down = _centre(glyph)
    x = min(max(round(SIDE / 2 - across), 0), SIDE - width)
    y = min(max(round(SIDE / 2 - down), 0), SIDE - height)
    out = np.zeros((SIDE, SIDE), np.float32)
    out[y : y + height, x : x + width] = glyph
    return out


def _centre(ink: Floats) -> tuple[float, float]:
    """The centre of mass, as x and y."""
    columns, rows, total = ink.sum(0), ink.sum(1), float(ink.sum())
    x = float(columns @ np.arange(len(columns))) / total
    return x, float(rows @ np.arange(len(rows))) / total
