"""The back ends: one network in three formats is one model, and outputs are found by name."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fanlight import backends
from fanlight.backends import Tensor, onnx
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import ConfigError, ModelMismatch
from fanlight.model import Model, Prediction
from tests import networks
from tests.networks import LABELS, document, write_onnx
from tools.bundles import write_bundle
from tools.models import MODELS


@pytest.fixture
def onnx_bundle(tmp_path: Path) -> Path:
    return onnx_with(tmp_path)


def onnx_with(
    tmp_path: Path, labels: tuple[str, ...] = LABELS, layout: str = "nchw", **changes: object
) -> Path:
    """A bundle that need not be right, which `write_bundle` would refuse."""
    folder = tmp_path / "onnx"
    folder.mkdir(exist_ok=True)
    write_onnx(folder / "fabrics.onnx")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    described = document("onnx", "fabrics.onnx", layout, **changes)
    (folder / "model.json").write_text(json.dumps(described))
    return folder


def picture(seed: int) -> bytes:
    """Soft random colours, 40 x 30."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((40, 30), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def answers(folder: Path) -> list[list[Prediction]]:
    model = Model.load(folder, threads=1)
    return [model.classify(picture(seed), Limits(), 4)[1] for seed in range(20)]


@pytest.mark.tensorflow
def test_one_network_in_three_formats_is_one_model(tmp_path: Path, onnx_bundle: Path) -> None:
    """LiteRT, SavedModel and ONNX give every picture the same label, scores within 1e-3."""
    pytest.importorskip("tensorflow")
    from tools.published.efficientnet import to_litert

    network = networks.keras_network()
    saved, lite = tmp_path / "saved", tmp_path / "lite"

    def fill_saved(made: Path) -> None:
        network.export(made / "saved_model", verbose=False)

    def fill_lite(made: Path) -> None:
        (made / "fabrics.tflite").write_bytes(to_litert(network, half=False))

    write_bundle(saved, document("tensorflow", "saved_model"), LABELS, fill_saved)
    write_bundle(lite, document("litert", "fabrics.tflite"), LABELS, fill_lite)

    by_format = [answers(folder) for folder in (onnx_bundle, saved, lite)]

    assert len({best[0].label for best in by_format[0]}) > 1
    for each in zip(*by_format, strict=True):
        scores = [{item.label: item.score for item in predictions} for predictions in each]
        assert len({predictions[0].label for predictions in each}) == 1
        for label in LABELS:
            assert max(s[label] for s in scores) - min(s[label] for s in scores) <= 1e-3


def test_an_onnx_network_is_what_its_arithmetic_says(onnx_bundle: Path) -> None:
    """On an even picture the network's answer is the one that numpy computes from its weights."""
    model = Model.load(onnx_bundle, threads=1)
    grey = np.full((40, 40, 3), 200, np.uint8)
    value = (200 - 127.5) / 127.5

    padded = np.pad(np.full((16, 16, 3), value), ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
    conv = np.einsum("hwcij,ijcf->hwf", windows, networks.KERNEL) + networks.BIAS
    logits = np.maximum(conv, 0).mean((0, 1)) @ networks.DENSE
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()

    assert np.abs(model.scores(grey) - expected).max() < 1e-5
    assert model.outputs == {"probs": 4, "embedding": 8}


def test_an_output_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The error lists the outputs there are, with their sizes."""
    folder = onnx_with(tmp_path, output={"activation": "softmax", "top_k": 1, "scores": "scores"})

    with pytest.raises(ModelMismatch) as caught:
        Model.load(folder)

    assert str(caught.value) == "model fabrics: no output scores; it has probs (4), embedding (8)"


def test_outputs_that_could_both_be_meant_are_told(tmp_path: Path) -> None:
    """Without a name the output as long as the labels is taken; if there is none, it is asked."""
    output = {"activation": "softmax", "top_k": 1}

    found = Model.load(onnx_with(tmp_path, output=output))
    with pytest.raises(ModelMismatch) as caught:
        Model.load(onnx_with(tmp_path, labels=("a", "b"), output=output))

    assert found.scores(np.zeros((9, 9), np.uint8)).size == 4
    assert str(caught.value) == (
        "model fabrics: name one of its outputs as output.scores: probs (4), embedding (8)"
    )


def test_scores_that_are_no_shares_are_told(tmp_path: Path) -> None:
    """An output of values beyond 0 to 1 is not taken for probabilities."""
    output = {"activation": "softmax", "top_k": 1, "scores": "embedding"}
    folder = onnx_with(tmp_path, labels=tuple("abcdefgh"), output=output)

    class Loud:
        input_shape: tuple[int | None, ...] = (1, 3, 16, 16)

        def run(self, tensor: Tensor) -> dict[str, Tensor]:
            return {"embedding": np.full(8, 3.0, np.float32)}

    with pytest.raises(ModelMismatch, match=r"no shares, from 3 to 3; output\.activation may have"):
        Model(Bundle.read(folder), Loud())


def test_the_layout_must_be_the_networks(tmp_path: Path) -> None:
    """Channels last for a network that has them first is a wrong setting, with both shapes."""
    folder = onnx_with(tmp_path, layout="nhwc")

    with pytest.raises(ModelMismatch) as caught:
        Model.load(folder)

    assert str(caught.value) == (
        "model fabrics: fabrics.onnx takes (1, 3, 16, 16), model.json says (1, 16, 16, 3)"
    )


def test_onnx_threads_do_not_wait_busily(onnx_bundle: Path) -> None:
    """The processor is free for what follows once the network has answered."""
    options = onnx.load(onnx_bundle / "fabrics.onnx", 2)._session.get_session_options()

    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_broken_onnx_file_is_told(tmp_path: Path) -> None:
    """A file that is no network is named with the bundle it is in."""
    folder = onnx_with(tmp_path)
    (folder / "fabrics.onnx").write_bytes(b"no network")

    with pytest.raises(ConfigError, match=r"^model fabrics: fabrics\.onnx cannot be loaded: "):
        Model.load(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux what is mapped")
def test_a_litert_file_is_mapped(tmp_path: Path) -> None:
    """The model's file is mapped into memory and shared, not copied."""
    file = tmp_path / "n.tflite"
    file.write_bytes((MODELS / "digits" / "digits.tflite").read_bytes())

    loaded = backends.load("litert", file, 1)

    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines()
              if line.endswith(str(file))]  # fmt: skip
    assert loaded.input_shape == (1, 28, 28, 1)
    assert [line.split()[1] for line in mapped] == ["r--s"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("quantized", [True, False])
def test_whole_numbers_in_are_what_tensorflow_makes_of_them(
    tmp_path: Path, *, quantized: bool
) -> None:
    """uint8 inputs, with a scale or as they are, give what TensorFlow gives for the same pixels."""
    tf = pytest.importorskip("tensorflow")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3), np.uint8)
    if quantized:
        network = networks.keras_network()
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [np.random.default_rng(seed).random((1, 16, 16, 3)).astype(np.float32) * 2 - 1]
            for seed in range(20)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        given = (pixels / 127.5 - 1).astype(np.float32)
        expected = network(given)["probs"].numpy().ravel()
    else:

        @tf.function(  # type: ignore[untyped-decorator] # TensorFlow has no types
            input_signature=[tf.TensorSpec([1, 16, 16, 3], tf.uint8, name="image")]
        )
        def means(image: Any) -> Any:
            return {"probs": tf.reduce_mean(tf.cast(image, tf.float32), axis=(1, 2)) / 255}

        module = tf.Module()
        module.means = means
        tf.saved_model.save(module, str(tmp_path / "saved"), signatures=means)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
        given, expected = pixels.astype(np.float32), pixels.mean((0, 1, 2)) / 255
    (tmp_path / "n.tflite").write_bytes(converter.convert())

    found = backends.load("litert", tmp_path / "n.tflite", 1).run(given)

    (scores,) = (each for name, each in found.items() if each.size == expected.size)
    assert np.abs(scores - expected).max() < (0.05 if quantized else 1e-5)


@pytest.mark.tensorflow
def test_several_signatures_are_not_guessed_at(tmp_path: Path) -> None:
    """Which network of a file would run is not left to chance."""
    tf = pytest.importorskip("tensorflow")
    module = tf.Module()
    spec = tf.TensorSpec([1, 4], tf.float32)
    module.one = tf.function(lambda x: {"y": x + 1}, input_signature=[spec])
    module.two = tf.function(lambda x: {"y": x * 2}, input_signature=[spec])
    tf.saved_model.save(
        module, str(tmp_path / "s"), signatures={"one": module.one, "two": module.two}
    )
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path / "s"), signature_keys=["one", "two"]
    )
    (tmp_path / "n.tflite").write_bytes(converter.convert())

    with pytest.raises(ValueError, match="it has the signatures one, two; convert it with one"):
        backends.load("litert", tmp_path / "n.tflite", 1)
