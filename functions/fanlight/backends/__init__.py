"""What runs a network. One small module each, imported only when a bundle asks for it."""

import importlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]


class Backend(Protocol):
    """A loaded network with one input."""

    input_shape: tuple[int | None, ...]
    """As the network has it, for a batch of one; None for a size that may vary."""

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        """float32 of `input_shape` -> each output by its name, float32, flat."""


class Library(Protocol):
    """A module of this package: a back end's library, imported."""

    def load(self, file: Path, threads: int) -> Backend:
        """Load `file`. What it raises is the library's own."""


def library(name: str) -> Library:
    """Import the back end called `name`, which for some takes seconds."""
    found: Any = importlib.import_module(f"fanlight.backends.{name}")
    return found  # type: ignore[no-any-return] # a module, which has no type of its own


def load(name: str, file: Path, threads: int) -> Backend:
    """Load `file` with the back end called `name`. What loading raises is the library's own."""
    return library(name).load(file, threads)
