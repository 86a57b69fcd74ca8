"""Several images in one call of a network: whether that is faster, and whether answers stay equal.

Each library is called as its back end calls it, on one thread, with batches of several sizes by
turns. A result is to be the same bytes whatever other images came along, so that a batch that
changes a score's sixth place is of no use, however fast.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.image import decode, read_header
from fanlight.model import SCORE_PLACES
from fanlight.preprocess import min_side, to_tensor
from tools.bench.machine import this_machine
from tools.bench.report import Comparison, Report, Row
from tools.bench.stats import alternating, ratios

SIZES = (1, 4, 16, 64)
COLUMNS = tuple(map(str, SIZES))
_SECONDS = 0.2
"""Of each measurement, at least."""

Array = npt.NDArray[np.float32]
Call = Callable[[Array], list[Array]]
"""A batch of images -> each output, a row an image."""

Progress = Callable[[], None]


def litert(bundle: Bundle, size: int) -> Call:
    """The interpreter is made for one size of batch."""
    from ai_edge_litert.interpreter import Interpreter

    from fanlight.quiet import quiet

    with quiet():
        interpreter = Interpreter(model_path=str(bundle.folder / bundle.file), num_threads=1)
        (given,) = interpreter.get_input_details()
        if size > 1:
            interpreter.resize_tensor_input(given["index"], [size, *bundle.input.shape[1:]])
        interpreter.allocate_tensors()
    outputs = [details["index"] for details in interpreter.get_output_details()]

    def call(batch: Array) -> list[Array]:
        interpreter.set_tensor(given["index"], batch)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return call


def onnx(bundle: Bundle, size: int) -> Call:
    """A session for one size of batch, which is written into the file's shapes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        _resized(bundle.folder / bundle.file, size), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda batch: list(session.run(None, {name: batch}))


def _resized(file: Path, size: int) -> bytes:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(file)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = size
    reshapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for constant in model.graph.initializer:
        if constant.name in reshapes:
            shape = numpy_helper.to_array(constant).copy()
            shape[0] = size
            constant.CopyFrom(numpy_helper.from_array(shape, constant.name))
    return bytes(model.SerializeToString())


def tensorflow(bundle: Bundle, _size: int) -> Call:
    """A SavedModel takes batches of any size."""
    import tensorflow as tf

    with suppress(RuntimeError):  # it is at work in this process, with threads of its own
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(bundle.folder / bundle.file))
    signature = loaded.signatures["serving_default"]
    (name,) = signature.structured_input_signature[1]

    def call(batch: Array, keep: Any = loaded) -> list[Array]:
        return [output.numpy() for output in signature(**{name: tf.constant(batch)}).values()]

    return call


LIBRARIES: dict[str, tuple[str, Callable[[Bundle, int], Call]]] = {
    "litert": ("LiteRT", litert), "onnx": ("ONNX Runtime", onnx),
    "tensorflow": ("TensorFlow", tensorflow),
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """A bundle, and encoded pictures for it."""

    bundle: Bundle
    pictures: Sequence[bytes]

    def tensors(self) -> Array:
        """As many images as the largest batch has, as the network takes them."""
        spec, limits = self.bundle.input, Limits()
        prepared = [
            to_tensor(decode(data, read_header(data, limits), min_side(spec)), spec)
            for data in self.pictures
        ]
        return np.concatenate(list(islice(cycle(prepared), SIZES[-1])))


def batches(
    chosen: Sequence[Given], rounds: int, progress: Progress, skipped: Mapping[str, str]
) -> Report:
    """Every bundle in turn, its batches alternating; each measurement takes some tenths."""
    rows, made, notes = [], [], []
    for given in chosen:
        title, make = LIBRARIES[given.bundle.format]
        name = f"{given.bundle.name}, {title}"
        images = given.tensors()
        calls = {size: make(given.bundle, size) for size in SIZES}
        notes += [f"{name}: batches of {size}: {verdict}"
                  for size, verdict in _equality(calls, images).items()]  # fmt: skip
        rates: dict[int, list[float]] = {size: [] for size in SIZES}
        for size in alternating(SIZES, rounds):
            rates[size].append(_rate(calls[size], images, size))
            progress()
        rows.append(Row(name, {str(size): found for size, found in rates.items()}))
        made += [
            Comparison(f"{name}: {size} at a time by one at a time", ratios(rates[size], rates[1]))
            for size in SIZES[1:]
        ]
    return Report("batches", this_machine(), COLUMNS, rows, made, skipped, notes,
                  unit="images a second", times=1)  # fmt: skip


def _rate(call: Call, images: Array, size: int) -> float:
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < _SECONDS or not done:
        for at in range(0, len(images), size):
            call(images[at : at + size])
        done += len(images)
    return done / spent


def _equality(calls: Mapping[int, Call], images: Array) -> dict[int, str]:
    """Of each size but 1: whether results would be the same bytes, and by how much they differ."""
    outputs = {
        size: [
            np.concatenate(parts).astype(np.float64)
            for parts in zip(*(call(images[at : at + size]) for at in range(0, len(images), size)),
                             strict=True)
        ]
        for size, call in calls.items()
    }  # fmt: skip
    single = outputs.pop(1)
    verdicts = {}
    for size, found in outputs.items():
        pairs = list(zip(found, single, strict=True))
        if all(np.array_equal(a, b) for a, b in pairs):
            verdicts[size] = "the same bits"
            continue
        most = max(float(np.abs(a - b).max()) for a, b in pairs)
        changed = sum(int((a.round(SCORE_PLACES) != b.round(SCORE_PLACES)).sum()) for a, b in pairs)
        total = sum(a.size for a, _ in pairs)
        verdicts[size] = f"{changed} of {total} values round to others, by {most:.1g} at most"
    return verdicts


def given(bundle: Path, pictures: Sequence[bytes]) -> Given:
    """A bundle's folder, read."""
    return Given(Bundle.read(bundle), pictures)
