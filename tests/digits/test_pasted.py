import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.digits.pasted import CANVAS, DARK, GRADIENT, LIGHT, paste, pasted

RING = np.zeros((28, 28), np.uint8)
cv2.circle(RING, (14, 14), 8, (255,), 3)
FULL = np.full((28, 28), 255, np.uint8)


def test_same_seed_same_bytes() -> None:
    """One seed gives one picture, byte for byte, and another seed gives another."""
    assert pasted(RING, 5) == pasted(RING, 5)
    assert pasted(RING, 5) != pasted(RING, 6)


def test_is_a_jpeg_of_the_sheet() -> None:
    """The bytes are a JPEG that decodes to what was pasted, but for its losses."""
    data = pasted(RING, 3)
    sheet = paste(RING, 3)

    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)

    assert decoded is not None
    assert data[:3] == b"\xff\xd8\xff"
    assert decoded.shape == sheet.shape
    assert np.abs(decoded.astype(int) - sheet).mean() < 6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_keeps_to_its_limits(seed: int) -> None:
    """Sheets are 240 to 900 a side, and the digit lies whole within."""
    sheet = paste(FULL, seed)

    height, width = sheet.shape[:2]
    assert CANVAS[0] <= height <= CANVAS[1]
    assert CANVAS[0] <= width <= CANVAS[1]
    tile = _tile(sheet)
    assert tile is None or 38 <= tile <= min(402, height, width)


def _tile(sheet: npt.NDArray[np.uint8]) -> int | None:
    """The side of the pasted square, told by the step in brightness; None if it fills all."""
    grey = sheet.mean(2)
    corners = {grey[0, 0] > 140, grey[0, -1] > 140, grey[-1, 0] > 140, grey[-1, -1] > 140}
    if len(corners) > 1:
        return None
    inside = (grey > 140) != corners.pop()
    return int(max(inside.any(0).sum(), inside.any(1).sum())) if inside.any() else None


def test_uses_both_polarities_and_all_sizes() -> None:
    """Over many seeds there is dark on light and light on dark, and small and large digits."""
    sheets = [paste(FULL, seed) for seed in range(60)]

    light = [bool(np.median(sheet[:2]) > 140) for sheet in sheets]
    sides = [side for side in map(_tile, sheets) if side]
    assert 0.25 < np.mean(light) < 0.75
    assert min(sides) < 90
    assert max(sides) > 300


@pytest.mark.parametrize("seed", range(5))
def test_light_falls_across(seed: int) -> None:
    """Blank paper is 13% darker at one end than at the other, and noisy by 4."""
    sheet = paste(np.zeros((28, 28), np.uint8), seed).astype(np.float64)

    smooth = cv2.GaussianBlur(sheet, (0, 0), 12)
    brightest = smooth.max(2)
    assert brightest.min() / brightest.max() == pytest.approx(1 - GRADIENT, abs=0.035)
    noise = (sheet - smooth)[:, :, int(np.argmax(sheet.mean((0, 1))))].std()
    assert noise == pytest.approx(4, abs=0.6)
    assert sheet.max() <= 255
    assert LIGHT[0] > DARK[1]
