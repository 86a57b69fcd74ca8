"""A SavedModel through TensorFlow. A SavedModel is code: load only what you trust."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from fanlight.backends import Tensor


class SavedModel:
    """One signature; its name and those of its input and outputs are found, not assumed."""

    def __init__(self, model: Any) -> None:
        """`model` comes from `tf.saved_model.load`; ValueError if it is not for images."""
        self._model = model  # the signature does not keep its variables alive
        self._call = _signature(model.signatures)
        inputs = self._call.structured_input_signature[1]
        if len(inputs) != 1:
            raise ValueError(f"its signature takes {len(inputs)} inputs, not one image")
        ((self._input, spec),) = inputs.items()
        self._type = spec.dtype
        batch, *rest = tuple(spec.shape)
        self.input_shape: tuple[int | None, ...] = (batch or 1, *rest)

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        """See `Backend.run`."""
        outputs = self._call(**{self._input: tf.cast(tensor, self._type)})
        return {
            name: np.asarray(output.numpy(), np.float32).ravel() for name, output in outputs.items()
        }


def _signature(signatures: Any) -> Any:
    """`serving_default`, or the only one there is."""
    names = list(signatures)
    if "serving_default" in names:
        return signatures["serving_default"]
    if len(names) != 1:
        raise ValueError(f"it has the signatures {names}; one must be called serving_default")
    return signatures[names[0]]


def load(file: Path, threads: int) -> SavedModel:
    """Read the SavedModel folder `file`."""
    with suppress(RuntimeError):  # TensorFlow is at work in this process, with threads of its own
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    return SavedModel(tf.saved_model.load(str(file)))
