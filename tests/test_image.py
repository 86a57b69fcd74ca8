"""Bytes into pixels: six formats, upright, within limits, and an error of its own for the rest."""

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.image import Header, Pixels, decode, read_header
from fanlight.result import REASONS
from fanlight.sniff import FORMATS

WIDTH, HEIGHT = 48, 32
LIMITS = Limits()
LOSSLESS: dict[str, dict[str, Any]] = {"png": {}, "webp": {"lossless": True}, "bmp": {}, "tiff": {}}
MAGIC = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"II*\x00",
         b"MM\x00*", b"II+\x00", b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", b"RIFF\0\0\0\0WEBPVP8X",
         b"RIFF\0\0\0\0WEBPVP8L", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypheic",
         b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"<svg",
         b"\xff\xd8\xff\xe1\0\x20Exif\0\0MM\0*"]  # fmt: skip


def picture() -> Image.Image:
    """Four colours, one a quarter, so that every turn shows."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:16, :16] = (255, 0, 0)
    pixels[:16, 16:] = (0, 255, 0)
    pixels[16:, :16] = (0, 0, 255)
    pixels[16:, 16:] = (255, 255, 0)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, name.upper(), **options)
    return out.getvalue()


def sample(name: str, image: Image.Image | None = None) -> bytes:
    options = {"jpeg": {"quality": 95, "subsampling": 0}, **LOSSLESS}.get(name, {})
    return encoded(image or picture(), name, **options)


def decoded(data: bytes, min_side: int = 10_000) -> Pixels:
    return decode(data, read_header(data, LIMITS), min_side)


def refusal(data: bytes, limits: Limits = LIMITS) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        decode(data, read_header(data, limits), 1)
    return caught.value.code, caught.value.message


def far(first: Any, second: Any) -> int:
    """The largest difference of two pictures of one shape."""
    first, second = np.asarray(first, np.int32), np.asarray(second, np.int32)
    assert first.shape == second.shape
    return int(np.abs(first - second).max())


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_read(name: str) -> None:
    """Each of the six formats gives its header and its pixels, as RGB."""
    data = sample(name)

    assert read_header(data, LIMITS) == Header(name, WIDTH, HEIGHT)
    assert far(decoded(data), picture()) <= (2 if name == "jpeg" else 0)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_exif_says(name: str, orientation: int) -> None:
    """Each of the eight orientations is undone as Pillow undoes it; the header is as stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpeg": {"quality": 95, "subsampling": 0}, **LOSSLESS}[name]
    data = encoded(picture(), name, exif=exif, **options)
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")

    header = read_header(data, LIMITS)
    assert (header.width, header.height, header.orientation) == (WIDTH, HEIGHT, orientation)
    assert far(decoded(data), upright) <= (2 if name == "jpeg" else 0)


@pytest.mark.parametrize("kind", [b"IDAT", b"tEXt", b"fdAT"])
def test_a_png_chunk_longer_than_its_file_is_refused_before_it_is_decoded(kind: bytes) -> None:
    """The decoder would make room for as many bytes as the chunk says it has."""
    data = sample("png")
    at = data.index(b"IDAT") - 4
    early = data[:at] + data[-12:]  # IEND where the picture has yet to come
    for start in (data[:at], data[:-12], early):
        long = start + b"\x60\0\0\0" + kind
        with pytest.raises(Rejected) as caught:
            read_header(long, LIMITS)

        assert caught.value.code == "corrupt"


def test_what_follows_the_end_of_a_png_is_not_looked_at() -> None:
    """Bytes after the last chunk, as some programs leave, cost no picture its answer."""
    assert far(decoded(sample("png") + b"\x60\0\0\0tEXt"), picture()) == 0


def test_a_gif_is_as_large_as_its_screen_or_its_first_picture() -> None:
    """Widths and heights are those that Pillow sees, whatever stands before the picture."""
    plain = sample("gif")
    at = plain.index(b",", 13 + 3 * 256 if plain[10] & 7 == 7 else 13)
    for data in (
        plain,
        encoded(picture(), "gif", comment=b"x" * 600, save_all=True, append_images=[picture()]),
        plain[:6] + b"\1\0\1\0" + plain[10:],
        plain[:at] + b"!\xfe\3a,b\0" + plain[at:],
    ):
        with Image.open(io.BytesIO(data)) as image:
            header = read_header(data, LIMITS)

            assert (header.width, header.height) == image.size == (WIDTH, HEIGHT)


def test_a_huge_gif_is_refused() -> None:
    """A screen or a first picture past the limit is too many pixels."""
    plain = sample("gif")
    for data in (
        plain[:6] + b"\xff" * 4 + plain[10:],
        plain[:10] + b"\0\0\0," + b"\0\0\0\0\xff\xff\xff\xff\0",
    ):
        assert refusal(data)[0] == "too_many_pixels"


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(orientation: int) -> None:
    """Numbers that EXIF does not know leave the picture as it is stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation

    assert far(decoded(encoded(picture(), "png", exif=exif)), picture()) == 0


@pytest.mark.parametrize("name", ["png", "webp"])
def test_transparency_is_kept(name: str) -> None:
    """A picture with alpha comes as RGBA, its colours where they were."""
    image = picture()
    image.putalpha(Image.linear_gradient("L").resize(image.size))

    shown = decoded(encoded(image, name, **{**LOSSLESS[name], **_exact(name)}))

    assert far(shown, image) == 0


def test_the_transparency_of_a_tiff_is_kept() -> None:
    """A TIFF's colours are not darkened by their alpha, though libtiff would have it so."""
    image = picture()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    white = Image.new("RGBA", image.size, "white")
    shown = decoded(encoded(image, "tiff"))

    assert far(shown[..., 3], image.getchannel("A")) == 0
    assert far(Image.alpha_composite(white, Image.fromarray(shown)),
               Image.alpha_composite(white, image)) <= 2  # fmt: skip


def _exact(name: str) -> dict[str, Any]:
    """By default WebP drops the colour of what is fully transparent."""
    return {"exact": True} if name == "webp" else {}


@pytest.mark.parametrize("name", ["png", "tiff"])
def test_sixteen_bits_become_eight(name: str) -> None:
    """Of 16-bit samples the upper half is kept, in grey and in colour."""
    grey = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    colour = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=2)

    for image in (grey, colour):
        data = cv2.imencode(f".{name}", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()
        assert far(decoded(data), image >> 8) == 0


def test_one_bit_is_black_and_white() -> None:
    """A picture of one bit a pixel comes as grey 0 and 255."""
    image = picture().convert("L").point(lambda value: 255 * (value > 100)).convert("1")

    for name in ("png", "bmp", "tiff"):
        shown = decoded(encoded(image, name))
        plain = shown if shown.ndim == 2 else shown[:, :, 0]
        assert far(plain, image.convert("L")) == 0


@pytest.mark.parametrize("name", ["png", "gif", "bmp", "tiff"])
def test_a_palette_is_looked_up(name: str) -> None:
    """A picture with a palette comes in its colours."""
    image = picture().quantize(4)

    assert far(decoded(encoded(image, name))[..., :3], image.convert("RGB")) == 0


def test_grey_stays_grey() -> None:
    """A grey PNG comes with one channel, for whoever wants one."""
    image = picture().convert("L")

    assert far(decoded(encoded(image, "png")), image) == 0


def test_a_cmyk_jpeg_has_its_colours() -> None:
    """A JPEG for print comes as RGB, near what Pillow makes of it."""
    image = picture().convert("CMYK")

    assert far(decoded(encoded(image, "jpeg", quality=95)), picture()) <= 8


def test_of_an_animation_the_first_picture_counts() -> None:
    """Only the first frame of a GIF and the first page of a TIFF are looked at."""
    other = Image.new("RGB", (WIDTH, HEIGHT), "white")

    for name in ("gif", "tiff"):
        data = encoded(picture(), name, save_all=True, append_images=[other])
        assert far(decoded(data)[..., :3], picture()) == 0


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_picture_cut_short_is_corrupt(name: str, share: float) -> None:
    """What ends before it should is refused, whatever part of it is there."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = sample(name, Image.fromarray(noise))

    assert refusal(data[: int(len(data) * share)])[0] == "corrupt"


@pytest.mark.parametrize("name", FORMATS)
def test_a_header_without_a_picture_is_corrupt(name: str) -> None:
    """The first bytes of a format alone, or followed by nonsense, are a broken picture of it."""
    magic = sample(name)[:18]

    for data in (magic, magic + b"\xa5" * 100):
        assert refusal(data)[0] == "corrupt"


def test_no_bytes_are_empty() -> None:
    """An object without bytes has a reason of its own."""
    assert refusal(b"") == ("empty", "the object has no bytes")


def test_too_many_bytes_are_refused_unread() -> None:
    """The limit of bytes comes before any look at them."""
    assert refusal(b"x" * 101, Limits(max_bytes=100)) == (
        "too_many_bytes",
        "101 bytes is more than 100 (FANLIGHT_MAX_BYTES)",
    )


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def claiming(name: str) -> bytes:
    """A picture whose header says 60000 x 60000, or the most its format can say."""
    if name == "png":
        return png_claiming(60000, 60000)
    data = bytearray(sample(name))
    if name == "jpeg":
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", 60000, 60000)
    elif name == "bmp":
        data[18:26] = struct.pack("<ii", 60000, 60000)
    elif name == "gif":
        data[6:10] = struct.pack("<HH", 60000, 60000)
    elif name == "tiff":
        for tag, size in ((256, WIDTH), (257, HEIGHT)):
            at = data.index(struct.pack("<HHII", tag, 4, 1, size))
            data[at + 8 : at + 12] = struct.pack("<I", 60000)
    elif name == "webp":
        return b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x5f\xea\0" * 2 + bytes(data[12:])
    return bytes(data)


@pytest.mark.parametrize("name", FORMATS)
def test_a_header_that_claims_too_much_is_believed(name: str) -> None:
    """Too many pixels are refused from the header, before any memory is taken for them."""
    assert refusal(claiming(name)) == (
        "too_many_pixels",
        "60000x60000 is more than 64000000 pixels (FANLIGHT_MAX_PIXELS)",
    )


def with_two_sizes(name: str, *, small_first: bool) -> bytes:
    """A whole picture of 2000 x 2000 that also says, before or behind that, that it is 10 x 10."""
    large = sample(name, Image.new("RGB", (2000, 2000)))
    if name == "png":
        small = png_claiming(10, 10)[8:33]
        at = 8 if small_first else 33
    elif name == "jpeg":
        start = large.index(b"\xff\xc0")
        end = start + 2 + int.from_bytes(large[start + 2 : start + 4], "big")
        small = large[start : start + 5] + struct.pack(">HH", 10, 10) + large[start + 9 : end]
        at = start if small_first else end
    elif name == "webp":
        small = b"VP8X\x0a\0\0\0\0\0\0\0" + b"\x09\0\0" * 2
        at = 12 if small_first else len(large)
    else:
        return tiff_with_two_sizes(small_first=small_first)
    return large[:at] + small + large[at:]


def tiff_with_two_sizes(*, small_first: bool) -> bytes:
    sizes = (10, 2000) if small_first else (2000, 10)
    body = zlib.compress(bytes(2000 * 2000))
    tags = [(256, size) for size in sizes] + [(257, size) for size in sizes]
    tags += [(258, 8), (259, 8), (262, 1), (273, 8 + 2 + 12 * 11 + 4), (277, 1), (278, 2000)]
    tags += [(279, len(body))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0" + body


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("small_first", [True, False])
def test_a_second_size_does_not_pass_the_limit(name: str, *, small_first: bool) -> None:
    """A file that says two sizes is never decoded larger than the size that was checked."""
    data = with_two_sizes(name, small_first=small_first)

    try:
        pixels = decode(data, read_header(data, Limits(max_pixels=1000)), 1)
    except Rejected:
        return
    assert pixels.shape[0] * pixels.shape[1] <= 1000


def test_the_limit_of_pixels_is_the_setting() -> None:
    """At the limit a picture passes, one pixel beyond it does not."""
    data = sample("png")

    assert read_header(data, Limits(max_pixels=WIDTH * HEIGHT)).width == WIDTH
    with pytest.raises(Rejected, match="48x32 is more than 1535 pixels"):
        read_header(data, Limits(max_pixels=WIDTH * HEIGHT - 1))


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    min_side=st.integers(1, 300),
    orientation=st.integers(1, 8),
)
def test_a_reduced_jpeg_keeps_enough(
    width: int, height: int, min_side: int, orientation: int
) -> None:
    """Shrinking on load leaves both sides at least `min_side`, and halves as often as it may."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.new("L", (width, height)), "jpeg", exif=exif)
    shape = decoded(data, min_side).shape[:2]
    stored = shape if orientation < 5 else shape[::-1]

    least = min(width, height)
    scale = max(scale for scale in (1, 2, 4, 8) if scale == 1 or least // scale >= min_side)
    assert stored == (-(-height // scale), -(-width // scale))
    assert min(stored) >= min(min_side, least)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_reduced_jpeg_is_the_mean_of_its_pixels(
    scale: int, mode: str, *, progressive: bool, orientation: int
) -> None:
    """Each pixel of it is that of a square of the full picture, of whatever kind the JPEG is."""
    small = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    image = Image.fromarray(small).resize((112, 80), Image.Resampling.BICUBIC).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, "jpeg", quality=95, subsampling=0, progressive=progressive, exif=exif)
    full = decoded(data)
    height, width = full.shape[:2]

    expected = cv2.resize(full, (width // scale, height // scale), interpolation=cv2.INTER_AREA)

    assert far(decoded(data, 80 // scale), expected) <= 4


def tried(data: bytes) -> tuple[Header, Pixels] | Rejected:
    try:
        header = read_header(data, Limits(max_pixels=1_000_000))
        return header, decode(data, header, 28)
    except Rejected as reason:
        return reason


def header_or_rejected(data: bytes) -> None:
    answer = tried(data)
    if isinstance(answer, Rejected):
        assert answer.code in REASONS
        assert answer.message
        return
    header, pixels = answer
    assert header.format in FORMATS
    assert pixels.dtype == np.uint8
    assert pixels.shape[2:] in ((), (3,), (4,))


@settings(max_examples=300, deadline=None)
@given(magic=st.sampled_from([b"", *MAGIC]), rest=st.binary(max_size=200))
def test_any_bytes_are_a_picture_or_rejected(magic: bytes, rest: bytes) -> None:
    """Whatever is uploaded, it is an 8-bit picture or has a reason; nothing else is raised."""
    header_or_rejected(magic + rest)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(FORMATS),
    at=st.integers(0, 10_000),
    change=st.binary(min_size=1, max_size=4),
)
def test_a_damaged_picture_is_a_picture_or_rejected(name: str, at: int, change: bytes) -> None:
    """A few bytes changed anywhere in a picture lead to no other error either."""
    data = bytearray(sample(name))
    at %= len(data)
    data[at : at + len(change)] = change

    header_or_rejected(bytes(data))
