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
_LONGEST = 30_000
_LONGEST_RESIZED, _MOST_RESIZED = 16_384, 16_777_216
"""Pixels: of a side before and after, and of the whole picture after. The same source."""

_PROCESS = re.compile(
    rf"image/resize,m_mfit,w_({DIGITS}),h_\1(?:,limit_1)?/auto-orient,1/quality,Q_({DIGITS})"
)
_KINDS = {
    "jpeg": (".jpg", cv2.IMWRITE_JPEG_QUALITY),
    "webp": (".webp", cv2.IMWRITE_WEBP_QUALITY),
    "png": (".png", None),
    "bmp": (".bmp", None),
}
"""By format: the extension OpenCV knows it by, and what its quality is set with, if it has one."""


@dataclass(frozen=True)
class Process:
    """What is asked for: pixels of the shorter side, and the quality of JPEG and WebP, to 100."""

    side: int
    quality: int


@dataclass(frozen=True)
class Picture:
    """An encoded picture and its media type."""

    content: bytes
    type: str


def parse(process: str) -> Process:
    """What `process` asks for; InvalidArgument for what is not spoken here."""
    asked = _PROCESS.fullmatch(process)
    found = Process(int(asked[1]), int(asked[2])) if asked else Process(0, 0)
    if not (1 <= found.side <= _LONGEST_RESIZED and 1 <= found.quality <= 100):
        raise OssError(
            400, "InvalidArgument",
            "Spoken by this endpoint: "
            "image/resize,m_mfit,w_SIDE,h_SIDE,limit_1/auto-orient,1/quality,Q_QUALITY.",
        )  # fmt: skip
    return found


def resized(content: bytes, process: Process) -> Picture:
    """In its own format and upright; the shorter side as asked for, or as it was if that is less.

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
    factor = min(1.0, process.side / min(width, height))
    to = max(1, round(width * factor)), max(1, round(height * factor))
    if max(to) > _LONGEST_RESIZED or to[0] * to[1] > _MOST_RESIZED:
        raise OssError(400, "InvalidArgument", "The target image is too large.")
    if factor < 1:
        pixels = cv2.resize(pixels, to, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
    if pixels.ndim == 3:
        code_of = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[pixels.shape[2]]
        pixels = cv2.cvtColor(pixels, code_of).astype("uint8", copy=False)
    extension, quality = _KINDS[header.format]
    how = [] if quality is None else [quality, process.quality]
    _, data = cv2.imencode(extension, pixels, how)
    return Picture(data.tobytes(), f"image/{header.format}")
