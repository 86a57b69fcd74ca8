"""LiteRT, the default: 0.15 s to import where TensorFlow takes seconds."""

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
    interpreter = Interpreter(model_path=str(file), num_threads=threads)
    interpreter.allocate_tensors()
    return LiteRt(interpreter)
