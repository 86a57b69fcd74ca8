"""Which format bytes are in, told by their first few: a name such as `photo.jpg` proves nothing."""

import re
import struct
import zlib

from fanlight.errors import Rejected

FORMATS = ("jpeg", "png", "webp", "bmp", "gif", "tiff")

_PLAIN_PNG = re.compile(
    rb"\x89PNG\r\n\x1a\n\0\0\0\x0d(IHDR(.{8})[\x08\x10][\0\2\4\6]\0\0[\0\1])(.{4}).{4}IDAT",
    re.DOTALL,
)
"""Signature, header, picture. 8 or 16 bits a channel, no palette. Source: PNG, third edition."""

_GIF_EXTENSION, _GIF_PICTURE, _GIF_END = b"!,;"
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # sizes of the known DIB headers
_TO_JPEG = "convert it to JPEG, PNG or WebP before the upload"
_BRANDS = {
    b"hei": "HEIC", b"hev": "HEIC", b"mif": "HEIF", b"msf": "HEIF",
    b"avi": "AVIF", b"crx": "Canon CR3", b"jp2": "JPEG 2000",
}  # fmt: skip
"""First three letters of an ISO media file's brand."""

_UNSUPPORTED = {
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL", b"\x00\x00\x00\x0cJXL ": "JPEG XL", b"8BPS": "Photoshop",
    b"%PDF": "PDF", b"<svg": "SVG", b"\x00\x00\x01\x00": "ICO", b"qoif": "QOI",
}  # fmt: skip


def sniff(data: bytes) -> str:
    """One of `FORMATS`; Rejected names what else it is, where that is known."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        return "tiff"
    raise _unsupported(data)


def _unsupported(data: bytes) -> Rejected:
    if data[4:8] == b"ftyp" and (brand := _BRANDS.get(data[8:11])):
        remedy = _TO_JPEG
        if brand in ("HEIC", "HEIF"):
            remedy += " (iPhone: Settings, Camera, Formats, Most Compatible)"
        return Rejected("unsupported_format", f"{brand} is not supported; {remedy}")
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _UNSUPPORTED.items():
        if data.startswith(magic) or (name == "SVG" and b"<svg" in head):
            return Rejected("unsupported_format", f"{name} is not supported; {_TO_JPEG}")
    return Rejected("not_an_image", "the bytes are not those of an image")


def gif_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of the screen, widened to hold the first picture.

    Source: GIF89a specification, sections 18, 20 and 23.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while (block := data[at]) != _GIF_PICTURE:
        if block == _GIF_END:
            raise ValueError("no picture is in it")
        if block == _GIF_EXTENSION:
            at += 2
            while data[at]:
                at += 1 + data[at]
        at += 1
    left, top, across, down = struct.unpack_from("<HHHH", data, at + 1)
    return max(width, left + across), max(height, top + down)


def png_claims(data: bytes) -> int:
    """The most bytes that a chunk of a PNG says it has. Source: PNG, third edition, 5.3.

    An IEND before any IDAT is no end: OpenCV reads on until it has found the picture.
    """
    at, most, begun = 8, 0, False
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        most = max(most, length)
        if kind == b"IEND" and begun:
            break
        begun = begun or kind == b"IDAT"
        at += 12 + length
    return most


def plain_png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG that has nothing between its header and the picture; else None.

    Nothing else can be wrong before its picture, so that no other reader need look at it.
    """
    found = _PLAIN_PNG.match(data)
    if not found or zlib.crc32(found[1]) != int.from_bytes(found[3], "big"):
        return None
    width, height = struct.unpack(">II", found[2])
    return (width, height) if width and height else None


def tiff_tags(data: bytes) -> list[int]:
    """The tags of a TIFF's first directory, in file order. Source: TIFF 6.0, section 2; BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in (b"+\x00", b"\x00+"):
        first, count, head, entry = "Q", "Q", 8, 20
    else:
        first, count, head, entry = "I", "H", 2, 12
    (at,) = struct.unpack_from(order + first, data, 8 if first == "Q" else 4)
    (entries,) = struct.unpack_from(order + count, data, at)
    if at + head + entries * entry > len(data):
        raise ValueError("the directory is cut short")
    start = at + head
    return [struct.unpack_from(order + "H", data, start + entry * n)[0] for n in range(entries)]


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels. Source: WebP container specification, RFC 9649."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return (
            1 + int.from_bytes(body[4:7], "little"),
            1 + int.from_bytes(body[7:10], "little"),
        )
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", body, 1)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError(f"unknown chunk {kind!r}")


def exif_of_webp(data: bytes) -> bytes:
    """The EXIF chunk of a WebP file, empty if it has none."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return b""
