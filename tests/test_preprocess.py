"""Pixels into tensors: what is kept, in which order and layout, with which values."""

import tracemalloc
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.bundle import Input
from fanlight.preprocess import min_side, to_tensor


def spec(**changes: object) -> Input:
    base = {"width": 4, "height": 4, "channels": 3, "resize": "stretch",
            "mean": (0.0,) * 3, "std": (1.0,) * 3}  # fmt: skip
    return Input(**{**base, **changes})  # type: ignore[arg-type]


def columns(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Each column has its own red, 10 apart; green is 1 and blue is 2."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:] = (0, 1, 2)
    pixels[..., 0] = 10 * np.arange(width)
    return pixels


def test_channels_come_in_the_networks_order() -> None:
    """BGR turns the channels round, and the means stand in the network's order."""
    rgb = to_tensor(columns(4, 4), spec(mean=(0.0, 1.0, 2.0)))
    bgr = to_tensor(columns(4, 4), spec(order="bgr", mean=(2.0, 1.0, 0.0)))

    assert rgb[0, 0].tolist() == [[0, 0, 0], [10, 0, 0], [20, 0, 0], [30, 0, 0]]
    assert bgr[0, 0].tolist() == [[0, 0, 0], [0, 0, 10], [0, 0, 20], [0, 0, 30]]


def test_channels_first_is_the_same_picture() -> None:
    """NCHW holds what NHWC does, contiguous in memory, normalised alike."""
    given_spec = {"mean": (1.0, 2.0, 3.0), "std": (2.0, 4.0, 8.0)}
    last = to_tensor(columns(4, 4), spec(**given_spec))
    first = to_tensor(columns(4, 4), spec(layout="nchw", **given_spec))

    assert first.shape == (1, 3, 4, 4)
    assert first.flags.c_contiguous
    assert np.array_equal(first, last.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("resize", "expected"),
    [("stretch", [20, 30, 40, 50]), ("crop", [20, 30, 40, 50])],
)
def test_only_the_middle_is_kept(resize: str, expected: list[int]) -> None:
    """Half of each side around the middle of an 8 x 8 picture is the network's 4 x 4."""
    tensor = to_tensor(columns(8, 8), spec(resize=resize, keep=0.5))

    assert tensor[0, 0, :, 0].tolist() == expected


def test_a_wide_picture_is_cropped_or_squeezed() -> None:
    """`crop` keeps proportions and loses the sides, `stretch` keeps the sides."""
    cropped = to_tensor(columns(16, 4), spec(resize="crop"))[0, 0, :, 0].tolist()
    stretched = to_tensor(columns(16, 4), spec())[0, 0, :, 0].tolist()

    assert cropped == [60, 70, 80, 90]
    assert stretched == [15, 55, 95, 135]


def test_decoding_leaves_enough_to_crop_from() -> None:
    """The side that must be left grows as less of it is kept."""
    assert min_side(spec()) == 12
    assert min_side(spec(keep=0.5)) == 23


@given(
    width=st.integers(12, 40), height=st.integers(12, 23), fold=st.sampled_from([2, 4, 8]),
    resize=st.sampled_from(["stretch", "crop", "fit"]), channels=st.sampled_from([1, 3]),
    random=st.randoms(use_true_random=False),
)  # fmt: skip
def test_what_was_shrunk_while_it_was_decoded_looks_the_same(
    width: int, height: int, fold: int, resize: str, channels: int, random: Random
) -> None:
    """A picture of squares gives the tensor that it gives with each square as a pixel."""
    given_spec = spec(resize=resize, channels=channels, mean=(0.0,) * channels,
                      std=(1.0,) * channels)  # fmt: skip
    assert min_side(given_spec) == 12
    small = np.frombuffer(random.randbytes(3 * width * height), np.uint8).reshape(height, width, 3)
    large = small.repeat(fold, 0).repeat(fold, 1)

    assert np.array_equal(to_tensor(large, given_spec), to_tensor(small, given_spec))


def test_a_size_that_is_no_multiple_keeps_its_edge() -> None:
    """The last column and row of squares that are cut off count as if they went on."""
    pixels = columns(25, 25)[..., :1].repeat(3, 2)  # min_side is 12: folded by two, to 13

    tensor = to_tensor(pixels, spec())[0, :, :, 0]

    even = np.pad(pixels, ((0, 1), (0, 1), (0, 0)), "edge")
    assert np.array_equal(tensor, to_tensor(even, spec())[0, :, :, 0])


def test_values_are_not_rounded() -> None:
    """The mean of 0 and 1 is a half: rounding it would change labels."""
    pixels = (np.indices((8, 8, 3))[1] % 2).astype(np.uint8)

    assert np.unique(to_tensor(pixels, spec())).tolist() == [0.5]


@pytest.mark.parametrize("resize", ["stretch", "crop", "fit"])
def test_a_long_strip_takes_little_room(resize: str) -> None:
    """Only as much of a strip as the network needs becomes floats, four times as large."""
    strip = np.zeros((20, 400_000, 3), np.uint8)

    tracemalloc.start()
    try:
        to_tensor(strip, spec(resize=resize))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 2 * strip.nbytes


@given(
    width=st.integers(1, 40), height=st.integers(1, 40), keep=st.floats(0.01, 1),
    resize=st.sampled_from(["stretch", "crop", "fit"]),
    layout=st.sampled_from(["nhwc", "nchw"]), channels=st.sampled_from([1, 3]),
)  # fmt: skip
def test_any_picture_fits_any_network(
    width: int, height: int, keep: float, resize: str, layout: str, channels: int
) -> None:
    """Whatever the sizes, the tensor has the shape that the bundle promises the network."""
    given_spec = spec(resize=resize, keep=keep, layout=layout, channels=channels, width=6, height=9,
                      mean=(0.0,) * channels, std=(1.0,) * channels)  # fmt: skip

    tensor = to_tensor(np.zeros((height, width, 3), np.uint8), given_spec)

    assert tensor.shape == given_spec.shape
    assert tensor.dtype == np.dtype(np.float32)
