"""Bytes into pixels: header first, limits before memory is spent, JPEGs shrunk while they load.

Uploads are hostile. Only the six formats of `FORMATS`, told by their header, reach a decoder,
and only after their header has said that they stay within the limits.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.jpeg import jpeg_scans, without_refinements
from fanlight.sniff import (
    exif_of_webp,
    gif_size,
    plain_png_size,
    png_claims,
    sniff,
    tiff_tags,
    webp_size,
)

Pixels = npt.NDArray[np.uint8]
"""H x W (grey), H x W x 3 (RGB) or H x W x 4 (RGBA), 0 to 255, as a person sees it: turned."""

MAX_SCANS = 100
"""Encoders write about 10; a file made of hundreds is made to keep a decoder busy."""

# Long descriptions and colour profiles are no fault; all texts of a file together stay bounded.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
Image.MAX_IMAGE_PIXELS = None  # `Limits.max_pixels` does this job, with an error of its own
cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # a corrupt upload is an ordinary result, not a page of decoder complaints

_ORIENTATION = 0x0112
_TURNS = {2: (1, None), 3: (-1, None), 4: (0, None), 5: (1, cv2.ROTATE_90_COUNTERCLOCKWISE),
          6: (None, cv2.ROTATE_90_CLOCKWISE), 7: (1, cv2.ROTATE_90_CLOCKWISE),
          8: (None, cv2.ROTATE_90_COUNTERCLOCKWISE)}  # fmt: skip
"""EXIF orientation -> (cv2.flip code, then cv2.rotate code). Source: EXIF 2.3, tag 0x0112."""

_FLAGS = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
          8: cv2.IMREAD_REDUCED_COLOR_8}  # fmt: skip
"""How OpenCV decodes a JPEG to 1/scale of its size."""


@dataclass(frozen=True)
class Header:
    """What an image says of itself. Width and height are as stored, before any EXIF turn."""

    format: str
    width: int
    height: int
    orientation: int = 1


Decode = Callable[[bytes, Limits], tuple[Header, Pixels]]
"""An encoded image -> what it says of itself, and its pixels; Rejected if it is not one."""


def read_header(data: bytes, limits: Limits) -> Header:
    """Read format and size without decoding; Rejected when they are not acceptable."""
    if not data:
        raise Rejected("empty", "the object has no bytes")
    if len(data) > limits.max_bytes:
        raise too_many_bytes(len(data), limits)
    name = sniff(data)
    try:
        header = {"png": _png, "webp": _webp, "gif": _gif}.get(name, partial(_pillow, name=name))(
            data
        )
    except Exception:  # noqa: BLE001 - Pillow raises whatever a broken header leads it to
        raise Rejected("corrupt", f"the {name.upper()} header cannot be read") from None
    if header.format == "jpeg" and (scans := jpeg_scans(data, MAX_SCANS)) > MAX_SCANS:
        raise Rejected("corrupt", f"the JPEG has {scans} scans; {MAX_SCANS} at most are decoded")
    if header.width < 1 or header.height < 1:
        raise Rejected("corrupt", f"the {name.upper()} header says {header.width}x{header.height}")
    if header.width * header.height > limits.max_pixels:
        raise Rejected(
            "too_many_pixels",
            f"{header.width}x{header.height} is more than {limits.max_pixels} pixels "
            "(FANLIGHT_MAX_PIXELS)",
        )
    return header


def too_many_bytes(size: int, limits: Limits) -> Rejected:
    """The rejection of an object of `size` bytes, worded the same wherever it is noticed."""
    limit = limits.max_bytes
    return Rejected("too_many_bytes", f"{size} bytes is more than {limit} (FANLIGHT_MAX_BYTES)")


def decode(data: bytes, header: Header, min_side: int) -> Pixels:
    """Decode to 8 bits a channel, turned upright.

    JPEGs are decoded at the smallest DCT scale (1/2, 1/4, 1/8) that leaves each side at least
    `min_side` pixels; other formats in full, since OpenCV has no smaller scale for them.
    """
    scale = _scale(header, min_side)
    if scale >= 4:  # at 1/2 it would show
        data = without_refinements(data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _flags(header, scale))
    except cv2.error:
        raise Rejected("corrupt", f"the {header.format.upper()} cannot be decoded") from None
    if image is None:
        raise Rejected("corrupt", f"the {header.format.upper()} is cut short or damaged")
    if header.format == "tiff" and image.dtype == np.uint8 and image.shape[2:] == (4,):
        image = _straight(image.view(np.uint8))
    return _turn(_channels(_eight_bits(image)), header)


def _scale(header: Header, min_side: int) -> int:
    if header.format != "jpeg":
        return 1
    room = min(header.width, header.height) // max(min_side, 1)
    return max(scale for scale in _FLAGS if scale == 1 or scale <= room)


def _flags(header: Header, scale: int) -> int:
    if header.format != "jpeg":
        return cv2.IMREAD_UNCHANGED
    return _FLAGS[scale] | cv2.IMREAD_IGNORE_ORIENTATION


def _straight(image: Pixels) -> Pixels:
    """Colours without their alpha: libtiff multiplies them by it, other decoders do not."""
    *colours, alpha = cv2.split(image)
    straight = [cv2.divide(colour, alpha, scale=255) for colour in colours]
    return cv2.merge([*straight, alpha]).astype(np.uint8, copy=False)


def _eight_bits(image: npt.NDArray[np.generic]) -> Pixels:
    if image.dtype == np.uint8:
        return image.view(np.uint8)
    if image.dtype == np.uint16:
        return (image.view(np.uint16) >> 8).astype(np.uint8)
    raise Rejected(
        "unsupported_format", f"samples of type {image.dtype}; use 8 or 16 bits a channel"
    )


def _channels(image: Pixels) -> Pixels:
    """OpenCV's BGR(A) into RGB(A)."""
    if image.ndim == 2:
        return image
    if image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    if image.shape[2] == 4:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA).astype(np.uint8, copy=False)
    raise Rejected("unsupported_format", f"{image.shape[2]} channels; use grey, RGB or RGBA")


def _turn(image: Pixels, header: Header) -> Pixels:
    if header.format == "tiff":  # libtiff has turned it already
        return image
    flip, rotate = _TURNS.get(header.orientation, (None, None))
    if flip is not None:
        image = cv2.flip(image, flip).astype(np.uint8, copy=False)
    if rotate is not None:
        image = cv2.rotate(image, rotate).astype(np.uint8, copy=False)
    return image


def _pillow(data: bytes, name: str) -> Header:
    if name == "tiff" and len(tags := tiff_tags(data)) != len(set(tags)):
        # Of two widths Pillow may check one and libtiff decode the other.
        raise ValueError("a tag stands twice")
    with Image.open(io.BytesIO(data), formats=[name.upper()]) as image:
        width, height = image.size
        # Not image.getexif() for all of them: for a PNG that decodes the whole picture.
        exif = image.getexif() if name == "tiff" else image.info.get("exif", b"")
        orientation = _orientation(exif)
        if name == "tiff" and orientation in (5, 6, 7, 8):  # Pillow has exchanged them
            width, height = height, width
        return Header(name, width, height, orientation)


def _png(data: bytes) -> Header:
    if png_claims(data) > len(data):
        # OpenCV allocates and clears what a chunk says it has, up to 4 GB for a file of 40 bytes.
        raise ValueError("a chunk says it is longer than the file")
    # Pillow takes longer than decoding, where the picture is a digit.
    size = plain_png_size(data)
    return Header("png", *size) if size else _pillow(data, "png")


def _gif(data: bytes) -> Header:
    # Pillow would allocate the first picture's place on opening, before the limits are checked.
    return Header("gif", *gif_size(data))


def _webp(data: bytes) -> Header:
    # Pillow would allocate the canvas twice on opening, before the limits are checked.
    width, height = webp_size(data)
    return Header("webp", width, height, _orientation(exif_of_webp(data)))


def _orientation(data: bytes | Image.Exif) -> int:
    """1, upright, where the EXIF data says nothing or is broken: the picture can still be good."""
    try:
        exif = Image.Exif() if isinstance(data, bytes) else data
        if isinstance(data, bytes):
            exif.load(data)
        value = exif.get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow raises whatever broken data leads it to
        return 1
    return value if isinstance(value, int) else 1
