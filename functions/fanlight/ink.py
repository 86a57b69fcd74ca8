"""Tell ink from paper, whatever the colours of either and however the light falls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Value = TypeVar("Value", np.uint8, np.float32)

FAINT = 10.0
"""Ink differs from its paper by at least so much, of 255."""

TINY = 48
"""Longest side of the copy in which paper is estimated: it changes slowly across a picture."""


@dataclass(frozen=True)
class Ink:
    """One reading of a picture: what the paper is, and so what is ink."""

    paper: Floats
    """H x W x C, the picture as it would be without ink."""
    axis: Floats
    """C, the direction in colour space in which ink departs from paper, of length 1."""
    amount: Floats
    """H x W, how far each pixel departs that way; negative is away from ink."""

    def of(self, picture: Bytes, paper: Floats) -> Floats:
        """The amount of ink in another picture, `paper` being its own."""
        return along(picture.astype(np.float32) - paper, self.axis)

    def masks(self) -> Iterator[Mask]:
        """What is ink, first at the usual threshold, then only the strongest."""
        # From one pixel to the next only noise changes, but for few places.
        noise = median(np.abs(np.diff(self.amount[::2], axis=1))) / 0.954
        least = max(FAINT, 4 * noise)
        strong = self.amount[self.amount > least]
        if strong.size:
            usual, most = percentile(strong, 75), float(strong.max())
            yield self.amount > max(least, 0.4 * usual)
            yield self.amount > max(least, 0.5 * usual + 0.25 * most)


def opaque(pixels: Bytes) -> Bytes:
    """H x W x 1 or 3; what is transparent shows white, or black under light content."""
    if pixels.ndim == 2:
        return pixels[:, :, None]
    if pixels.shape[2] != 4:
        return pixels
    colour, alpha = np.ascontiguousarray(pixels[:, :, :3]), pixels[:, :, 3]
    if alpha.min() == 255:
        return colour
    cover = cv2.merge([alpha, alpha, alpha])
    shown = np.asarray(cv2.multiply(colour, cover, scale=1 / 255), np.uint8)
    light = float(shown.mean()) > float(alpha.mean()) / 2
    return shown if light else np.asarray(cv2.add(shown, cv2.bitwise_not(cover)), np.uint8)


def resized(image: npt.NDArray[Value], scale: float) -> npt.NDArray[Value]:
    """Scaled, and always with a third axis."""
    height, width = image.shape[:2]
    if scale == 1:
        return image.reshape(height, width, -1)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, size, interpolation=method).astype(image.dtype, copy=False)
    return scaled.reshape(size[1], size[0], -1)


def stretched(paper: Floats, picture: Bytes) -> Floats:
    """An estimate of the paper, brought to the size of the picture it is of."""
    height, width = picture.shape[:2]
    scaled = cv2.resize(paper, (width, height)).astype(np.float32, copy=False)
    return scaled.reshape(picture.shape)


def readings(picture: Bytes) -> Iterator[Ink]:
    """The ways to tell ink from paper, the likeliest first, each made when asked for."""
    made = []
    for estimate in (_by_surface, _by_median):
        made.append(_read(picture, estimate))
        yield made[-1]
    for ink in made:
        yield Ink(ink.paper, -ink.axis, -ink.amount)


def _read(picture: Bytes, estimate: Callable[[Bytes], Floats]) -> Ink:
    """Departures from paper, along their first principal axis.

    The axis is turned so that the rarer, larger departures are positive: ink covers less than
    paper does.
    """
    tiny = resized(picture, min(1.0, TINY / max(picture.shape[:2])))
    paper = stretched(estimate(tiny), picture)
    difference = picture.astype(np.float32) - paper
    flat = difference.reshape(-1, difference.shape[2])
    axis = np.linalg.eigh(flat.T @ flat)[1][:, -1].astype(np.float32)
    amount = along(difference, axis)
    sign = np.float32(1 if float(((amount * amount).ravel()) @ amount.ravel()) >= 0 else -1)
    return Ink(paper, sign * axis, sign * amount)


def along(difference: Floats, axis: Floats) -> Floats:
    """H x W, how far each difference goes in the direction of the axis."""
    return np.asarray(difference @ axis, np.float32)


def _by_median(tiny: Bytes) -> Floats:
    """A wide median: strokes are too narrow to reach it, shadows are not."""
    window = max(3, int(0.55 * max(tiny.shape[:2])) | 1)
    middle = cv2.medianBlur(np.ascontiguousarray(tiny), window).astype(np.float32)
    return cv2.GaussianBlur(middle, (0, 0), 2).astype(np.float32, copy=False)


def _by_surface(tiny: Bytes) -> Floats:
    """A quadratic surface through the commonest colour and what follows smoothly from it.

    Holds where a median does not: bold digits that fill the picture, frames, a sheet on a table.
    """
    height, width, channels = tiny.shape
    flat = tiny.reshape(-1, channels).astype(np.float32)
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float32)
    bins = (flat // 24).astype(np.int64) @ (11 ** np.arange(channels))
    common = np.bincount(bins).argmax()
    surface = np.broadcast_to(flat[bins == common].mean(0), flat.shape)
    for used, reach in ((3, 40), (3, 40), (6, 30), (6, 25)):
        near = np.abs(flat - surface).max(1) < reach
        basis = terms[near, :used]
        normal = basis.T @ basis + 1e-2 * np.eye(used, dtype=np.float32)
        surface = terms[:, :used] @ np.linalg.solve(normal, basis.T @ flat[near])
    return np.asarray(np.clip(surface, 0, 255).reshape(tiny.shape), np.float32)


# numpy's own median and percentile import numpy.ma, which takes some 5 ms of a process.


def percentile(values: Floats, share: int) -> float:
    """What np.percentile gives for finite numbers, one at least; `share` in percent."""
    at = (values.size - 1) * (share / 100)
    low = int(at)
    high = min(low + 1, values.size - 1)
    parted = np.partition(values, (low, high), axis=None)
    below, above, along = parted[low], parted[high], at - low
    step = above - below
    return float(below + step * along if along < 0.5 else above - step * (1 - along))


def median(values: Floats) -> float:
    """What np.median gives for finite numbers; 0 for none."""
    if not values.size:
        return 0.0
    low, high = (values.size - 1) // 2, values.size // 2
    return float(np.partition(values, (low, high), axis=None)[low : high + 1].mean())
