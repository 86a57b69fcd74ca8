"""Published models as bundles: their weights, their labels, and what they say of photographs."""

import hashlib
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from click.testing import CliRunner

from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import ConfigError, FanlightError
from fanlight.model import Model
from tests.published.photos import photos
from tools.bench.precision import Network, agreement
from tools.cli import fanlight
from tools.published import catalog, wheels
from tools.published.calibration import class_of
from tools.published.torch_weights import read_state_dict
from tools.published.wheels import Wheel

REFERENCE = np.load(Path(__file__).with_name("lite0_reference.npy"))


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fp32 bundle."""
    pytest.importorskip("tensorflow")
    return got("products", tmp_path_factory.mktemp("models") / "products", "fp32")


def got(name: str, folder: Path, precision: str) -> Path:
    try:
        catalog.get(name, folder, precision)
    except ConfigError as error:
        if "cannot be fetched" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    return folder


@pytest.mark.tensorflow
def test_lite0_agrees_with_the_published_port(
    products: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fp32 bundle gives the labels and scores that the PyTorch port gives for the weights."""
    model = Model.load(products)
    ours = np.stack([model.scores(model.decode(data, Limits())[1]) for data in photos().values()])

    same = int((ours.argmax(1) == REFERENCE.argmax(1)).sum())
    largest = float(np.abs(ours - REFERENCE).max())
    with capsys.disabled():
        print(f"\nLite0 fp32 and its PyTorch port: {same} of {len(ours)} labels agree, "
              f"the largest difference of a score is {largest:.1e}")  # fmt: skip
    assert same == len(ours) == 20
    assert largest < 1e-3


@pytest.mark.tensorflow
@pytest.mark.parametrize("precision", catalog.PRECISIONS)
def test_products_are_named_right(tmp_path: Path, precision: str) -> None:
    """Of the 20 photographs at least 17 have their own class first, in every precision."""
    model = Model.load(got("products", tmp_path / "products", precision))

    right = [
        model.classify(data, Limits(), 1)[1][0].index == class_of(name)
        for name, data in photos().items()
    ]

    assert (len(right), sum(right) >= 17) == (20, True)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The int8 bundle."""
    pytest.importorskip("tensorflow")
    return got("products", tmp_path_factory.mktemp("models") / "products", "int8")


@pytest.mark.tensorflow
def test_whole_numbers_say_nearly_the_same(products: Path, small: Path) -> None:
    """The int8 bundle gives the labels of fp32, scores that add up, and embeddings close by."""
    data = list(photos().values())[::4]
    reference, network = (Network(Bundle.read(folder)) for folder in (products, small))

    found = agreement([reference(one) for one in data], [network(one) for one in data],
                      [None] * len(data))  # fmt: skip

    assert (found.equal, found.photos) == (5, 5)
    assert found.best < 0.1
    assert found.least_cosine > 0.97
    assert all(float(network(one).scores.sum()) == pytest.approx(1, abs=1e-5) for one in data)


@pytest.mark.tensorflow
def test_every_convolution_is_of_whole_numbers(small: Path) -> None:
    """Weights are int8 with a scale for each channel, a quarter of the size of fp32."""
    interpreter = Interpreter(
        str(small / "efficientnet-lite0-int8.tflite"),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    tensors = {one["index"]: one for one in interpreter.get_tensor_details()}
    weights = [
        tensors[step["inputs"][1]]
        for step in interpreter._get_ops_details()  # there is no public way to the graph
        if step["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ]

    # A stem, a head, and three convolutions in each block but the first, which has two.
    assert len(weights) == 49
    assert {one["dtype"] for one in weights} == {np.int8}
    assert all(len(one["quantization_parameters"]["scales"]) > 1 for one in weights)


@pytest.mark.tensorflow
def test_the_same_packages_give_the_same_bundle(small: Path, tmp_path: Path) -> None:
    """Quantising again gives the same digest, so that results of two machines are of one model."""
    again = Bundle.read(got("products", tmp_path / "products", "int8"))

    assert again.digest == Bundle.read(small).digest
    assert "calibrated with the photographs of foolbox 3.3.4" in again.source
    assert (again.activation, again.scores) == ("logits", "logits")


@pytest.mark.tensorflow
def test_the_products_bundle_says_what_it_is(products: Path) -> None:
    """Task, outputs, licence and the source with its digest are recorded in model.json."""
    bundle = Bundle.read(products)

    assert (bundle.task, bundle.format, bundle.scores, bundle.embedding) == (
        "classification", "litert", "probs", "embedding",
    )  # fmt: skip
    assert len(bundle.labels) == len(set(bundle.labels)) == 1000
    assert (bundle.labels[0], bundle.labels[281]) == ("tench", "tabby cat")
    assert "Apache-2.0" in bundle.licence
    assert "f2bc3dd05dbc22e1" in bundle.source
    assert Model.load(products).outputs == {"probs": 1000, "embedding": 1280}


def test_ordinary_photographs_are_allowed(tmp_path: Path) -> None:
    """The moderation bundle carries its licence, and none of 20 ordinary photos is blocked."""
    folder = got("moderation", tmp_path / "moderation", "fp16")
    model = Model.load(folder)

    unsafe = [float(model.scores(model.decode(data, Limits())[1])[1]) for data in photos().values()]

    assert "Copyright 2016, Yahoo Inc." in (folder / "NOTICE").read_text()
    assert (model.bundle.task, model.bundle.labels) == ("moderation", ("safe", "nsfw"))
    assert max(unsafe) < model.bundle.thresholds["nsfw"].block


def test_a_precision_that_would_do_nothing_is_refused(tmp_path: Path) -> None:
    """Moderation is as it was published: nobody is left to think it was quantised."""
    arguments = ["model", "get", "moderation", "--precision", "int8", "--out", tmp_path / "m"]
    ran = CliRunner().invoke(fanlight, list(map(str, arguments)))

    assert ran.exit_code == 2
    assert "--precision does not go with moderation" in ran.output
    assert not (tmp_path / "m").exists()


def wheel_of(folder: Path, content: bytes) -> Wheel:
    path = folder / "x.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("x/data", content)
    return Wheel("x", "1", hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_package_that_is_not_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the index sends, only the file with the known digest is read; it is then kept."""
    wheel = wheel_of(tmp_path, b"right")
    sent = [(tmp_path / "x.whl").read_bytes(), b"something else"]

    def download(_wheel: Wheel, folder: Path) -> None:
        (folder / "x.whl").write_bytes(sent.pop())

    monkeypatch.setattr(wheels, "_download", download)
    cache = tmp_path / "cache"

    with pytest.raises(FanlightError, match="x 1 is not the published file: SHA-256 "):
        wheels.fetch(wheel, cache)
    first = wheels.fetch(wheel, cache)

    assert wheels.fetch(wheel, cache) == first
    assert wheels.read_member(first, "x/data") == b"right"
    assert sent == []


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1 + 1",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps(Evil(), 2), "weights do not need"),
        (pickle.dumps(7, 2), "not a .pth file"),
        (b"", "cannot be read"),
        (b"PK\3\4", "cannot be read"),
        (json.dumps({}).encode(), "cannot be read"),
    ],
)
def test_weights_run_no_code(data: bytes, message: str) -> None:
    """A pickle that asks for anything but tensors is refused, and so is what is no pickle."""
    with pytest.raises(FanlightError, match=message):
        read_state_dict(data)
