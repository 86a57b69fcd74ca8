"""What shrinking JPEGs while they are decoded changes: labels, scores, and time.

usage: python -m tools.bench.shrink FOLDER [--list FILE] [--crops COUNT] [--model NAME]

Each photograph below FOLDER that is large enough to be decoded at less than its full size is
classified from that and from a full decode, by turns, on one thread. `photographs.txt`, beside this
file, is a list of photographs and says how to get them.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.image import Pixels, decode, read_header
from fanlight.model import Model
from fanlight.preprocess import min_side
from tools.bench.photos import Photo, listed, mosaics, photos
from tools.models import find_model
from tools.training.metrics import wilson

FULL = 1 << 30
"""A side that no picture has, so nothing is shrunk."""

SURE = 0.5
"""Best score from which a model counts as sure of its label."""

TIMED = 40
"""Of each kind, at most about so many photographs are timed."""

Way = Callable[[bytes], object]
Decoded = Callable[[bytes], Pixels]


@dataclass(frozen=True)
class Agreement:
    """Labels and scores of shrunk photographs against those of full decodes.

    `low`, `high`: 95% interval of the share of equal labels (Wilson), as if no photograph were cut
    from another. `changed`: sources of which any label changed. `sure`: photographs of whose label
    the full decode is sure; `sure_equal` of them keep it. `moved_equal`: those that keep theirs in
    a full decode less its first row and column, which tells how doubtful the photographs are.
    `difference`: mean of absolute differences, over classes and photographs; `best`: of the full
    decode's best class alone.
    """

    photos: int
    sources: int
    equal: int
    low: float
    high: float
    changed: int
    sure: int
    sure_equal: int
    moved_equal: int
    difference: float
    best: float


@dataclass(frozen=True)
class Speed:
    """Photographs a second, one entry a round."""

    full: list[float]
    shrunk: list[float]

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.shrunk) / statistics.median(self.full)


def ways(model: Model, limits: Limits) -> tuple[Decoded, Decoded]:
    """Bytes to pixels in full, and as the function does it."""

    def full(data: bytes) -> Pixels:
        return decode(data, read_header(data, limits), FULL)

    return full, lambda data: model.decode(data, limits)[1]


def answers(model: Model, limits: Limits) -> tuple[Way, Way]:
    """Bytes to scores, in the same two ways."""
    full, shrunk = ways(model, limits)
    return lambda data: model.scores(full(data)), lambda data: model.scores(shrunk(data))


def is_shrunk(photo: Photo, model: Model, limits: Limits) -> bool:
    """Whether it is decoded at less than its size; no, if it is not decoded at all."""
    try:
        header, pixels = model.decode(photo.data, limits)
    except Rejected:
        return False
    return pixels[..., :1].size < header.width * header.height


def agreement(several: Sequence[Photo], model: Model, limits: Limits) -> Agreement:
    """Of at least one photograph."""
    full, shrunk = ways(model, limits)
    equal: list[bool] = []
    sure: list[bool] = []
    still: list[bool] = []
    differences, best = [], []
    for photo in several:
        pixels = full(photo.data)
        reference, scores, moved = map(model.scores, (pixels, shrunk(photo.data), pixels[1:, 1:]))
        label = int(reference.argmax())
        equal.append(label == int(scores.argmax()))
        still.append(label == int(moved.argmax()))
        sure.append(bool(reference[label] >= SURE))
        differences.append(float(np.abs(scores - reference).mean()))
        best.append(float(abs(scores[label] - reference[label])))
    changed = {photo.source for photo, same in zip(several, equal, strict=True) if not same}
    return Agreement(
        len(several), len({photo.source for photo in several}), sum(equal),
        *wilson(sum(equal), len(equal)), len(changed),
        sum(sure), sum(map(all, zip(sure, equal, strict=True))), sum(still),
        statistics.fmean(differences), statistics.fmean(best),
    )  # fmt: skip


def speed(several: Sequence[Photo], run: tuple[Way, Way], rounds: int) -> Speed:
    """Two functions on the same photographs, by turns, each first for every other one."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        spent = [0.0, 0.0]
        for number, photo in enumerate(several):
            for way in (0, 1) if number % 2 else (1, 0):
                began = time.perf_counter()
                run[way](photo.data)
                spent[way] += time.perf_counter() - began
        for way in (0, 1):
            rates[way].append(len(several) / spent[way])
    return Speed(*rates)


def kinds(several: Sequence[Photo]) -> dict[str, list[Photo]]:
    """By how they are stored, those that there are; and all, where there are both."""
    found = {
        "baseline": [photo for photo in several if not photo.progressive],
        "progressive": [photo for photo in several if photo.progressive],
    }
    present = {kind: some for kind, some in found.items() if some}
    return {**present, "all": list(several)} if len(present) > 1 else present


def shown(kind: str, found: Agreement) -> str:
    """Four lines."""
    return (
        f"{kind}: {found.equal} of {found.photos} labels equal, {found.equal / found.photos:.2%} "
        f"(95% {found.low:.2%} to {found.high:.2%})\n"
        f"  of {found.sources} files {found.changed} have a change; of {found.sure} sure labels "
        f"{found.sure_equal} are equal\n"
        f"  moved by one pixel, in full, {found.moved_equal} keep their label\n"
        f"  scores differ by {found.difference:.2g} on average, the best by {found.best:.2g}"
    )


def shown_speed(kind: str, what: str, found: Speed) -> str:
    """One line: medians, lowest and highest."""
    full, shrunk = (
        f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"
        for rates in (found.full, found.shrunk)
    )
    return f"{kind}, {what}: full {full}, shrunk {shrunk} images/s: {found.ratio:.2f}x"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    model, limits = Model.load(find_model(chosen.model), threads=1), Limits()
    if model.bundle.task == "embedding" or model.bundle.input.resize == "glyph":
        parser.error(f"model {model.bundle.name} has no labels for photographs")
    names = listed(chosen.list) if chosen.list else ()
    least = 2 * min_side(model.bundle.input)
    found = list(photos(chosen.folder, names, chosen.crops, least))
    several = [photo for photo in found if is_shrunk(photo, model, limits)]
    print(f"{len(several)} of {len(found)} photographs are large enough to be shrunk")
    if not several:
        return 1
    document: dict[str, Any] = {}
    for kind, some in kinds(several).items():
        document[kind] = asdict(compared := agreement(some, model, limits))
        print(shown(kind, compared))
    tiled = kinds(list(mosaics(several, chosen.mosaics)))
    timed = kinds(several) | {f"12 MP {kind}": tiled[kind] for kind in tiled if kind != "all"}
    for kind, some in timed.items():
        for what, pair in (("decode", ways(model, limits)), ("answer", answers(model, limits))):
            measured = speed(some[:: -(-len(some) // TIMED)], pair, chosen.rounds)
            print(shown_speed(kind, what, measured))
            document.setdefault(kind, {})[what] = {**asdict(measured), "ratio": measured.ratio}
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.shrink",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("--model", default="products", help="a bundle's folder or name (products)")
    parser.add_argument("--list", type=Path, metavar="FILE", help="only those that FILE names")
    parser.add_argument("--crops", type=int, default=0, metavar="COUNT",
                        help="squares to cut from each large photograph too (0)")  # fmt: skip
    parser.add_argument("--mosaics", type=int, default=4, metavar="COUNT",
                        help="tiled pictures of 12 megapixels to time (4)")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="of timing (5)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
