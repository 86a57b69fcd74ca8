"""Formats told by their first bytes, and named where they are not supported."""

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.image import Header, read_header
from fanlight.sniff import (
    FORMATS,
    exif_of_webp,
    plain_png_size,
    sniff,
    tiff_tags,
    webp_size,
)

CONVERT = "convert it to JPEG, PNG or WebP before the upload"
IPHONE = f"{CONVERT} (iPhone: Settings, Camera, Formats, Most Compatible)"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"RIFF\0\0\0\0WEBP", "webp"),
        (b"BM" + b"\0" * 12 + b"\x28\0\0\0", "bmp"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"II+\0", "tiff"),
    ],
)
def test_supported_formats_are_told_by_their_bytes(data: bytes, name: str) -> None:
    """A format's first bytes are enough to name it."""
    assert sniff(data) == name


def ftyp(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ftyp(b"heic"), f"HEIC is not supported; {IPHONE}"),
        (ftyp(b"hevc"), f"HEIC is not supported; {IPHONE}"),
        (ftyp(b"mif1"), f"HEIF is not supported; {IPHONE}"),
        (ftyp(b"avif"), f"AVIF is not supported; {CONVERT}"),
        (ftyp(b"crx "), f"Canon CR3 is not supported; {CONVERT}"),
        (b"%PDF-1.7", f"PDF is not supported; {CONVERT}"),
        (b"<svg xmlns=", f"SVG is not supported; {CONVERT}"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg>", f"SVG is not supported; {CONVERT}"),
        (b"8BPS", f"Photoshop is not supported; {CONVERT}"),
        (b"\xff\x0a", f"JPEG XL is not supported; {CONVERT}"),
        (b"\0\0\0\x0cjP  ", f"JPEG 2000 is not supported; {CONVERT}"),
        (b"\0\0\x01\0", f"ICO is not supported; {CONVERT}"),
    ],
)
def test_other_formats_are_named_with_the_remedy(data: bytes, message: str) -> None:
    """Who uploads a format that is known but not supported is told which it is and what to do."""
    assert rejection(data) == ("unsupported_format", message)


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"just text in a file named photo.jpg",
        b"BM are the first letters of this text",
        b"RIFF\0\0\0\0WAVE",
        ftyp(b"isom"),
        b"\0" * 1000,
        b"<html><body></body></html>",
    ],
)
def test_the_rest_is_not_an_image(data: bytes) -> None:
    """A name proves nothing: what is no image by its bytes is none."""
    assert rejection(data) == ("not_an_image", "the bytes are not those of an image")


@given(data=st.binary(max_size=40))
def test_any_bytes_have_a_format_or_are_rejected(data: bytes) -> None:
    """Nothing but a format's name or a rejection comes out."""
    try:
        answer = sniff(data)
    except Rejected as reason:
        answer = reason.code
    assert answer in (*FORMATS, "not_an_image", "unsupported_format")


def rejection(data: bytes) -> Any:
    with pytest.raises(Rejected) as caught:
        sniff(data)
    return caught.value.code, caught.value.message


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


@given(width=st.integers(1, 1 << 14), height=st.integers(1, 1 << 14))
def test_the_three_kinds_of_webp_tell_their_size(width: int, height: int) -> None:
    """Width and height are read from each kind of first chunk."""
    extended = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    lossless = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0\0\0\0\0"

    assert webp_size(webp((b"VP8X", extended))) == (width, height)
    assert webp_size(webp((b"VP8L", lossless))) == (width, height)
    lossy = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    assert webp_size(webp((b"VP8 ", lossy))) == (width & 0x3FFF, height & 0x3FFF)


def test_the_exif_of_a_webp_is_found_behind_odd_chunks() -> None:
    """Chunks are padded to even sizes; the EXIF chunk is found whatever stands before it."""
    data = webp((b"VP8X", bytes(10)), (b"ICCP", b"odd"), (b"EXIF", b"here"))

    assert exif_of_webp(data) == b"here"
    assert exif_of_webp(webp((b"VP8X", bytes(10)))) == b""


def test_a_long_description_is_no_fault() -> None:
    """A PNG whose compressed text unpacks to more than a megabyte is a picture."""
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "x" * 1_200_000, zip=True)
    file = io.BytesIO()
    Image.new("L", (3, 2)).save(file, "PNG", pnginfo=text)

    assert read_header(file.getvalue(), Limits()) == Header("png", 3, 2)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_the_tags_of_a_tiff_are_read(order: str, *, big: bool) -> None:
    """Both byte orders and both sizes of TIFF give the tags of the first directory."""
    tags = [256, 257, 256]
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head = struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    count = struct.pack(order + ("Q" if big else "H"), len(tags))
    entries = b"".join(struct.pack(order + "H", tag) + bytes(18 if big else 10) for tag in tags)

    assert tiff_tags(magic + head + count + entries) == tags
    with pytest.raises(ValueError, match="cut short"):
        tiff_tags(magic + head + count + entries[:-1])


@given(
    kind=st.sampled_from([np.uint8, np.uint16]),
    shape=st.sampled_from([(3, 5), (3, 5, 3), (3, 5, 4)]),
    at=st.integers(8, 44),
    value=st.integers(0, 255),
)
def test_a_plain_png_is_read_as_pillow_reads_it(
    kind: Any, shape: tuple[int, ...], at: int, value: int
) -> None:
    """Whatever byte of its header is changed, the size is Pillow's, or is left to Pillow."""
    data = bytearray(cv2.imencode(".png", np.zeros(shape, kind))[1])
    assert plain_png_size(bytes(data)) == (5, 3)
    data[at] = value
    header = struct.pack(">I", zlib.crc32(data[12:29]))

    for changed in (bytes(data), bytes(data[:29] + header + data[33:])):
        if size := plain_png_size(changed):
            with Image.open(io.BytesIO(changed), formats=["PNG"]) as image:
                assert image.size == size
                assert "exif" not in image.info


def test_a_png_with_more_than_a_picture_is_left_to_pillow() -> None:
    """A palette, a text or an orientation stands between header and picture."""
    page = Image.new("RGB", (2, 1))
    told, turned = PngInfo(), Image.Exif()
    told.add_text("a", "b")
    turned[0x0112] = 6

    several: list[tuple[Image.Image, dict[str, Any]]] = [
        (page, {"pnginfo": told}), (page, {"exif": turned}), (page.quantize(2), {}),
    ]  # fmt: skip
    for picture, more in several:
        out = io.BytesIO()
        picture.save(out, "PNG", **more)
        assert plain_png_size(out.getvalue()) is None
