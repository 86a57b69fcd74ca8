import numpy as np
import pytest

from fanlight.bundle import Input
from fanlight.preprocess import to_tensor
from tools.training.views import view

SPEC = Input(64, 48, 3, "crop", (0.0,) * 3, (1.0,) * 3, keep=0.8)


@pytest.mark.parametrize("shape", [(300, 200), (300, 200, 3), (20, 30, 4), (40, 900, 3)])
def test_a_view_fits_the_network(shape: tuple[int, ...]) -> None:
    """Grey, RGB and RGBA, large, small and narrow pictures all give views that can be fed."""
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    seen = view(pixels, SPEC, np.random.default_rng(1))

    assert seen.shape == (60, 80, *shape[2:])
    assert seen.dtype == np.uint8
    assert to_tensor(seen, SPEC).shape == SPEC.shape


def test_views_follow_from_the_seed() -> None:
    """The same seed gives the same view, the next draw another, neither of them the picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    random = np.random.default_rng(7)

    first, second = view(pixels, SPEC, random), view(pixels, SPEC, random)

    np.testing.assert_array_equal(first, view(pixels, SPEC, np.random.default_rng(7)))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, pixels)


def test_a_plain_picture_stays_plain() -> None:
    """No view shows anything beyond the picture's edge, and alpha is no colour."""
    pixels = np.full((50, 70, 4), (90, 120, 150, 255), np.uint8)

    for seed in range(20):
        seen = view(pixels, SPEC, np.random.default_rng(seed))
        assert (seen == seen[0, 0]).all()
        assert int(seen[0, 0, 3]) == 255
