"""Train a classifier on pictures in folders, measure it, write its bundle and its report."""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fanlight.bundle import Bundle, Input
from fanlight.config import Limits
from fanlight.model import Model
from fanlight.quiet import quiet
from tools.bundles import check_replaceable
from tools.extras import need_tensorflow
from tools.places import Access
from tools.published import efficientnet
from tools.training import assemble, report
from tools.training.classes import survey
from tools.training.embed import READERS, Embedder, Floats, views_for
from tools.training.head import Head, Trial, fit_several, rounds_of, trials
from tools.training.metrics import Answer
from tools.training.parallel import Progress, in_parallel
from tools.training.parts import Parts, part
from tools.training.pictures import Pictures

Say = Callable[[str], None]
Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""A label and how much there is to do -> what is called once for each that is done."""

SPEC = Input(**assemble.INPUT)
_PACKAGES = ("fanlight", "tensorflow", "keras", "numpy", "ai-edge-litert", "opencv-python-headless")


@dataclass(frozen=True)
class Wanted:
    """What is to be trained. `report`: a folder. `views` None: as many as are worth their time.

    `replace`: whether an older bundle of that name makes room.
    """

    source: str
    name: str
    out: Path
    report: Path
    seed: int = 1
    hold_out: float = 0.2
    views: int | None = None
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    replace: bool = False


@dataclass
class Clock:
    """Seconds each step took."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what is done inside."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def document(self) -> dict[str, float]:
        """The steps, and all of it."""
        return {**self.seconds, "all": round(time.monotonic() - self.started, 1)}


def train(wanted: Wanted, bar: Bar, say: Say) -> dict[str, Any]:
    """Train, and give back the report's document; ConfigError for pictures that will not do."""
    clock = Clock()
    check_replaceable(wanted.out, wanted.name, replace=wanted.replace)
    pictures = Pictures(wanted.source, wanted.access, wanted.limits, SPEC)
    need_tensorflow()
    for folder in (wanted.report.parent, wanted.out.parent):  # rather than after minutes of work
        folder.mkdir(parents=True, exist_ok=True)
    with clock.step("read"):
        parts, division = _read(wanted, pictures, bar)
    for note in parts.notes:
        say(f"note: {note}")
    say(f"{len(parts.classes)} classes, {len(parts.train):,} pictures to learn from, "
        f"{len(parts.held):,} held out")  # fmt: skip
    trunk = _trunk()
    views = views_for(len(parts.train)) if wanted.views is None else wanted.views
    with clock.step("embed"):
        embedder = _embedder(pictures, trunk, views, wanted.seed)
        with bar(f"looking at {1 + views} views a picture", len(parts.train)) as progress:
            embeddings = embedder.embed([picture.name for picture in parts.train], progress)
    with clock.step("fit"):
        head, tried = _head(embeddings, parts, wanted.seed, bar)
    say(f"head: {tried[0].shape.layers}; {tried[0].accuracy:.1%} in cross-validation")
    with clock.step("convert and measure"):
        network = efficientnet.to_litert(assemble.joined(trunk, head), half=True)
        bundle, answers = _write(wanted, network, pictures, parts, bar)
    document = _document(wanted, parts, division, views, tried, answers, bundle, clock)
    report.write(wanted.report, document)
    return document


def _read(wanted: Wanted, pictures: Pictures, bar: Bar) -> tuple[Parts, str]:
    found = survey(pictures.names())
    with bar("reading", len(found.names)) as progress:
        scan = pictures.scan(found.names, READERS, progress)
    division = f"{wanted.hold_out:.0%} of each class" if found.held is None else "its own folder"
    return part(found, scan, wanted.hold_out, wanted.seed), division


def _trunk() -> Any:
    """The frozen network in Keras, with all of TensorFlow made repeatable."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow logs harmless errors
    published = efficientnet.weights()
    with quiet():
        import keras
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        keras.utils.clear_session()  # names in the file would count on from an earlier network
        return efficientnet.network(published)


def _embedder(pictures: Pictures, trunk: Any, views: int, seed: int) -> Embedder:
    """With the weights rounded as in the bundle, so that the head learns from what it will see."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "trunk.tflite")
        file.write_bytes(efficientnet.to_litert(trunk, half=True))
        return Embedder(pictures, file, views=views, seed=seed)


def _head(embeddings: Floats, parts: Parts, seed: int, bar: Bar) -> tuple[Head, list[Trial]]:
    labels = np.array([parts.classes.index(picture.label) for picture in parts.train])
    with bar("choosing a head", rounds_of(len(labels))) as progress:
        tried = trials(embeddings, labels, seed, progress)
        head = fit_several(embeddings, labels, tried[0].shape, seed, progress)
    return head, tried


def _write(
    wanted: Wanted, network: bytes, pictures: Pictures, parts: Parts, bar: Bar
) -> tuple[Bundle, list[Answer]]:
    """The bundle, and what it said of the pictures that were held out."""
    answers: list[Answer] = []

    def measure(folder: Path) -> dict[str, Any]:
        answers.extend(_measure(Model.load(folder, threads=1), pictures, parts, bar))
        found = report.figures(answers, parts.classes)
        return {name: found[name] for name in ("images", "accuracy", "interval_95", "macro_f1")}

    described = assemble.document(wanted.name, len(parts.classes), len(parts.train), wanted.seed)
    bundle = assemble.write_measured(
        wanted.out, network, described, parts.classes, measure, replace=wanted.replace
    )
    return bundle, answers


def _measure(model: Model, pictures: Pictures, parts: Parts, bar: Bar) -> list[Answer]:
    """The held-out pictures through the code that is deployed."""
    limits = pictures.limits

    def one(index: int) -> Answer:
        picture = parts.held[index]
        _, (best,) = model.classify(pictures.data(picture.name), limits, 1)
        return Answer(picture.name, parts.classes.index(picture.label), best.index, best.score)

    with bar("measuring", len(parts.held)) as progress, ThreadPoolExecutor(READERS) as pool:
        return list(in_parallel(pool, one, range(len(parts.held)), progress))


def _document(  # noqa: PLR0913, PLR0917 - everything that the report is about
    wanted: Wanted, parts: Parts, division: str, views: int, tried: list[Trial],
    answers: list[Answer], bundle: Bundle, clock: Clock,
) -> dict[str, Any]:  # fmt: skip
    learned = [picture.label for picture in parts.train]
    return {
        "schema": report.SCHEMA,
        "name": wanted.name,
        "model": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "seed": wanted.seed,
        "data": {
            "source": wanted.source,
            "division": division,
            "train": len(parts.train),
            "train_by_class": {label: learned.count(label) for label in parts.classes},
            "views": views,
            "notes": list(parts.notes),
        },
        "trials": [trial.document() for trial in tried],
        "held_out": report.figures(answers, parts.classes),
        "seconds": clock.document(),
        "versions": {"python": platform.python_version(),
                     **{package: version(package) for package in _PACKAGES}},
    }  # fmt: skip
