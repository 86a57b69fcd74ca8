"""Many photographs out of a few: each another piece of one, for pages that hold thousands."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from fanlight import result
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.cores import cores
from fanlight.document import to_bytes
from fanlight.errors import FanlightError
from fanlight.image import Header, Pixels, decode, read_header
from fanlight.model import Prediction
from fanlight.place import Place, result_key
from fanlight.preprocess import on_white
from fanlight.result import Source
from tools.bench.function import SMALL
from tools.bench.networks import DIGITS
from tools.bench.photos import photos
from tools.bench.pictures import QUALITY
from tools.bench.shrink import FULL
from tools.places import Access, Side
from tools.published import calibration

MOST = 200
"""Photographs of a folder that are used: they are held in memory."""

LABELS = 1_000
_TOP = 5
_LEAST = 0.6
"""Of a photograph's sides that a piece has at least."""


def originals(folder: Path | None) -> list[bytes]:
    """JPEGs of the photographs below a folder, the first MOST, or of the 20 of a package.

    FanlightError when there are none, ConfigError when the package cannot be had.
    """
    if folder is None:
        return list(calibration.photographs().values())
    found = [photo.data for photo in islice(photos(folder), MOST)]
    if not found:
        raise FanlightError(f"there is no photograph below {folder}")
    return found


def fill_photographs(folder: Path, sources: Sequence[bytes], count: int) -> None:
    """Write `count` JPEGs of 548x365, no two alike, the same each time.

    Piece after piece of all sources in turn: 3 by 2, with 60 to 100% of what the source has room
    for, half of them mirrored. A small source is enlarged.
    """
    folder.mkdir()

    def of(number: int) -> None:
        data = sources[number]
        pixels = np.atleast_3d(on_white(decode(data, read_header(data, Limits()), FULL)))
        for name in range(number, count, len(sources)):
            (folder / f"{name:06d}.jpg").write_bytes(_piece(pixels, name))

    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(of, range(min(count, len(sources)))):
            pass


def _piece(pixels: Pixels, seed: int) -> bytes:
    random = np.random.default_rng(seed)
    height, width = pixels.shape[:2]
    scale = random.uniform(_LEAST, 1) * min(width / SMALL[0], height / SMALL[1])
    across, down = max(1, int(scale * SMALL[0])), max(1, int(scale * SMALL[1]))
    left, top = random.integers(width - across + 1), random.integers(height - down + 1)
    piece = pixels[top : top + down, left : left + across][:, :: random.choice((-1, 1)), ::-1]
    small = cv2.resize(piece, SMALL, interpolation=cv2.INTER_AREA)  # grey ones stay grey
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done  # noqa: S101 - for the type checker
    return data.tobytes()


def fill_answers(photographs: Path, out: Path) -> None:
    """Write a result for each, current but drawn: of 1,000 labels some are frequent, most rare.

    What a network would say of a piece does not change what a page takes. Scores go from 0 to 1.
    """
    out.mkdir()
    images, results = Side.images(str(photographs), Access()), Place("", "")
    bundle = replace(Bundle.read(DIGITS), name="drawn")
    random = np.random.default_rng(1)
    shares = 1 / np.arange(1, LABELS + 1)
    for meta in images.store.list(""):
        source = Source(images.store.name, meta.key, meta.version, meta.etag, meta.size)
        chosen = random.choice(LABELS, _TOP, replace=False, p=shares / shares.sum())
        scores = random.uniform(0, 1) * np.geomspace(1, 0.01, _TOP)
        best = [Prediction(int(index), f"label {index}", round(float(score), 6))
                for index, score in zip(chosen, scores, strict=True)]  # fmt: skip
        answer = {"predictions": [asdict(one) for one in best]}
        document = result.classified(source, Header("jpeg", *SMALL), bundle, "drawn", answer)
        (out / result_key(meta.key, results)).write_bytes(to_bytes(document))
