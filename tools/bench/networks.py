"""The digits network that ships, with the same weights, in the other formats.

usage: python -m tools.bench.networks FOLDER    writes what this machine has the libraries for

The weights are read from digits.tflite, so that what is compared are libraries, not models. The
file `digits.keras` in FOLDER is for the article's design; the others are bundles.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fanlight.errors import FanlightError
from tools.bundles import write_bundle
from tools.extras import installing
from tools.models import MODELS

DIGITS = MODELS / "digits"
KERAS_FILE = "digits.keras"
TENSORFLOW, ONNX = "digits-tensorflow", "digits-onnx"
POOLED = (2, 4)
"""Before these convolutions, counted from 0, the picture is halved: as tools/digits/train.py."""

Array = npt.NDArray[np.float32]
Layer = tuple[Array, Array]
"""Weights as LiteRT has them (out x height x width x in; out x in) and a bias for each output."""


def layers(file: Path) -> list[Layer]:
    """The convolutions and then the dense layer of a .tflite file, in their order."""
    from ai_edge_litert.interpreter import Interpreter

    from fanlight.quiet import quiet

    with quiet():
        interpreter = Interpreter(model_path=str(file), num_threads=1)
        interpreter.allocate_tensors()
    steps = interpreter._get_ops_details()  # there is no public way to the graph
    halves = {int(step["outputs"][0]): int(step["inputs"][0])
              for step in steps if step["op_name"] == "DEQUANTIZE"}  # fmt: skip

    def constant(index: int) -> Array:
        found = interpreter.get_tensor(halves.get(int(index), int(index)))
        return np.asarray(found, np.float32)

    return [
        (constant(step["inputs"][1]), constant(step["inputs"][2]))
        for step in steps
        if step["op_name"] in ("CONV_2D", "FULLY_CONNECTED")
    ]


def keras_network(parts: Sequence[Layer]) -> Any:
    """The network with Keras; the batch normalisation is in the weights already."""
    import keras

    *convolutions, (matrix, bias) = parts
    network = keras.Sequential([keras.Input((28, 28, 1))])
    for number, (kernel, _) in enumerate(convolutions):
        if number in POOLED:
            network.add(keras.layers.MaxPooling2D())
        network.add(keras.layers.Conv2D(len(kernel), 3, padding="same", activation="relu"))
    network.add(keras.layers.GlobalAveragePooling2D())
    network.add(keras.layers.Dense(len(matrix), activation="softmax"))
    weights = [array for kernel, offset in convolutions
               for array in (kernel.transpose(1, 2, 3, 0), offset)]  # fmt: skip
    network.set_weights([*weights, matrix.T, bias])
    return network


def onnx_network(parts: Sequence[Layer]) -> bytes:
    """The network as an ONNX file. It takes channels last, as the bundle gives them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    *convolutions, (matrix, bias) = parts
    # One channel: first or last, the numbers lie in the same order.
    nodes, last = [helper.make_node("Reshape", ["image", "shape"], ["plane"])], "plane"
    constants: dict[str, npt.NDArray[Any]] = {
        "matrix": matrix.T, "offset": bias, "shape": np.asarray([1, 1, 28, 28], np.int64),
    }  # fmt: skip
    for number, (kernel, offset) in enumerate(convolutions):
        if number in POOLED:
            nodes.append(helper.make_node("MaxPool", [last], [f"pool{number}"],
                                          kernel_shape=[2, 2], strides=[2, 2]))  # fmt: skip
            last = f"pool{number}"
        constants |= {f"kernel{number}": kernel.transpose(0, 3, 1, 2), f"bias{number}": offset}
        nodes.append(helper.make_node("Conv", [last, f"kernel{number}", f"bias{number}"],
                                      [f"conv{number}"], pads=[1, 1, 1, 1]))  # fmt: skip
        nodes.append(helper.make_node("Relu", [f"conv{number}"], [f"relu{number}"]))
        last = f"relu{number}"
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix", "offset"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probs"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 28, 28, 1])
    probs = helper.make_tensor_value_info("probs", TensorProto.FLOAT, [1, len(matrix)])
    initial = [numpy_helper.from_array(np.ascontiguousarray(value), name)
               for name, value in constants.items()]  # fmt: skip
    graph = helper.make_graph(nodes, "digits", [image], [probs], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def write_networks(folder: Path) -> dict[str, str]:
    """Write them all; what is missing, and why."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, missing = layers(DIGITS / "digits.tflite"), {}
    if find_spec("tensorflow"):
        network = keras_network(parts)
        network.save(folder / KERAS_FILE)

        def export(bundle: Path) -> None:
            network.export(bundle / "saved_model", verbose=False)

        _bundle(folder / TENSORFLOW, {"format": "tensorflow", "file": "saved_model"}, export)
    else:
        missing["TensorFlow"] = f"it is not installed: {installing('train')}"
    if find_spec("onnx") and find_spec("onnxruntime"):

        def write(bundle: Path) -> None:
            (bundle / "digits.onnx").write_bytes(onnx_network(parts))

        _bundle(folder / ONNX, {"format": "onnx", "file": "digits.onnx"}, write)
    else:
        missing["ONNX"] = f"onnx and onnxruntime are not installed: {installing('test')}"
    return missing


def write_networks_apart(folder: Path) -> dict[str, str]:
    """As `write_networks`, in a process of its own: this one stays small, and starts others fast.

    FanlightError when they cannot be made.
    """
    command = [sys.executable, "-m", "tools.bench.networks", str(folder)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    made = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    if made.returncode:
        raise FanlightError(f"the networks could not be made: {made.stderr.strip()[-500:]}")
    missing: dict[str, str] = json.loads(made.stdout.splitlines()[-1])
    return missing


def _bundle(folder: Path, changes: dict[str, str], fill: Callable[[Path], None]) -> None:
    document = json.loads((DIGITS / "model.json").read_bytes()) | changes
    del document["measured"]  # it was, of the file that ships
    write_bundle(folder, document, (DIGITS / "labels.txt").read_text().split(), fill)


def main() -> None:
    """Write them from the command line; what is missing, as JSON on the last line."""
    missing = write_networks(Path(sys.argv[1]))
    print(json.dumps(missing))


if __name__ == "__main__":
    main()
