import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fanlight.glyph import find_glyph
from fanlight.ink import median, percentile

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def seven(side: int = 28) -> Bytes:
    """A seven as MNIST has it, light on black: 20 pixels high, its mass at the centre."""
    drawn = np.zeros((280, 280), np.uint8)
    cv2.polylines(
        drawn,
        [np.array([[80, 50], [190, 50], [125, 220]])],
        isClosed=False,
        color=(255,),
        thickness=22,
    )
    tile = cv2.resize(drawn, (28, 28), interpolation=cv2.INTER_AREA)
    ys, xs = np.nonzero(tile)
    tile = tile[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    tile = cv2.resize(tile, (round(tile.shape[1] * 20 / tile.shape[0]), 20))
    y, x = (
        round(14 - float(tile.sum(1 - axis) @ np.arange(tile.shape[axis])) / tile.sum())
        for axis in (0, 1)
    )
    out = np.zeros((28, 28), np.uint8)
    out[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    if side == 28:
        return out
    large = cv2.resize(out, (side, side), interpolation=cv2.INTER_CUBIC)
    return large.astype(np.uint8, copy=False)


def sheet(
    side: int = 160,
    at: tuple[int, int] = (120, 60),
    size: tuple[int, int] = (480, 360),
    paper: tuple[int, int, int] = (240, 235, 225),
    ink: tuple[int, int, int] = (40, 40, 90),
) -> Bytes:
    """The seven, `side` pixels large, on a sheet of `size` (width, height)."""
    alpha = np.zeros((size[1], size[0], 1))
    alpha[at[1] : at[1] + side, at[0] : at[0] + side, 0] = seven(side) / 255
    return np.rint(np.array(paper) * (1 - alpha) + np.array(ink) * alpha).astype(np.uint8)


def assert_seven(glyph: Floats) -> None:
    """The glyph is the seven, but for what resampling does."""
    assert glyph.shape == (28, 28)
    difference = float(np.abs(glyph - seven() / 255).mean())
    assert difference < 0.06, f"mean difference {difference:.3f}"


ANY_IMAGE = st.one_of(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=70)),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 50), st.integers(1, 50), st.just(3))),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 50), st.integers(1, 50), st.just(4))),
    hnp.arrays(np.uint8, st.just((28, 28))),
    st.builds(
        lambda shape, seed: np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8),
        st.tuples(st.integers(1, 400), st.integers(1, 400), st.sampled_from([3, 4])),
        st.integers(0, 99),
    ),
)


@settings(deadline=None)
@given(ANY_IMAGE)
def test_any_image_gives_a_glyph(pixels: Bytes) -> None:
    """Whatever the pixels, the result is a finite 28 x 28 picture from 0 to 1."""
    glyph = find_glyph(pixels)

    assert glyph.shape == (28, 28)
    assert glyph.dtype == np.float32
    assert bool(np.isfinite(glyph).all())
    assert float(glyph.min()) >= 0
    assert float(glyph.max()) <= 1


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(*[st.integers(0, 255)] * 4),
)
def test_blank_gives_nothing(size: tuple[int, int], colour: tuple[int, ...]) -> None:
    """A sheet of one colour has no digit, whatever the size, colour and alpha."""
    assert not find_glyph(np.full((*size, 4), colour, np.uint8)).any()


@pytest.mark.parametrize("row", range(120, 130))
def test_a_line_across_the_picture_is_no_fault(row: int) -> None:
    """Wherever it is, it comes out as a line or as nothing."""
    pixels = np.full((268, 322), 5, np.uint8)
    pixels[row] = 206

    assert np.count_nonzero(find_glyph(pixels).any(axis=1)) <= 2


def test_leaves_its_argument_alone() -> None:
    """The caller's pixels are not written to."""
    for pixels in (seven(), sheet(), np.dstack([sheet(), np.full((360, 480), 90, np.uint8)])):
        before = pixels.copy()
        find_glyph(pixels)
        np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("channels", [None, 3, 4])
def test_mnist_passes_unchanged(channels: int | None) -> None:
    """A picture already in the convention comes out as it went in, scaled to 0..1."""
    pixels = seven()
    if channels:
        pixels = np.dstack([pixels] * 3 + [np.full((28, 28), 255, np.uint8)])[:, :, :channels]

    np.testing.assert_allclose(find_glyph(pixels), seven() / 255, atol=1e-6)


def test_mnist_reversed_is_turned_back() -> None:
    """A negative of a picture in the convention gives the same as the picture."""
    np.testing.assert_allclose(find_glyph(255 - seven()), find_glyph(seven()), atol=1e-6)


@pytest.mark.parametrize("at", [(2, 2), (300, 190), (150, 100)])
@pytest.mark.parametrize("side", [40, 90, 160])
def test_finds_it_anywhere_at_any_size(at: tuple[int, int], side: int) -> None:
    """Neither place nor size matters."""
    assert_seven(find_glyph(sheet(side, at)))


@pytest.mark.parametrize(
    ("paper", "ink"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((0, 0, 0), (255, 255, 255)),
        ((250, 240, 200), (30, 30, 160)),
        ((20, 60, 40), (230, 230, 210)),
        ((220, 90, 90), (60, 150, 110)),  # equally bright: only the colour differs
        ((200, 200, 200), (160, 160, 160)),
    ],
)
def test_finds_it_in_any_colour(paper: tuple[int, int, int], ink: tuple[int, int, int]) -> None:
    """Dark on light, light on dark, and colours of one brightness all do."""
    assert_seven(find_glyph(sheet(paper=paper, ink=ink)))


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (60, 60, 200)])
def test_transparent_paper(ink: tuple[int, int, int]) -> None:
    """Ink on nothing is seen whatever its colour: what is transparent becomes its opposite."""
    pixels = np.zeros((200, 200, 4), np.uint8)
    pixels[20:180, 20:180, 3] = seven(160)
    pixels[:, :, :3] = ink

    assert_seven(find_glyph(pixels))


def test_light_and_noise() -> None:
    """Light that halves across the sheet, and noise, do not hide the digit."""
    ramp = np.linspace(1, 0.5, 480)[None, :, None]
    noise = np.random.default_rng(1).normal(0, 8, (360, 480, 3))

    assert_seven(find_glyph(np.clip(sheet() * ramp + noise, 0, 255).astype(np.uint8)))


def test_one_side_in_shadow() -> None:
    """A shadow's edge is not taken for ink."""
    pixels = sheet(side=200, at=(240, 60)).astype(np.float64)
    pixels[:, :180] *= 0.6

    assert_seven(find_glyph(cv2.GaussianBlur(pixels, (0, 0), 4).astype(np.uint8)))


def test_a_dark_line_through_its_foot() -> None:
    """A ruled line as dark as the digit, and crossing it, is taken out."""
    pixels = sheet()
    pixels[195:198] = (40, 40, 90)

    assert_seven(find_glyph(pixels))


def test_ignores_specks_lines_and_borders() -> None:
    """Specks, a dark border, a dark corner and ruled lines are none of the digit."""
    specks = sheet()
    for x, y in np.random.default_rng(2).integers(0, 360, (30, 2)):
        if not (110 < x < 290 and 50 < y < 230):
            cv2.circle(specks, (int(x), int(y)), 3, (40, 40, 60), -1)
    border, corner, ruled = sheet(), sheet(), sheet()
    cv2.rectangle(border, (0, 0), (479, 359), (20, 20, 20), 20)
    cv2.circle(corner, (470, 350), 110, (90, 60, 50), -1)
    for y in range(20, 360, 60):
        ruled[y : y + 2] = np.where(ruled[y : y + 2] > 150, (150, 170, 220), ruled[y : y + 2])

    for pixels in (specks, border, corner, ruled):
        assert_seven(find_glyph(pixels))


def test_ignores_a_box_drawn_around() -> None:
    """A form's box around the digit is none of it."""
    pixels = sheet()
    cv2.rectangle(pixels, (110, 50), (290, 230), (40, 40, 40), 3)

    assert_seven(find_glyph(pixels))


def test_finds_the_sheet_on_a_table() -> None:
    """Where the paper lies on a table, what is written on the paper is found."""
    table = np.full((600, 800, 3), (90, 60, 40), np.uint8)
    table[150:420, 300:660] = sheet(size=(360, 270), side=120, at=(100, 70))

    assert_seven(find_glyph(table))


def test_a_digit_cut_tight_is_whole() -> None:
    """A digit that reaches all four edges of its picture is taken whole."""
    pixels = sheet(side=280, at=(0, 0), size=(280, 280))

    assert_seven(find_glyph(pixels[76:262, 66:194]))


def test_keeps_a_digit_in_two_strokes() -> None:
    """A stroke that does not touch the other is part of the digit all the same."""
    five = np.full((300, 300), 250, np.uint8)
    cv2.polylines(
        five, [np.array([[100, 60], [100, 140]])], isClosed=False, color=(30,), thickness=14
    )
    cv2.ellipse(five, (130, 180), (50, 50), 0, -120, 130, (30,), 14)
    cv2.polylines(
        five, [np.array([[125, 55], [180, 50]])], isClosed=False, color=(30,), thickness=14
    )

    glyph = find_glyph(five)

    rows = np.flatnonzero(glyph.sum(1))
    assert glyph[rows[0] : rows[0] + 2, 15:].max() > 0.5


def test_a_hair_line_is_not_lost() -> None:
    """A thin pen on a very large sheet leaves strokes a network can see."""
    pixels = np.full((1500, 2000), 235, np.uint8)
    cv2.polylines(
        pixels,
        [np.array([[700, 300], [1200, 300], [900, 1200]])],
        isClosed=False,
        color=(60,),
        thickness=5,
    )

    glyph = find_glyph(pixels)

    assert (glyph > 0.5).any(1).sum() >= 19
    assert (glyph > 0.5).sum(1).max() > 8


def test_stays_within_its_time() -> None:
    """The search is done on a reduced copy: 12 megapixels stay far below what decoding costs."""
    pixels = cv2.resize(sheet(), (4000, 3000)).astype(np.uint8, copy=False)
    clock = cv2.TickMeter()
    times = []
    for _ in range(3):
        clock.reset()
        clock.start()
        find_glyph(pixels)
        clock.stop()
        times.append(clock.getTimeMilli())

    assert min(times) < 250


floats = hnp.arrays(
    np.float32, hnp.array_shapes(max_dims=2, max_side=40), elements=st.floats(-1e6, 1e6, width=32)
)


@given(floats)
def test_the_median_is_numpys(values: Floats) -> None:
    """To the last bit, for even and odd counts, in one dimension and in two."""
    assert median(values) == float(np.median(values))


@given(floats, st.integers(0, 100))
def test_percentiles_are_numpys(values: Floats, share: int) -> None:
    """To the last bit, wherever they lie between two values.

    Before 2.4, which Python 3.10 does not have, NumPy told the place between in float32.
    """
    coarse = 1e-4 if np.lib.NumpyVersion(np.__version__) < "2.4.0" else 0
    near = pytest.approx(float(np.percentile(values, share)), rel=0.01 * coarse,
                         abs=coarse * float(np.ptp(values)))  # fmt: skip
    assert percentile(values, share) == near
