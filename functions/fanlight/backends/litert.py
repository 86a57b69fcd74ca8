"""LiteRT, the default: 0.15 s to import where TensorFlow takes seconds."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fanlight.backends import Tensor
from fanlight.quiet import quiet


class LiteRt:
    """A `.tflite` file, mapped into memory. Several threads may call `run`; they take turns."""

    def __init__(self, interpreter: Any) -> None:
        """`interpreter` has its tensors allocated."""
        self._interpreter = interpreter
        self._lock = Lock()
        (self._input,) = interpreter.get_input_details()
        self._outputs = _outputs(interpreter)
        self.input_shape: tuple[int | None, ...] = tuple(map(int, self._input["shape"]))

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        """See `Backend.run`."""
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], _quantized(tensor, self._input))
            self._interpreter.invoke()
            # get_tensor copies, so the next call cannot change what this one returned.
            return {
                name: _real(self._interpreter.get_tensor(details["index"]), details).ravel()
                for name, details in self._outputs.items()
            }


def _outputs(interpreter: Any) -> dict[str, Any]:
    """Outputs by the names their signature gives them; plain files have tensor names alone.

    With several signatures the interpreter's own input may belong to any of them.
    """
    signatures = interpreter.get_signature_list()
    if len(signatures) > 1:
        raise ValueError(f"it has the signatures {', '.join(signatures)}; convert it with one")
    if signatures:
        details: dict[str, Any] = interpreter.get_signature_runner().get_output_details()
        return details
    return {details["name"]: details for details in interpreter.get_output_details()}


def _quantized(tensor: Tensor, details: Any) -> Any:
    """In the type the network takes; source: the TFLite quantization specification."""
    kind = np.dtype(details["dtype"])
    if kind.kind == "f":
        return tensor.astype(kind, copy=False)
    scale, zero = details["quantization"]
    limits = np.iinfo(kind)
    steps = tensor / scale + zero if scale else tensor  # no scale: whole numbers as they are
    return np.clip(np.rint(steps), limits.min, limits.max).astype(kind)


def _real(tensor: Any, details: Any) -> Tensor:
    scale, zero = details["quantization"]
    real: Tensor = tensor.astype(np.float32)
    if tensor.dtype.kind in "iu" and scale:
        real = (real - np.float32(zero)) * np.float32(scale)
    return real


def load(file: Path, threads: int) -> LiteRt:
    """Read `file` and allocate its tensors."""
    # It writes "INFO: Created TensorFlow Lite XNNPACK delegate" and offers no way not to.
    with quiet():
        interpreter = Interpreter(model_path=str(file), num_threads=threads)
        interpreter.allocate_tensors()
    return LiteRt(interpreter)
