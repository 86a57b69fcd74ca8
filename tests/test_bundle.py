"""Model bundles: read whole, named by their content, and refused with what is wrong."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fanlight.bundle import Bundle, Input
from fanlight.digest import digest
from fanlight.errors import ConfigError

DIGITS = Path(__file__).parents[1] / "functions/models/digits"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(DIGITS, tmp_path / "digits"))


def rewrite(folder: Path, **changes: Any) -> None:
    """Change fields of model.json, `input__width` those of a part; None takes one away."""
    document = json.loads((folder / "model.json").read_bytes())
    for path, value in changes.items():
        *parts, name = path.split("__")
        inner = document
        for part in parts:
            inner = inner[part]
        inner[name] = value
        if value is None:
            del inner[name]
    (folder / "model.json").write_text(json.dumps(document))


def problem(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Bundle.read(folder)
    return str(caught.value).removeprefix(f"model bundle {folder}: ")


def test_the_bundle_that_ships_is_read_whole() -> None:
    """Every field of the digits bundle is what its model.json and labels.txt say."""
    bundle = Bundle.read(DIGITS)

    assert bundle == Bundle(
        folder=DIGITS,
        name="digits",
        version=json.loads((DIGITS / "model.json").read_bytes())["version"],
        task="classification",
        format="litert",
        file="digits.tflite",
        input=Input(28, 28, 1, "glyph", (0.0,), (1.0,)),
        activation="softmax",
        top_k=3,
        labels=tuple("0123456789"),
        digest=bundle.digest,
        licence="Apache-2.0",
        source=bundle.source,
    )
    assert bundle.source.startswith("Trained by tools/digits/train.py")
    assert len(bundle.digest) == len("sha256:") + 64


def test_the_digest_goes_by_content(folder: Path) -> None:
    """A copy elsewhere has the same digest; one byte or one name changed, another."""
    before = Bundle.read(folder).digest
    (folder / "NOTICE").write_text("x")
    with_file = Bundle.read(folder).digest
    (folder / "NOTICE").write_text("y")
    changed = Bundle.read(folder).digest
    (folder / "NOTICE").rename(folder / "NOTES")
    renamed = Bundle.read(folder).digest

    assert before == Bundle.read(DIGITS).digest
    assert len({before, with_file, changed, renamed}) == 4


def test_the_digest_does_not_go_by_order() -> None:
    """However the files are listed, the digest is the same."""
    pairs = [("a", "1"), ("b", "2"), ("a/b", "3")]

    assert digest(pairs) == digest(reversed(pairs))
    by_path = b"1  a\n3  a/b\n2  b\n"
    assert digest(pairs) == "sha256:" + hashlib.sha256(by_path).hexdigest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "model.json has no name"),
        ({"input": None}, "model.json has no input"),
        ({"input__mean": None}, "model.json has no mean"),
        (
            {"schema": "fanlight.model/9"},
            "model.json: schema is 'fanlight.model/9', this version reads fanlight.model/1",
        ),
        (
            {"task": "painting"},
            "task is 'painting', use one of classification, moderation, embedding",
        ),
        (
            {"input__width": "wide"},
            "model.json: width is 'wide', not a whole number",
        ),
        ({"format": "pickle"}, "format is 'pickle', use one of litert, tensorflow, onnx"),
        (
            {"input__resize": "melt"},
            "input.resize is 'melt', use one of stretch, fit, crop, glyph",
        ),
        (
            {"output__activation": "relu"},
            "output.activation is 'relu', use one of softmax, logits",
        ),
        (
            {"input__channels": 2, "input__resize": "fit"},
            "input.channels is 2, use 1 or 3; input.mean has 1 values for 2 channels; "
            "input.std has 1 values for 2 channels",
        ),
        ({"input__width": 32}, "input.resize glyph gives 28x28x1"),
        (
            {"input__std": [0]},
            "input.std must be numbers, and not 0",
        ),
        (
            {"output__top_k": 0},
            "output.top_k is 0, use 1 to 1000",
        ),
        ({"input__width": 28.0}, "model.json: width is 28.0, not a whole number"),
        ({"input__width": True}, "model.json: width is True, not a whole number"),
        ({"input__mean": "0"}, "model.json: mean is '0', not a list of numbers"),
        ({"input__std": [float("nan")]}, "input.std must be numbers, and not 0"),
        ({"input__mean": [float("inf")]}, "input.mean must be numbers a pixel can have"),
        ({"input__keep": 1e-300}, "input.keep is 1e-300, it is a share from 0.01 to 1"),
        ({"output__scores": []}, "model.json: scores is [], not the name of an output"),
        (
            {"input__width": 10**9, "input__resize": "fit"},
            "input.width and input.height must be 1 to 4096",
        ),
        ({"file": "other.tflite"}, "file 'other.tflite' is not in the bundle"),
        ({"file": "../digits.tflite"}, "file '../digits.tflite' is not in the bundle"),
        ({"file": "/etc/passwd"}, "file '/etc/passwd' is not in the bundle"),
    ],
)
def test_a_wrong_model_json_is_told(folder: Path, changes: dict[str, Any], message: str) -> None:
    """Each mistake is named as it is spelled in the file."""
    rewrite(folder, **changes)

    assert problem(folder) == message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7"])
def test_a_model_json_of_another_shape_is_told(folder: Path, text: str) -> None:
    """What is no JSON object is an error about model.json, whatever it is."""
    (folder / "model.json").write_text(text)

    assert problem(folder).startswith("model.json: ")


@pytest.mark.parametrize("name", ["model.json", "labels.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """The error has the whole path of what is not there."""
    (folder / name).unlink()

    assert problem(folder) == f"No such file or directory: {folder / name}"


@pytest.mark.parametrize("labels", ["a\nb\na\n", "a\n\nb\n"])
def test_labels_name_one_class_each(folder: Path, labels: str) -> None:
    """Two classes of one name would hide one another's scores, and no name is none."""
    (folder / "labels.txt").write_text(labels)

    assert problem(folder) == "labels.txt has an empty line, or one label twice"


def test_empty_labels_are_told(folder: Path) -> None:
    """A bundle without labels has no answers."""
    (folder / "labels.txt").write_text("")

    assert problem(folder) == "labels.txt is empty"
