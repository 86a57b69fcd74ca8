"""An ONNX file through ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from fanlight.backends import Tensor


class Onnx:
    """An `.onnx` file with one input of floats. Several threads may call `run` at once."""

    def __init__(self, session: Any) -> None:
        """`session`: an `onnxruntime.InferenceSession`; ValueError if it is not for images."""
        inputs = session.get_inputs()
        if len(inputs) != 1:
            raise ValueError(f"it takes {len(inputs)} inputs, not one image")
        self._session = session
        self._input = inputs[0].name
        try:
            self._type = {"tensor(float)": np.float32, "tensor(float16)": np.float16}[
                inputs[0].type
            ]
        except KeyError:
            raise ValueError(
                f"its input is a {inputs[0].type}; float32 and float16 are known"
            ) from None
        self._outputs = [output.name for output in session.get_outputs()]
        # A size that may vary is a name or None.
        batch, *rest = (size if isinstance(size, int) else None for size in inputs[0].shape)
        self.input_shape: tuple[int | None, ...] = (batch or 1, *rest)

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        """See `Backend.run`."""
        given = tensor.astype(self._type, copy=False)
        outputs = self._session.run(self._outputs, {self._input: given})
        return {
            name: np.asarray(output, np.float32).ravel()
            for name, output in zip(self._outputs, outputs, strict=True)
        }


def load(file: Path, threads: int) -> Onnx:
    """Read `file`. Everything stays on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # After a run its threads look for more work until 15 ms of processor time are gone, which what
    # follows, the upload, has to do without.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; what goes wrong is raised as well
    return Onnx(
        onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    )
