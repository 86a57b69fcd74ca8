"""A confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tools.training.metrics import Counts

_CELL, _SMALLEST, _WIDEST = 56, 14, 1200
"""Pixels of a cell: 56, less where the matrix would be wider than 1,200."""
_TEXT, _EDGE, _GAP = 18, 24, 10
_LONGEST = 24
"""Characters of a label that are shown."""
_PAPER, _INK, _LINE, _NONE = (255, 255, 255), (32, 32, 32), (205, 205, 205), (246, 246, 246)
_RIGHT, _WRONG = (24, 110, 80), (185, 55, 40)
_FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "SourceHanSansCN-Regular.otf", "msyh.ttc",
    "PingFang.ttc", "STHeiti Medium.ttc", "Arial Unicode.ttf", "DejaVuSans.ttf",
)  # fmt: skip
"""Looked for where the system keeps its fonts, for labels that Pillow's own font cannot write."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]


def draw(matrix: Counts, labels: Sequence[str], path: Path) -> None:
    """Write a PNG: true classes down, said classes across; shades are shares of a row.

    Labels that no font at hand can write are shown by their numbers, from 1.
    """
    cell = max(_SMALLEST, min(_CELL, _WIDEST // len(labels)))
    font, names = _written(labels, max(8, min(_TEXT, cell - 2)))
    margin = _EDGE + _GAP + max(int(font.getlength(name)) for name in (*names, "true / said"))
    side = margin + len(names) * cell
    image = Image.new("RGB", (side + _EDGE, side + _EDGE), _PAPER)
    pen = ImageDraw.Draw(image)
    heads = Image.new("RGB", (margin, len(names) * cell), _PAPER)
    across = ImageDraw.Draw(heads)
    for index, name in enumerate(names):
        middle = index * cell + cell // 2
        across.text((_GAP, middle), name, _INK, font, anchor="lm")
        pen.text((margin - _GAP, margin + middle), name, _INK, font, anchor="rm")
    image.paste(heads.transpose(Image.Transpose.ROTATE_90), (margin, 0))
    pen.text((margin - _GAP, margin - _GAP), "true / said", _INK, font, anchor="rs")
    for row, counts in enumerate(matrix.tolist()):
        for column, count in enumerate(counts):
            share = count / max(sum(counts), 1)
            colour = _RIGHT if row == column else _WRONG
            corner = margin + column * cell, margin + row * cell
            _cell(pen, corner, cell, count, _shade(colour, share) if count else _NONE)
    image.save(path)


def _cell(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], cell: int, count: int, fill: Colour
) -> None:
    left, top = corner
    pen.rectangle((left, top, left + cell, top + cell), fill, _LINE)
    font = ImageFont.load_default(max(8, min(_TEXT, cell // 2)))
    if count and font.getlength(str(count)) < cell - 2:
        ink = _INK if sum(fill) > 400 else _PAPER
        pen.text((left + cell // 2, top + cell // 2), str(count), ink, font, anchor="mm")


def _shade(colour: Colour, share: float) -> Colour:
    """From a tint, so that one picture in a hundred is still seen, to the full colour."""
    red, green, blue = (round(255 - (255 - part) * (0.18 + 0.82 * share)) for part in colour)
    return red, green, blue


def _written(labels: Sequence[str], size: int) -> tuple[Font, list[str]]:
    """A font, and the labels as it can write them."""
    short = [label if len(label) <= _LONGEST else f"{label[: _LONGEST - 3]}..." for label in labels]
    own = ImageFont.load_default(size)
    if "".join(labels).isascii():
        return own, short
    for name in _FONTS:
        try:
            font = ImageFont.truetype(name, size)
        except OSError:
            continue
        if all(_can_write(font, char) for char in set("".join(short))):
            return font, short
    return own, [str(number) for number, _ in enumerate(labels, 1)]


def _can_write(font: ImageFont.FreeTypeFont, char: str) -> bool:
    """Whether it does not look like the box that stands for what a font has not."""
    missing = font.getmask("\U0010fffd")
    mask = font.getmask(char)
    return char.isspace() or mask.size != missing.size or bytes(mask) != bytes(missing)
