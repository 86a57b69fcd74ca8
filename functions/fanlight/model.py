"""A model, loaded: bytes of an image into predictions."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fanlight import backends
from fanlight.backends import Backend, Tensor
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import ConfigError
from fanlight.image import Header, Pixels, decode, read_header
from fanlight.preprocess import min_side, to_tensor

SCORE_PLACES = 6


@dataclass(frozen=True)
class Prediction:
    """One class and its score, 0 to 1."""

    index: int
    label: str
    score: float


class Model:
    """A bundle and the back end that runs it. It lives as long as its process."""

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        """ConfigError when the network is not the one the bundle describes."""
        given = bundle.input
        expected = (1, given.height, given.width, given.channels)
        if backend.input_shape != expected:
            raise ConfigError(
                f"model {bundle.name}: {bundle.file} takes {backend.input_shape}, "
                f"model.json says {expected}"
            )
        self.bundle = bundle
        self.load_seconds = 0.0
        self._backend = backend
        started = time.perf_counter()
        classes = backend.run(np.zeros(expected, np.float32)).size
        self.first_inference_seconds = time.perf_counter() - started
        if classes != len(bundle.labels):
            raise ConfigError(
                f"model {bundle.name}: {classes} outputs, labels.txt has {len(bundle.labels)} lines"
            )

    @classmethod
    def load(cls, folder: Path, threads: int | None = None) -> "Model":
        """Load the bundle in `folder` and run it once, so that the first image finds it warm.

        `threads`: how many the network may use; by default one for each core there is.
        """
        started = time.perf_counter()
        bundle = Bundle.read(folder)
        file = folder / bundle.file
        try:
            backend = backends.load(bundle.format, file, threads or os.cpu_count() or 1)
        except ImportError as error:
            raise ConfigError(f"model {bundle.name} needs {bundle.format}: {error}") from None
        except (ValueError, RuntimeError, OSError) as error:
            raise ConfigError(
                f"model {bundle.name}: {bundle.file} cannot be loaded: {error}"
            ) from None
        loaded = time.perf_counter()
        model = cls(bundle, backend)
        model.load_seconds = loaded - started
        return model

    def scores(self, pixels: Pixels) -> Tensor:
        """One score a class, 0 to 1."""
        raw = self._backend.run(to_tensor(pixels, self.bundle.input))
        if self.bundle.activation == "softmax":
            return raw
        exponents = np.exp(raw - raw.max())
        return np.asarray(exponents / exponents.sum(), np.float32)

    def classify(self, data: bytes, limits: Limits, top_k: int) -> tuple[Header, list[Prediction]]:
        """The `top_k` best classes of an encoded image, best first; Rejected if it is not one."""
        header = read_header(data, limits)
        pixels = decode(data, header, min_side(self.bundle.input))
        return header, top(self.scores(pixels), self.bundle.labels, top_k)


def top(scores: Tensor, labels: tuple[str, ...], count: int) -> list[Prediction]:
    """The best `count`, rounded so that the last bits of a sum change nothing; ties by index."""
    rounded = [round(float(score), SCORE_PLACES) for score in scores]
    best = sorted(range(len(rounded)), key=lambda index: (-rounded[index], index))
    return [Prediction(index, labels[index], rounded[index]) for index in best[:count]]
