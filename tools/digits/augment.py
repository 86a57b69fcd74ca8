"""Glyphs as other hands would have written them: turned, slanted, wider, bolder, softer."""

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def augmented(images: Floats, random: np.random.Generator) -> Floats:
    """A changed copy of each n x 28 x 28 image; every draw comes from `random`."""
    count = len(images)
    turn = np.deg2rad(random.uniform(-12, 12, count))
    slant = random.uniform(-0.2, 0.2, count)
    scale = random.uniform(0.88, 1.1, (count, 2))
    shift = random.uniform(-1.8, 1.8, (count, 2))
    bold = random.uniform(-1, 1, count)
    soft = random.random(count)
    out = np.empty_like(images)
    for index, image in enumerate(images):
        cos, sin = np.cos(turn[index]), np.sin(turn[index])
        matrix = np.array([[cos, -sin + slant[index]], [sin, cos]]) * scale[index]
        offset = 13.5 + shift[index] - matrix @ [13.5, 13.5]
        moved = cv2.warpAffine(image, np.column_stack([matrix, offset]), image.shape[::-1])
        out[index] = _stroke(
            moved.astype(np.float32, copy=False), float(bold[index]), float(soft[index])
        )
    return out


def _stroke(image: Floats, bold: float, soft: float) -> Floats:
    """Bolder or thinner strokes for two in three, a soft picture for one in five."""
    if abs(bold) > 1 / 3:
        grown = cv2.dilate(image, _CROSS) if bold > 0 else cv2.erode(image, _CROSS)
        share = (abs(bold) - 1 / 3) * (1.2 if bold > 0 else 0.9)
        image = np.asarray(image + share * (grown - image), np.float32)
    if soft < 0.2:
        image = cv2.GaussianBlur(image, (3, 3), 0.4 + 2 * soft).astype(np.float32, copy=False)
    return image


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
