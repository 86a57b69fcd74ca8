"""The sets of images that peers are measured on, and one with a file that is no image."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from fanlight.errors import FanlightError
from tools.bench.filled import digits
from tools.bench.function import SMALL
from tools.bench.networks import DIGITS
from tools.bench.pictures import photo
from tools.samples import FOLDER, pictures

FEW = 96
"""Images of the smaller folder: more than `fanlight run` does without further processes."""

BAD, GOOD = "20-cut.jpg", 63
"""The name of the file that is no whole image, and how many there are beside it."""


@dataclass(frozen=True)
class Images:
    """A set's name, its model's bundle, a folder with all of it and one with the first FEW."""

    name: str
    bundle: Path
    all: Path
    few: Path

    @property
    def count(self) -> int:
        """How many there are in all."""
        return sum(1 for _ in self.all.iterdir())


def digit_images(scratch: Path, count: int, folder: Path | None) -> Images:
    """The digits below `folder`, or those that ship, each under many names."""
    files = digits() if folder is None else pictures(folder)
    if not files:
        raise FanlightError(f"{folder} has no images")
    chosen = islice(cycle(files), count)
    named = {f"{number:06d}{path.suffix}": path.read_bytes() for number, path in enumerate(chosen)}
    return _written(scratch, "digits", DIGITS, named)


def photo_images(scratch: Path, count: int, bundle: Path) -> Images:
    """JPEGs of 0.2 megapixels, no two alike."""
    named = {f"{number:06d}.jpg": photo(*SMALL, seed=number) for number in range(count)}
    return _written(scratch, "photographs", bundle, named)


def _written(scratch: Path, name: str, bundle: Path, named: Mapping[str, bytes]) -> Images:
    if len(named) <= FEW:
        raise FanlightError(f"{len(named)} {name} are too few: more than {FEW} are needed")
    images = Images(f"{len(named):,} {name}", bundle, scratch / name, scratch / f"{name}-few")
    for folder, some in ((images.all, len(named)), (images.few, FEW)):
        folder.mkdir()
        for file, data in islice(named.items(), some):
            (folder / file).write_bytes(data)
    return images


def with_a_bad_one(folder: Path) -> None:
    """Write GOOD digits, and the first half of a JPEG somewhere among them."""
    folder.mkdir()
    for number, path in zip(range(GOOD), cycle(digits()), strict=False):
        shutil.copy(path, folder / f"{number:02d}.png")
    whole = (FOLDER / "pasted-7-00000.jpg").read_bytes()
    (folder / BAD).write_bytes(whole[: len(whole) // 2])
