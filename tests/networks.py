"""A small network in each format, with the same weights: one convolution, a mean, a softmax."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CHANNELS, FILTERS, CLASSES = 16, 3, 8, 4
LABELS = ("cotton", "linen", "silk", "wool")

_random = np.random.default_rng(21)
KERNEL = _random.normal(0, 0.4, (3, 3, CHANNELS, FILTERS)).astype(np.float32)
BIAS = _random.normal(0, 0.4, FILTERS).astype(np.float32)
DENSE = _random.normal(0, 2, (FILTERS, CLASSES)).astype(np.float32)


def document(form: str, file: str, layout: str = "nhwc", **changes: Any) -> dict[str, Any]:
    """The network's model.json."""
    return {
        "schema": "fanlight.model/1", "name": "fabrics", "version": "1", "task": "classification",
        "format": form, "file": file,
        "input": {"width": SIDE, "height": SIDE, "channels": CHANNELS, "resize": "stretch",
                  "mean": [127.5] * 3, "std": [127.5] * 3, "layout": layout},
        "output": {"activation": "softmax", "top_k": CLASSES, "scores": "probs"},
        **changes,
    }  # fmt: skip


def write_onnx(path: Path) -> None:
    """Channels first, as ONNX has it, for a batch of any size; outputs probs and embedding."""
    weights: dict[str, npt.NDArray[Any]] = {
        "kernel": KERNEL.transpose(3, 2, 0, 1), "bias": BIAS, "dense": DENSE,
        "axes": np.asarray([2, 3], np.int64),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("ReduceMean", ["relu", "axes"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "dense"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probs"]),
    ]
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, ["batch", CHANNELS, SIDE, SIDE]
    )
    outputs = [
        helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["batch", CLASSES]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", FILTERS]),
    ]
    initial = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "fabrics", [image], outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def keras_network() -> Any:
    """Channels last, as TensorFlow has it."""
    import keras
    from keras import layers

    image = layers.Input((SIDE, SIDE, CHANNELS), name="image")
    conv = layers.Conv2D(FILTERS, 3, padding="same", activation="relu", name="conv")
    embedding = layers.GlobalAveragePooling2D(name="embedding")(conv(image))
    dense = layers.Dense(CLASSES, use_bias=False, name="dense")
    probs = layers.Softmax(name="probs")(dense(embedding))
    network = keras.Model(image, {"probs": probs, "embedding": embedding})
    conv.set_weights([KERNEL, BIAS])
    dense.set_weights([DENSE])
    return network
