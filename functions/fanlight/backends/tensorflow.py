"""A SavedModel through TensorFlow. A SavedModel is code: load only what you trust."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from fanlight.backends import Tensor


class SavedModel:
    """The `serving_default` signature; the names of its input and output are found, not assumed."""

    def __init__(self, model: Any) -> None:
        """`model` comes from `tf.saved_model.load`."""
        self._model = model  # the signature does not keep its variables alive
        self._call = model.signatures["serving_default"]
        (self._input, spec), *_ = self._call.structured_input_signature[1].items()
        self._output = next(iter(self._call.structured_outputs))
        self.input_shape = tuple(size or 1 for size in spec.shape)

    def run(self, tensor: Tensor) -> Tensor:
        """See `Backend.run`."""
        outputs = self._call(**{self._input: tf.constant(tensor)})
        return np.asarray(outputs[self._output].numpy()[0], np.float32)


def load(file: Path, threads: int) -> SavedModel:
    """Read the SavedModel folder `file`."""
    with suppress(RuntimeError):  # TensorFlow is at work in this process, with threads of its own
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    return SavedModel(tf.saved_model.load(str(file)))
