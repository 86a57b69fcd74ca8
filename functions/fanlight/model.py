"""A model, loaded: bytes of an image into scores and embeddings."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import cv2
import numpy as np

from fanlight import backends
from fanlight.backends import Backend, Tensor
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.cores import cores
from fanlight.errors import ConfigError, FanlightError, ModelMismatch
from fanlight.image import Header, Pixels, decode, read_header
from fanlight.preprocess import min_side, to_tensor

SCORE_PLACES = 6
"""Decimal places of a score, so that the last bits of a sum change nothing."""

MOST_VALUES = 65_536
"""Of an embedding: a result of more than 1 MB is not read back."""

_FEW = 64
"""Values. Up to so many, numbers of Python are quicker than calls of NumPy."""

_SLACK = 1e-3
"""By how much a share may miss 0 or 1: half precision rounds."""


@dataclass(frozen=True)
class Prediction:
    """One class and its score, 0 to 1."""

    index: int
    label: str
    score: float


class Model:
    """A bundle and the back end that runs it. It lives as long as its process.

    `outputs`: each output of the network by its name, and how many values it has.
    `import_seconds`, `load_seconds`, `first_inference_seconds`: what each part of loading took.
    """

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        """ModelMismatch when the network is not the one the bundle describes."""
        self.bundle = bundle
        self.import_seconds = self.load_seconds = 0.0
        self._backend = backend
        self._check_input()
        started = time.perf_counter()
        try:
            outputs = backend.run(np.zeros(bundle.input.shape, np.float32))
        except Exception as error:  # noqa: BLE001 - each library raises errors of its own
            raise ModelMismatch(
                f"model {bundle.name}: {bundle.file} does not run on {bundle.input.shape}: {error}"
            ) from None
        self.first_inference_seconds = time.perf_counter() - started
        self.outputs = {name: tensor.size for name, tensor in outputs.items()}
        self._output = self._find_output(outputs)
        if bundle.task != "embedding":
            self._check_scores(outputs[self._output])
        elif outputs[self._output].size > MOST_VALUES:
            raise ModelMismatch(
                f"model {bundle.name}: {self._output} has {outputs[self._output].size} values, an "
                f"embedding {MOST_VALUES} at most; name another output"
            )

    @classmethod
    def load(cls, folder: Path, threads: int | None = None) -> "Model":
        """Load the bundle in `folder` and run it once, so that the first image finds it warm.

        `threads`: how many the network may use, and OpenCV in all of this process; by default one
        for each core there is.
        """
        started = time.perf_counter()
        threads = threads or cores()
        cv2.setNumThreads(threads)
        bundle = Bundle.read(folder)
        read, file = time.perf_counter(), folder / bundle.file
        try:
            library = backends.library(bundle.format)
            imported = time.perf_counter()
            backend = library.load(file, threads)
        except ImportError as error:
            raise ConfigError(f"model {bundle.name} needs {bundle.format}: {error}") from None
        except Exception as error:  # noqa: BLE001 - each library raises errors of its own
            raise ConfigError(
                f"model {bundle.name}: {bundle.file} cannot be loaded: {error}"
            ) from None
        loaded = time.perf_counter()
        model = cls(bundle, backend)
        model.import_seconds = imported - read
        model.load_seconds = loaded - started - model.import_seconds
        return model

    def scores(self, pixels: Pixels) -> Tensor:
        """One score a class, 0 to 1."""
        return self.shares(self.run(pixels))

    def shares(self, raw: Tensor) -> Tensor:
        """The scores in a raw output: one a class, 0 to 1."""
        if self.bundle.activation == "softmax":
            least, greatest = _range(raw)
            if least >= 0 and greatest <= 1:
                return raw
            if not _are_shares(raw):
                raise FanlightError(f"model {self.bundle.name}: {_no_shares(raw)}")
            return raw.clip(0, 1)
        exponents = np.exp(raw - raw.max())
        return np.asarray(exponents / exponents.sum(), np.float32)

    def run(self, pixels: Pixels) -> Tensor:
        """The raw output that answers the task: float32, flat; an embedding is used as it is.

        FanlightError when it is not finite: nothing could be decided by that.
        """
        return self.infer(to_tensor(pixels, self.bundle.input))

    def infer(self, tensor: Tensor) -> Tensor:
        """As `run`, for what `to_tensor` made of the pixels."""
        raw = self._backend.run(tensor)[self._output]
        if not all(map(math.isfinite, _range(raw))):  # cheaper than asking each value
            raise FanlightError(
                f"model {self.bundle.name}: the network's answer to this picture is not a number"
            )
        return raw

    def decode(self, data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        """An encoded image, no larger than the network has use for; Rejected if it is not one."""
        header = read_header(data, limits)
        return header, decode(data, header, min_side(self.bundle.input))

    def classify(self, data: bytes, limits: Limits, top_k: int) -> tuple[Header, list[Prediction]]:
        """The `top_k` best classes of an encoded image, best first; Rejected if it is not one."""
        header, pixels = self.decode(data, limits)
        return header, top(self.scores(pixels), self.bundle.labels, top_k)

    def _check_input(self) -> None:
        expected, found = self.bundle.input.shape, self._backend.input_shape
        fits = len(found) == len(expected) and all(
            size in (None, wanted) for size, wanted in zip(found, expected, strict=True)
        )
        if not fits:
            raise ModelMismatch(
                f"model {self.bundle.name}: {self.bundle.file} takes {found}, "
                f"model.json says {expected}"
            )

    def _find_output(self, outputs: dict[str, Tensor]) -> str:
        """The name of the output that answers the bundle's task."""
        bundle = self.bundle
        field = "embedding" if bundle.task == "embedding" else "scores"
        named = bundle.embedding if field == "embedding" else bundle.scores
        sizes = ", ".join(f"{name} ({tensor.size})" for name, tensor in outputs.items())
        if named is not None and named not in outputs:
            raise ModelMismatch(f"model {bundle.name}: no output {named}; it has {sizes}")
        likely = [
            name for name, tensor in outputs.items()
            if field == "embedding" or len(outputs) == 1 or tensor.size == len(bundle.labels)
        ]  # fmt: skip
        if named is None and len(likely) != 1:
            raise ModelMismatch(
                f"model {bundle.name}: name one of its outputs as output.{field}: {sizes}"
            )
        return named or likely[0]

    def _check_scores(self, raw: Tensor) -> None:
        bundle = self.bundle
        if raw.size != len(bundle.labels):
            raise ModelMismatch(
                f"model {bundle.name}: {raw.size} outputs, "
                f"labels.txt has {len(bundle.labels)} lines"
            )
        if bundle.activation == "softmax" and not _are_shares(raw):
            raise ModelMismatch(f"model {bundle.name}: {_no_shares(raw)}")


def _are_shares(raw: Tensor) -> bool:
    return bool(raw.min() >= -_SLACK and raw.max() <= 1 + _SLACK)


def _no_shares(raw: Tensor) -> str:
    return (
        f"its scores are no shares, from {raw.min():.3g} to {raw.max():.3g}; "
        "output.activation may have to be logits"
    )


def top(scores: Tensor, labels: tuple[str, ...], count: int) -> list[Prediction]:
    """The best `count`, rounded so that the last bits of a sum change nothing; ties by index."""
    likely, exact = _likely(scores, count)
    rounded = [round(score, SCORE_PLACES) for score in exact]
    best = sorted(zip(likely, rounded, strict=True), key=_score, reverse=True)[:count]
    return [Prediction(index, labels[index], score) for index, score in best]


_score = itemgetter(1)  # ties stay in order, in reverse too


def _likely(scores: Tensor, count: int) -> tuple[Sequence[int], list[float]]:
    """Which scores can be among the best, and these, unrounded.

    Rounding brings two scores together only if they are less than a unit of the last place apart:
    what lies further below the `count`th best need not be looked at.
    """
    if scores.size <= _FEW:
        return range(scores.size), scores.tolist()
    exact = scores.astype(np.float64)
    if count >= exact.size:
        return range(exact.size), exact.tolist()
    least = np.partition(exact, -count)[-count] - 2 * 10.0**-SCORE_PLACES
    likely = np.flatnonzero(exact >= least)
    return likely.tolist(), exact[likely].tolist()


def _range(values: Tensor) -> tuple[float, float]:
    """The least and the greatest; both are NaN where any value is."""
    if values.size > _FEW:
        return float(values.min()), float(values.max())
    few = values.tolist()
    if not math.isfinite(sum(few)):  # min and max pass over NaN, or do not
        return math.nan, math.nan
    return min(few), max(few)
