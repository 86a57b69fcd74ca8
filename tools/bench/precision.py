"""The published network in each precision: how fast it is, and how often it says the same."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fanlight import backends
from fanlight.backends import Tensor
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.model import Model
from fanlight.preprocess import to_tensor
from tools.bench.machine import this_machine
from tools.bench.report import Comparison, Report, Row
from tools.bench.stats import alternating, ratios
from tools.published import catalog
from tools.training.metrics import wilson

REFERENCE = "fp32"
ORDER = (REFERENCE, "fp16", "int8")
THREADS = (1, 2)
COLUMNS = ("load", "first", *(f"{count} thread{'s'[: count - 1]}" for count in THREADS))

SURE = 0.5
"""Best score from which a network counts as sure of its label."""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Photo:
    """An encoded picture, and its class where that is known."""

    data: bytes
    true: int | None = None


@dataclass(frozen=True)
class Said:
    """What a network says of one picture: 1,000 scores, and the embedding."""

    scores: Tensor
    embedding: Tensor


@dataclass(frozen=True)
class Agreement:
    """What a network says of photographs, against what the reference says of the same.

    `equal`: of how many the best class is the same; `low`, `high`: 95% interval of that share
    (Wilson). `sure`: photographs whose best class has SURE or more from the reference; `sure_equal`
    of them keep it. `best`: how much the score of the reference's best class differs, the mean of
    absolute values; `all_scores`: the same over all classes. `cosine`, `least_cosine`: of the two
    embeddings, mean and least. `right`, `of_known`: photographs named right, of those whose class
    is known.
    """

    photos: int
    equal: int
    low: float
    high: float
    sure: int
    sure_equal: int
    best: float
    all_scores: float
    cosine: float
    least_cosine: float
    right: int
    of_known: int


class Network:
    """A bundle on one thread, with all outputs of its network."""

    def __init__(self, bundle: Bundle) -> None:
        self._backend = backends.load(bundle.format, bundle.folder / bundle.file, 1)
        self.input_shape = self._backend.input_shape
        self._outputs: dict[str, Tensor] = {}
        self._model = Model(bundle, self)

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        """See `Backend.run`."""
        self._outputs = self._backend.run(tensor)
        return self._outputs

    def __call__(self, data: bytes) -> Said:
        """What it says of an encoded picture; Rejected if it is none."""
        _, pixels = self._model.decode(data, Limits())
        scores = self._model.scores(pixels)
        return Said(scores, self._outputs["embedding"])


def make(folder: Path, progress: Progress) -> dict[str, Bundle]:
    """The products bundle in each precision, below `folder`; ConfigError says what is missing."""
    made = {}
    for name in ORDER:
        made[name] = catalog.get("products", folder / name, name)
        progress()
    return made


def agreements(
    bundles: Mapping[str, Bundle], photos: Iterable[Photo], progress: Progress = lambda: None
) -> dict[str, Agreement]:
    """Of each bundle with REFERENCE; what is no picture is passed over.

    ValueError without a picture.
    """
    networks = {name: Network(bundle) for name, bundle in bundles.items()}
    said: dict[str, list[Said]] = {name: [] for name in networks}
    classes = []
    for photo in photos:
        try:
            answers = {name: network(photo.data) for name, network in networks.items()}
        except Rejected:
            continue
        finally:
            progress()
        classes.append(photo.true)
        for name, answer in answers.items():
            said[name].append(answer)
    if not classes:
        raise ValueError("there is no photograph to compare with")
    return {name: agreement(said[REFERENCE], answers, classes) for name, answers in said.items()}


def agreement(
    reference: Sequence[Said], other: Sequence[Said], classes: Sequence[int | None]
) -> Agreement:
    """Of two networks; `classes` are those of the photographs, None where unknown."""
    best = [int(one.scores.argmax()) for one in reference]
    labels = [int(one.scores.argmax()) for one in other]
    equal = [a == b for a, b in zip(best, labels, strict=True)]
    sure = [bool(one.scores[label] >= SURE) for one, label in zip(reference, best, strict=True)]
    known = [label == true for label, true in zip(labels, classes, strict=True) if true is not None]
    differences = [np.abs(a.scores - b.scores) for a, b in zip(reference, other, strict=True)]
    cosines = [cosine(a.embedding, b.embedding) for a, b in zip(reference, other, strict=True)]
    low, high = wilson(sum(equal), len(equal))
    return Agreement(
        photos=len(equal), equal=sum(equal), low=low, high=high,
        sure=sum(sure), sure_equal=sum(a and b for a, b in zip(sure, equal, strict=True)),
        best=statistics.fmean(float(d[at]) for d, at in zip(differences, best, strict=True)),
        all_scores=statistics.fmean(float(d.mean()) for d in differences),
        cosine=statistics.fmean(cosines), least_cosine=min(cosines),
        right=sum(known), of_known=len(known),
    )  # fmt: skip


def cosine(a: Tensor, b: Tensor) -> float:
    """Of the angle between two vectors that are not zero."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def speed(bundles: Mapping[str, Bundle], data: bytes, rounds: int, progress: Progress) -> list[Row]:
    """Seconds to load, of the first inference, and of a later one; the precisions take turns.

    One more round before is not counted. `data`: the picture looked at; without its decoding.
    """
    taken = {name: {column: list[float]() for column in COLUMNS} for name in bundles}
    for name in alternating(list(bundles), rounds + 1):
        loaded = Model.load(bundles[name].folder, 1)
        taken[name]["load"].append(loaded.load_seconds)
        taken[name]["first"].append(loaded.first_inference_seconds)
        progress()
    # Each count of threads by itself, so that no loading comes between two inferences.
    for column, threads in zip(COLUMNS[2:], THREADS, strict=True):
        once = {name: _timed(bundle, data, threads) for name, bundle in bundles.items()}
        for name in alternating(list(bundles), rounds + 1):
            taken[name][column].append(once[name]())
    return [Row(name, {column: samples[1:] for column, samples in columns.items()})
            for name, columns in taken.items()]  # fmt: skip


def _timed(bundle: Bundle, data: bytes, threads: int) -> Callable[[], float]:
    """Runs the network on a picture, and says how many seconds it took."""
    _, pixels = Model.load(bundle.folder, 1).decode(data, Limits())
    tensor = to_tensor(pixels, bundle.input)
    backend = backends.load(bundle.format, bundle.folder / bundle.file, threads)

    def once() -> float:
        began = time.perf_counter()
        backend.run(tensor)
        return time.perf_counter() - began

    return once


def report(rows: Sequence[Row], notes: Sequence[str]) -> Report:
    """With how many times as fast as the default each precision is."""
    by_name = {row.name: row.seconds for row in rows}
    default = by_name[catalog.PRECISIONS[0]]
    comparisons = [
        Comparison(f"{catalog.PRECISIONS[0]} / {name}, {column}",
                   ratios(default[column], by_name[name][column]))
        for name in by_name if name != catalog.PRECISIONS[0] for column in COLUMNS[2:]
    ]  # fmt: skip
    return Report("precision", this_machine(), ("precision", *COLUMNS), rows, comparisons,
                  notes=notes)  # fmt: skip


def told(name: str, bundle: Bundle, found: Agreement) -> str:
    """One precision in a few lines."""
    size = (bundle.folder / bundle.file).stat().st_size
    text = f"{name}: {size / 1e6:.1f} MB"
    if found.of_known:
        text += f"; {found.right} of {found.of_known} photographs named right"
    if name == REFERENCE:
        return text
    return (
        f"{text}; {found.equal:,} of {found.photos:,} labels are those of {REFERENCE}, "
        f"{found.equal / found.photos:.1%} (95% {found.low:.1%} to {found.high:.1%})\n"
        f"  and {found.sure_equal:,} of the {found.sure:,} that it is sure of; the best score "
        f"differs by {found.best:.3f} on average, all by {found.all_scores:.1e}\n"
        f"  cosine of the embeddings: {found.cosine:.4f} on average, {found.least_cosine:.4f} "
        "at the least"
    )
