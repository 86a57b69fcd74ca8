"""Find the handwritten digit in a picture and bring it into MNIST's convention.

MNIST's own preparation, after LeCun et al. 1998 ("Gradient-based learning applied to document
recognition", III.A): the ink fits a 20 x 20 box with its aspect kept, and its centre of mass is at
the centre of 28 x 28. A network trained on that sees anything else as noise, so whatever size,
place, colour and light the digit had is taken out here.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fanlight.ink import Bytes, Floats, Ink, Mask, opaque, readings, resized

Box = tuple[int, int, int, int]
"""left, top, right, bottom; the last two are one past the end."""

SIDE = 28
INNER = 20
SEARCH = 256
"""Longest side of the reduced copy in which the digit is looked for."""
CLOSE = 80
"""Longest side of the digit when it is looked at closely: four pixels for each of the 20."""
THINNEST = 1.7
"""Strokes thinner than this, in pixels of the 20 x 20 box, are thickened to it."""


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
    found = _search(small)
    if found is not None and found.is_sheet:
        left, top, right, bottom = found.box
        inner = _search(small[top:bottom, left:right])
        if inner is not None and not inner.touches:
            offset = round(left / scale), round(top / scale)
            sheet, found = sheet[offset[1] :, offset[0] :], inner
    if found is None:
        return np.zeros((SIDE, SIDE), np.float32)
    return _placed(_close_up(sheet, found, scale))


def _in_convention(sheet: Bytes) -> Floats | None:
    """A 28 x 28 picture that is as MNIST has it, in either polarity, needs nothing done."""
    if sheet.shape[:2] != (SIDE, SIDE):
        return None
    grey = sheet[:, :, 0] if sheet.shape[2] == 1 else cv2.cvtColor(sheet, cv2.COLOR_RGB2GRAY)
    ink = grey.astype(np.float32)
    edge = float(np.median(np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])))
    ink = ink - edge if edge < 128 else edge - ink
    peak = float(ink.max())
    if peak < 64:
        return None
    ink = np.clip(ink / (255 if peak > 250 else peak), 0, 1)
    solid = np.where(ink > 0.1, ink, 0)
    left, top, right, bottom = _box(solid > 0)
    across, down = _centre(solid)
    fits = INNER - 2 <= max(right - left, bottom - top) <= INNER + 1
    return ink if fits and 13.3 < across < 14.7 and 13.3 < down < 14.7 else None


@dataclass(frozen=True)
class _Found:
    ink: Ink
    mask: Mask
    """The strokes of the digit."""
    score: float
    touches: bool
    """Whether they reach the edge of the picture."""
    box: Box

    @property
    def is_sheet(self) -> bool:
        """Whether this is rather a sheet of paper, on a table, than a digit."""
        left, top, right, bottom = self.box
        area = (right - left) * (bottom - top)
        return area > 0.15 * self.mask.size and float(self.mask.sum()) > 0.55 * area


def _search(small: Bytes) -> _Found | None:
    """The likeliest digit. Only where it reaches the picture's edge is more than one way tried."""
    best = None
    for ink in readings(small):
        for mask in ink.masks():
            for strokes in (mask, _without_lines(mask)):
                found = _likeliest(ink, strokes) if strokes is not None else None
                if found and (best is None or found.score > best.score):
                    best = found
                if found and not found.touches:
                    return best
    return best


def _without_lines(mask: Mask) -> Mask | None:
    """The mask without the straight lines that cross the whole picture; None if it has none."""
    height, width = mask.shape
    flat = mask.astype(np.uint8)
    lines = np.zeros_like(flat)
    for size in ((max(3, width // 8), 1), (1, max(3, height // 8))):
        runs = cv2.morphologyEx(flat, cv2.MORPH_OPEN, np.ones(size[::-1], np.uint8))
        joined = cv2.dilate(runs, np.ones((3, 3), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        long = (stats[:, 2] > 0.8 * width) if size[1] == 1 else (stats[:, 3] > 0.8 * height)
        long[0] = False
        if count > 1 and long.any():
            lines |= long[labels].astype(np.uint8)
    return mask & (lines == 0) if lines.any() else None


def _likeliest(ink: Ink, mask: Mask) -> _Found | None:
    """The patch of ink most like a digit, with what belongs to it."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return None
    height, width = mask.shape
    left, top, right, bottom = stats[:, 0], stats[:, 1], stats[:, 0] + stats[:, 2], stats[:, 1] + stats[:, 3]
    mass = np.bincount(labels.ravel(), np.maximum(ink.amount, 0).ravel(), len(stats))
    touches = (left == 0) | (top == 0) | (right == width) | (bottom == height)
    ring = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    around = np.bincount(ring, minlength=len(stats)) / len(ring)
    score = mass * np.where(touches, 0.05, 1.0) * np.where(around > 0.4, 0.01, 1.0)
    score[0] = 0
    main = int(np.argmax(score))
    inside = (left > left[main]) & (top > top[main]) & (right < right[main]) & (bottom < bottom[main])
    inside &= stats[:, 2:4].max(1) > 0.25 * stats[main, 2:4].max()
    if inside.any() and _is_frame(labels == main):
        main = int(np.argmax(score * inside))
    joined = _joined(stats, touches, main)
    chosen = joined[labels]
    return _Found(ink, chosen, float(score[main]), bool(touches[main]), _box(chosen))
