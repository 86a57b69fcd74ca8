"""Photographs to measure with: those of a folder, pieces of them, and mosaics of 12 megapixels."""

import io
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 92
"""Of the JPEGs made here."""

MOSAIC = (4000, 3000)
"""Width and height in pixels: 12 megapixels."""


@dataclass(frozen=True)
class Photo:
    """A JPEG. `source`: the file that it is or was cut from."""

    name: str
    source: str
    progressive: bool
    data: bytes


def photos(
    folder: Path, names: Sequence[str] = (), crops: int = 0, least: int = 1
) -> Iterator[Photo]:
    """The pictures below `folder` as JPEGs, or those of them that have these names.

    JPEGs come as they are, other formats encoded anew, on white where they are transparent; links
    and what is no picture are passed over. `crops`: so many squares of at least `least` pixels a
    side are cut from each too, see `pieces`, every other one progressive.
    """
    for file in [folder / name for name in names] or sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        name = os.fspath(file.relative_to(folder))
        try:
            with Image.open(file) as image:
                progressive = "progressive" in image.info
                pixels = flat(image)
                as_it_is = image.format == "JPEG"
        except (OSError, SyntaxError, ValueError):
            continue
        data = file.read_bytes() if as_it_is else encoded(pixels, progressive=False)
        yield Photo(name, name, progressive, data)
        for number, piece in enumerate(pieces(pixels, crops, least, zlib.crc32(name.encode()))):
            made = encoded(piece, progressive=number % 2 == 1)
            yield Photo(f"{name} piece {number}", name, number % 2 == 1, made)


def listed(file: Path) -> list[str]:
    """The lines of a file that are no remarks."""
    return [line for line in file.read_text("utf-8").splitlines() if line and line[0] != "#"]


def flat(image: Image.Image) -> Image.Image:
    """RGB, on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def pieces(image: Image.Image, count: int, least: int, seed: int) -> Iterator[Image.Image]:
    """`count` squares of the picture's own pixels, anywhere in it; none of a small picture.

    Their sides go from `least` to its shorter side, as many from 1500 to 3000 as from 1000 to 2000.
    They overlap: two of them agree with each other more often than two photographs would.
    """
    most = min(image.size)
    if most < least:
        return
    random = np.random.default_rng(seed)
    for _ in range(count):
        side = min(most, round(least * (most / least) ** random.random()))
        left = int(random.integers(image.width - side + 1))
        top = int(random.integers(image.height - side + 1))
        yield image.crop((left, top, left + side, top + side))


def mosaics(tiles: Iterable[Photo], count: int) -> Iterator[Photo]:
    """`count` pictures of 12 megapixels, each baseline and progressive, tiled with photographs.

    A mosaic has the detail of photographs, if not the look of one: good for time, not for labels.
    """
    several = list(tiles)
    if not several:
        raise ValueError("a mosaic is made of photographs")
    random = np.random.default_rng(1)
    for number in range(count):
        canvas = Image.new("RGB", MOSAIC)
        top = 0
        while top < canvas.height:
            left, tallest = 0, 0
            while left < canvas.width:
                with Image.open(io.BytesIO(several[random.integers(len(several))].data)) as opened:
                    tile = opened.convert("RGB")
                canvas.paste(tile, (left, top))
                left, tallest = left + tile.width, max(tallest, tile.height)
            top += tallest
        for progressive in (False, True):
            data = encoded(canvas, progressive=progressive)
            yield Photo(f"mosaic {number}", f"mosaic {number}", progressive, data)


def encoded(image: Image.Image, *, progressive: bool) -> bytes:
    """A JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, progressive=progressive)
    return out.getvalue()
