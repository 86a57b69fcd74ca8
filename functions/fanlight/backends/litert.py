"""LiteRT, the default: 0.15 s to import where TensorFlow takes seconds."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fanlight.backends import Tensor


class LiteRt:
    """A `.tflite` file, mapped into memory. Several threads may call `run`; they take turns."""

    def __init__(self, interpreter: Any) -> None:
        """`interpreter` has its tensors allocated."""
        self._interpreter = interpreter
        self._lock = Lock()
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]
        self.input_shape = tuple(map(int, interpreter.get_input_details()[0]["shape"]))

    def run(self, tensor: Tensor) -> Tensor:
        """See `Backend.run`."""
        with self._lock:
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
            # get_tensor copies, so the next call cannot change what this one returned.
            return np.asarray(self._interpreter.get_tensor(self._output)[0], np.float32)


def load(file: Path, threads: int) -> LiteRt:
    """Read `file` and allocate its tensors."""
    with _without_chatter():
        interpreter = Interpreter(model_path=str(file), num_threads=threads)
        interpreter.allocate_tensors()
    return LiteRt(interpreter)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """LiteRT writes "INFO: Created TensorFlow Lite XNNPACK delegate" and offers no way not to.

    What goes wrong is raised as well as written, so nothing is lost with the line.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
