"""What runs a network. One small module each, imported only when a bundle asks for it."""

import importlib
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]


class Backend(Protocol):
    """A loaded network."""

    input_shape: tuple[int, ...]
    """1 x height x width x channels."""

    def run(self, tensor: Tensor) -> Tensor:
        """float32 of `input_shape` -> float32, one value a class."""


def load(name: str, file: Path, threads: int) -> Backend:
    """Load `file` with the back end called `name`. What loading raises is the library's own."""
    backend: Backend = importlib.import_module(f"fanlight.backends.{name}").load(file, threads)
    return backend
