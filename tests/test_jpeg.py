"""Segments of JPEGs: scans are counted, and some are left out without mending what is broken."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.image import Pixels, decode, read_header
from fanlight.jpeg import jpeg_scans, segments, without_refinements

SCAN = 0xDA
EIGHTH, QUARTER = cv2.IMREAD_REDUCED_COLOR_8, cv2.IMREAD_REDUCED_COLOR_4


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    """Progressive, of soft shapes, 90 x 70."""
    small = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8)
    image = Image.fromarray(small).resize((90, 70), Image.Resampling.BICUBIC).convert(mode)
    out = io.BytesIO()
    image.save(out, "JPEG", **{"progressive": True, "quality": 92, **options})
    return out.getvalue()


def decoded(data: bytes, scale: int) -> Pixels | None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), scale)
    return None if image is None else image.astype(np.uint8, copy=False)


def refinements(data: bytes) -> list[int]:
    """Component of each scan that gives later bits of AC coefficients."""
    scans = [body for marker, _, body in segments(data) if marker == SCAN]
    return [body[1] for body in scans if body[0] == 1 and body[3] and body[5] >> 4]


def test_the_scans_of_a_jpeg_are_counted() -> None:
    """A baseline JPEG has one scan, a progressive one several, and repeating one is seen."""
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    baseline = cv2.imencode(".jpg", noise)[1].tobytes()
    progressive = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    scan = progressive[progressive.rfind(b"\xff\xda") : -2]
    repeated = progressive[:-2] + 200 * scan + b"\xff\xd9"

    counted = [jpeg_scans(data) for data in (baseline, progressive, repeated)]

    assert counted[0] == 1
    assert 2 < counted[1] < 20
    assert counted[2] == counted[1] + 200
    with pytest.raises(Rejected, match=r"scans; 100 at most"):
        read_header(repeated, Limits())


@given(st.binary(max_size=9), st.lists(st.sampled_from([b"\xff\xda", b"\xda", b"\xff", b"\0\x02"])))
def test_the_quick_count_of_scans_is_never_too_small(head: bytes, parts: list[bytes]) -> None:
    """So no file that has too many is let through by it."""
    data = head + b"".join(parts)

    exact = sum(marker == SCAN for marker, _, _ in segments(data))
    assert jpeg_scans(data, 1_000_000) >= exact
    assert jpeg_scans(data) == exact


def test_a_jpeg_of_very_many_segments_is_not_looked_through() -> None:
    """It is left as it is, and scans among them count without being told from what is none."""
    picture = jpeg()
    comments = 10_000 * b"\xff\xfe\x00\x02"
    crowded = picture[:2] + comments + picture[2:]
    inside = 200 * b"\xff\xfe\x00\x04\xff\xda"

    assert len(without_refinements(picture)) < len(picture)
    assert without_refinements(crowded) == crowded
    assert jpeg_scans(picture[:2] + inside + picture[2:], 100) == jpeg_scans(picture)
    assert jpeg_scans(picture[:2] + inside + comments + picture[2:], 100) > 200


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("restart_marker_blocks", [0, 3])
def test_at_an_eighth_nothing_is_lost(
    mode: str, subsampling: int, restart_marker_blocks: int
) -> None:
    """Whatever its colours are, the small picture is the same bit for bit, from fewer bytes."""
    data = jpeg(mode, subsampling=subsampling, restart_marker_blocks=restart_marker_blocks)
    less = without_refinements(data)

    assert len(less) < len(data)
    assert np.array_equal(decoded(less, EIGHTH), decoded(data, EIGHTH))  # type: ignore[arg-type]


def test_at_a_quarter_little_is_lost() -> None:
    """Pixels differ by a grey level or two, on average by less than one."""
    data = jpeg()
    full, less = decoded(data, QUARTER), decoded(without_refinements(data), QUARTER)

    assert full is not None
    assert less is not None
    differences = np.abs(full.astype(int) - less)
    assert 0 < differences.mean() < 1
    assert differences.max() <= 4


def test_only_refinements_of_what_is_not_subsampled_go() -> None:
    """Colours at half the size keep all of their bits; without subsampling theirs go too."""
    halved, whole = jpeg(subsampling=2), jpeg(subsampling=0)

    assert set(refinements(halved)) == set(refinements(whole)) == {1, 2, 3}
    assert set(refinements(without_refinements(halved))) == {2, 3}
    assert refinements(without_refinements(whole)) == []
    assert jpeg_scans(halved) - jpeg_scans(without_refinements(halved)) == 2


def test_what_has_no_refinements_is_left_alone() -> None:
    """A baseline JPEG, what is none, and nothing at all come back byte for byte."""
    for data in (jpeg(progressive=False), b"", b"no picture", b"\xff", b"\xff\xda"):
        assert without_refinements(data) == data


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_jpeg_that_is_cut_short_stays_so(share: float) -> None:
    """Though the part that is missing would not have been looked at."""
    data = jpeg()
    short = data[: int(len(data) * share)]

    assert without_refinements(short) == short
    with pytest.raises(Rejected, match="cut short or damaged"):
        decode(short, read_header(short, Limits()), 8)


@pytest.mark.parametrize(
    "scan",
    [
        b"\x01\x09\x00\x01\x3f\x21",  # a component that there is not
        b"\x01\x01\x03\x01\x3f\x21",  # a table that there is not
        b"\x01\x01\x00\x01\x40\x21",  # a 65th coefficient
        b"\x01\x01\x00\x05\x01\x21",  # the last before the first
        b"\x01\x01\x00\x01\x3f\x20",  # two bits at once
        b"\x02\x01\x00\x02\x00\x01\x3f\x21",  # of two components
        b"\x01\x01\x00\x01\x3f\x21\x00",  # longer than it says
    ],
)
def test_a_scan_that_stops_a_decoder_is_kept(scan: bytes) -> None:
    """Or a broken file would have an answer at 1/8 and 1/4, and none at full size."""
    data = jpeg()
    broken = data[:-2] + b"\xff\xda" + (len(scan) + 2).to_bytes(2, "big") + scan + b"\x00\xff\xd9"

    assert scan in without_refinements(broken)
    assert decoded(broken, EIGHTH) is None
    assert decoded(without_refinements(broken), EIGHTH) is None


@pytest.mark.parametrize("codes", [2, 3])
def test_a_table_that_stops_a_decoder_keeps_its_scan(codes: int) -> None:
    """There is but one code of one bit, since none is all ones; the scan that needs more stays."""
    data = jpeg()
    symbols = bytes(range(1, codes + 1))
    table = (
        b"\xff\xc4" + (19 + codes).to_bytes(2, "big") + bytes([0x10, codes]) + bytes(15) + symbols
    )
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x21\x00"
    broken = data[:-2] + table + scan + b"\xff\xd9"

    assert without_refinements(broken).endswith(table + scan + b"\xff\xd9")
    assert decoded(without_refinements(broken), EIGHTH) is None


def test_a_scan_before_its_component_has_begun_is_kept() -> None:
    """There is no quantisation table yet, which stops a decoder, and one that comes later."""
    data = jpeg()
    starts = [(marker, at) for marker, at, _ in segments(data)]
    parts = [
        (marker, data[at:end])
        for (marker, at), (_, end) in zip(starts, [*starts[1:], (0, len(data))], strict=True)
    ]
    tables = b"".join(part for marker, part in parts if marker == 0xDB)
    first = next(at for at, (marker, _) in enumerate(parts) if marker == SCAN)
    head = b"".join(part for marker, part in parts[:first] if marker != 0xDB)
    codes = b"\xff\xc4\x00\x15\x10\x00\x02" + bytes(14) + b"\x00\x01"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x21\x00"
    rest = b"".join(part for _, part in parts[first:])
    whole = head + tables + codes + scan + rest
    broken = head + codes + scan + tables + rest

    assert decoded(whole, EIGHTH) is not None
    assert decoded(broken, EIGHTH) is None
    assert decoded(without_refinements(broken), EIGHTH) is None


JPEGS = [jpeg(subsampling=0), jpeg(subsampling=2), jpeg("L"), jpeg("CMYK", quality=30)]
HEADS = [[at for _, at, _ in segments(data)] for data in JPEGS]


@settings(max_examples=400, deadline=None)
@given(
    which=st.integers(0, len(JPEGS) - 1),
    changes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(0, 255)), max_size=3
    ),
    cut=st.one_of(st.none(), st.integers(1, 5000)),
)
def test_no_file_is_mended(
    which: int, changes: list[tuple[int, int, int]], cut: int | None
) -> None:
    """However headers are damaged, what is left is decoded if, and only if, the whole is."""
    data = bytearray(JPEGS[which])
    for segment, offset, value in changes:
        at = HEADS[which][segment % len(HEADS[which])] + offset
        data[min(at, len(data) - 1)] = value
    damaged = bytes(data[:cut])
    try:
        read_header(damaged, Limits(max_pixels=100_000))
    except Rejected:
        return  # as in the function, it gets no further

    less = without_refinements(damaged)

    for scale in (EIGHTH, QUARTER):
        assert (decoded(less, scale) is None) == (decoded(damaged, scale) is None)


@given(st.binary(max_size=300))
def test_any_bytes_come_back(rest: bytes) -> None:
    """Nothing is raised, and nothing is longer than it was."""
    data = jpeg()[:200] + rest

    assert len(without_refinements(data)) <= len(data)
