"""Image processing on GetObject: the resizing that this project asks for, and nothing else."""

import re
from dataclasses import dataclass

import cv2

from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.image import decode, read_header
from tools.localcloud.oss_request import DIGITS
from tools.localcloud.oss_types import OssError

LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=250_000_000)
"""Of a source picture. Source: "Resize images", Limits, in the OSS documentation."""
_LONGEST, _LONGEST_RESIZED, _MOST_RESIZED = 30_000, 16_384, 16_777_216

QUALITY = 90
"""Of the JPEG and WebP made here; OSS does not say what its own have."""

_PROCESS = re.compile(rf"image/resize,m_mfit,w_({DIGITS}),h_\1(?:,limit_1)?/auto-orient,1")
_KINDS = {
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY]),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, QUALITY]),
    "png": (".png", []),
    "bmp": (".bmp", []),
}


@dataclass(frozen=True)
class Picture:
    """An encoded picture and its media type."""

    content: bytes
    type: str


def side_of(process: str) -> int:
    """The shorter side that `process` asks for; InvalidArgument for anything else."""
    asked = _PROCESS.fullmatch(process)
    if asked is None or not 1 <= int(asked[1]) <= _LONGEST_RESIZED:
        raise OssError(
            400, "InvalidArgument",
            "Spoken by this endpoint: image/resize,m_mfit,w_SIDE,h_SIDE,limit_1/auto-orient,1.",
        )  # fmt: skip
    return int(asked[1])


def resized(content: bytes, side: int) -> Picture:
    """In its own format, upright, the shorter side `side` pixels, or as it was if that is less.

    Raises ImageTooLarge or BadRequest for what OSS does not process.
    """
    try:
        header = read_header(content, LIMITS)
        if max(header.width, header.height) > _LONGEST:
            raise Rejected("too_many_pixels", f"a side is longer than {_LONGEST}")
        if header.format not in _KINDS:
            raise Rejected("unsupported_format", f"{header.format} is not resized here")
        pixels = decode(content, header, _LONGEST)
    except Rejected as reason:
        code = "ImageTooLarge" if reason.code.startswith("too_many") else "BadRequest"
        raise OssError(400, code, reason.message) from None
    height, width = pixels.shape[:2]
    factor = min(1.0, side / min(width, height))
    to = max(1, round(width * factor)), max(1, round(height * factor))
    if max(to) > _LONGEST_RESIZED or to[0] * to[1] > _MOST_RESIZED:
        raise OssError(400, "InvalidArgument", "The target image is too large.")
    if factor < 1:
        pixels = cv2.resize(pixels, to, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
    if pixels.ndim == 3:
        code_of = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[pixels.shape[2]]
        pixels = cv2.cvtColor(pixels, code_of).astype("uint8", copy=False)
    extension, how = _KINDS[header.format]
    _, data = cv2.imencode(extension, pixels, how)
    return Picture(data.tobytes(), f"image/{header.format}")
