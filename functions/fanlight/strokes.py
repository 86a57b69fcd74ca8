"""Of all the ink in a picture, choose the strokes that make up the digit."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fanlight.ink import Bytes, Floats, Ink, Mask, readings

Points = npt.NDArray[np.int32]

Box = tuple[int, int, int, int]
"""left, top, right, bottom; the last two are one past the end."""


@dataclass(frozen=True)
class Digit:
    """Strokes taken for a digit, and the reading of the picture they were seen in."""

    ink: Ink
    mask: Mask
    score: float
    touches: bool
    """Whether they reach the edge of the picture."""

    @property
    def is_sheet(self) -> bool:
        """Whether this is rather a sheet of paper on a table: large, filled, four-sided."""
        area = int(self.mask.sum())
        if area < 0.1 * self.mask.size:
            return False
        points = _points_of(self.mask)
        hull = cv2.contourArea(cv2.convexHull(points))
        return area > 0.8 * hull and rectangular(points) > 0.85


def box_of(mask: Mask) -> Box:
    """The smallest box around what is set; something must be."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _points_of(mask: Mask) -> Points:
    return cv2.findNonZero(mask.astype(np.uint8)).astype(np.int32, copy=False)


def rectangular(points: Points) -> float:
    """How much of the narrowest rectangle around some points their convex hull fills."""
    (_, (width, height), _) = cv2.minAreaRect(points)
    return float(cv2.contourArea(cv2.convexHull(points))) / max(1.0, width * height)


def find_digit(picture: Bytes) -> Digit | None:
    """The likeliest digit.

    The first that keeps clear of the picture's edge is taken; else every reading is tried, and
    one after the first has to be much better to be believed.
    """
    best, best_score = None, 0.0
    for trust, ink in zip((1, 0.05, 0.02, 0.002), readings(picture), strict=True):
        for mask in _masks(ink):
            digit = _likeliest(ink, mask)
            if digit and trust * digit.score > best_score:
                best, best_score = digit, trust * digit.score
            if digit and not digit.touches and trust == 1:
                return best
    return best


def _masks(ink: Ink) -> Iterator[Mask]:
    """What may be the digit's strokes: all of the ink; if need be, all but ruled lines."""
    masks = []
    for mask in ink.masks():
        masks.append(mask)
        yield mask
    for mask in masks:
        unruled = without_lines(mask)
        if unruled is not None:
            yield unruled


def without_lines(mask: Mask) -> Mask | None:
    """The mask without the straight lines that cross the whole picture; None if it has none."""
    flat, lines = mask.astype(np.uint8), np.zeros(mask.shape, np.bool_)
    sides = (cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH)
    for along, across in ((0, 1), (1, 0)):
        bar = np.ones((1, max(3, mask.shape[along] // 8)), np.uint8)
        # Grown by a pixel, so that a line not quite level stays in one piece.
        runs = cv2.morphologyEx(flat, cv2.MORPH_OPEN, bar if along else bar.T)
        runs = cv2.dilate(runs, np.ones((3, 3), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
        line = stats[:, sides[along]] > 0.8 * mask.shape[along]
        line &= stats[:, sides[across]] < max(6, 0.06 * mask.shape[along])
        line[0] = False
        lines |= line[labels]
    return mask & ~lines if lines.any() else None


def _likeliest(ink: Ink, mask: Mask) -> Digit | None:
    parts = _Parts(mask, ink.amount)
    main = int(np.argmax(parts.score))
    if main == 0:
        return None
    within = parts.within(main)
    if within.any() and parts.is_frame(main):
        main = int(np.argmax(np.where(within, parts.score, 0)))
    chosen = parts.together(main)[parts.labels]
    score, touches = float(parts.score[main]), bool(parts.touches[main])
    if touches and parts.area[main] > 0.03 * mask.size and parts.solid(main) > 0.7:
        score *= 0.01  # a shadow, or a thumb
    return Digit(ink, chosen, score, touches)


class _Parts:
    """The connected patches of ink; number 0 is the paper."""

    def __init__(self, mask: Mask, amount: Floats) -> None:
        height, width = mask.shape
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            mask.astype(np.uint8), connectivity=8
        )
        self.labels = labels.astype(np.int32, copy=False)
        self.left, self.top, self.width, self.height, self.area = stats.T
        self.right, self.bottom = self.left + self.width, self.top + self.height
        self.size = np.maximum(self.width, self.height)
        self.touches = (
            (self.left == 0) | (self.top == 0) | (self.right == width) | (self.bottom == height)
        )
        sides = (self.labels[0], self.labels[-1], self.labels[:, 0], self.labels[:, -1])
        edge = np.concatenate(sides)
        around = np.bincount(edge, minlength=len(stats)) / len(edge)
        # As much ink as possible, but a patch at the edge is rarely the digit, and one along
        # much of it is what lies around the paper.
        self.score = np.bincount(self.labels.ravel(), np.maximum(amount, 0).ravel(), len(stats))
        self.score *= np.where(self.touches, 0.05, 1) * np.where(around > 0.4, 0.01, 1)
        self.score[0] = 0

    def within(self, main: int) -> Mask:
        """Those of some size that lie inside the box of the main one."""
        inside = (self.left > self.left[main]) & (self.right < self.right[main])
        inside &= (self.top > self.top[main]) & (self.bottom < self.bottom[main])
        return np.asarray(inside & (self.size > 0.25 * self.size[main]))

    def around(self, main: int) -> Mask:
        """Those whose box has the box of the main one inside."""
        outside = (self.left < self.left[main]) & (self.right > self.right[main])
        outside &= (self.top < self.top[main]) & (self.bottom > self.bottom[main])
        return np.asarray(outside)

    def is_frame(self, main: int) -> bool:
        """Whether a patch is a box drawn around something: its outline is a rectangle."""
        return rectangular(self._points(main)) > 0.85

    def solid(self, main: int) -> float:
        """How much of its convex hull a patch covers."""
        hull = cv2.contourArea(cv2.convexHull(self._points(main)))
        return float(self.area[main]) / max(1.0, hull)

    def _points(self, main: int) -> Points:
        rows = slice(self.top[main], self.bottom[main])
        columns = slice(self.left[main], self.right[main])
        return _points_of(self.labels[rows, columns] == main)

    def together(self, main: int) -> Mask:
        """The main patch and those close enough to it to be strokes of the same digit."""
        size = self.size[main]
        able = (self.area >= 0.03 * self.area[main]) & (self.size <= 2.1 * size)
        able &= (self.touches <= self.touches[main]) & ~self.around(main)
        able[0] = False
        joined: Mask = np.arange(len(self.area)) == main
        for _ in range(3):  # a broken stroke hangs together piece by piece
            left, right = self.left[joined].min(), self.right[joined].max()
            top, bottom = self.top[joined].min(), self.bottom[joined].max()
            gap_x = np.maximum(left - self.right, self.left - right)
            gap_y = np.maximum(top - self.bottom, self.top - bottom)
            gap = np.maximum(gap_x, gap_y)
            # As high, and at its side, and not all but touching: the next digit of a number.
            another = (gap_x > 0.05 * size) & (self.height > 0.7 * (bottom - top))
            more = able & (gap <= 0.22 * size) & ~another & ~joined
            if not more.any():
                break
            joined |= more
        return joined
