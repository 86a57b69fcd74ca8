"""A model in OSS: fetched by the initializer, checked, and each fault an error with its name."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import oss2
import pytest

from tests.networks import LABELS, document, write_onnx
from tests.test_model import drawn_one
from tools.bundles import write_bundle
from tools.events import oss_event
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.instance import Answer
from tools.localcloud.options import Options
from tools.template import Template, from_source, project_template, read_template
from tools.zips import zip_folder

BUCKET = "fanlight-demo"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "fabrics"
    described = document("onnx", "fabrics.onnx", "nchw")
    write_bundle(folder, described, LABELS, lambda made: write_onnx(made / "fabrics.onnx"))
    return folder


@pytest.fixture(scope="module")
def packed(bundle: Path) -> bytes:
    target = bundle.with_suffix(".zip")
    zip_folder(bundle, target)
    return target.read_bytes()


def with_model(model: str, **settings: str) -> Template:
    """The template with its first function alone, which reads its model from OSS."""
    template = from_source(read_template(project_template()))
    function = template.functions[0]
    environment = {**function.environment, "FANLIGHT_MODEL": model, **settings}
    alone = replace(function, environment=environment, on_failure=None, triggers=())
    return replace(template, functions=(alone,))


def classified(objects: dict[str, bytes], model: str, **settings: str) -> Answer:
    """The function's answer to the event of a picture, in a cloud whose bucket holds `objects`."""
    template = with_model(model, **settings)
    with LocalCloud(template, Options(instances=1, first_pause=0.01)) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region="cn-hangzhou")
        for key, data in objects.items():
            bucket.put_object(key, data)
        key = "input/digits/a.png"
        bucket.put_object(key, drawn_one())
        return cloud.invoke("fanlight-digits", json.dumps(oss_event(BUCKET, key)).encode())


def named(key: str, data: bytes) -> str:
    return f"oss://{BUCKET}/{key}#sha256={hashlib.sha256(data).hexdigest()}"


def test_a_model_from_oss_classifies(packed: bytes) -> None:
    """The initializer brings the zip to the instance's disk, and its labels are in the result."""
    answer = classified({"models/f.zip": packed}, named("models/f.zip", packed))

    assert answer.ok, answer.payload
    (outcome,) = json.loads(answer.payload)["outcomes"]
    assert outcome["outcome"] == "classified"
    assert outcome["label"] in LABELS


def repacked(bundle: Path, change: Callable[[zipfile.ZipFile], None]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(bundle.iterdir()):
            archive.write(path, path.name)
        change(archive)
    return out.getvalue()


def slip(archive: zipfile.ZipFile) -> None:
    archive.writestr("../../escaped", b"evil")


def bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr("zeros", bytes(100_000_000))


@pytest.fixture
def faults(bundle: Path, packed: bytes) -> dict[str, bytes]:
    described = document("onnx", "fabrics.onnx", "nchw")
    described["input"]["width"] = 99
    mismatched = io.BytesIO()
    with zipfile.ZipFile(mismatched, "w") as archive:
        archive.write(bundle / "fabrics.onnx", "fabrics.onnx")
        archive.write(bundle / "labels.txt", "labels.txt")
        archive.writestr("model.json", json.dumps(described))
    return {
        "WrongDigest": packed,
        "UnsafeZip": repacked(bundle, slip),
        "ZipBomb": repacked(bundle, bomb),
        "DamagedZip": packed[: len(packed) // 2],
        "ModelMismatch": mismatched.getvalue(),
    }


@pytest.mark.parametrize(
    "kind", ["WrongDigest", "UnsafeZip", "ZipBomb", "DamagedZip", "ModelMismatch"]
)
def test_each_fault_is_a_named_error_at_initialization(
    faults: dict[str, bytes], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform reports the error's name, no image is touched, no file is left on the disk."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    data = faults[kind]
    model = named("m.zip", b"another" if kind == "WrongDigest" else data)

    answer = classified({"m.zip": data}, model)

    assert not answer.ok
    assert json.loads(answer.payload)["errorType"] == kind
    assert [path for path in tmp_path.rglob("*") if "escaped" in path.name] == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def libs() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("libs_of_the_bucket.py", "WORD = 'from the bucket'")
        archive.writestr("numpy/__init__.py", "raise ImportError('the package has its own')")
    return out.getvalue()


def test_libraries_from_oss_stand_behind_the_package(
    libs: bytes, packed: bytes, tmp_path: Path
) -> None:
    """What FANLIGHT_LIBS holds can be imported, and replaces nothing that the package brings."""
    template = with_model(named("m.zip", packed), FANLIGHT_LIBS=named("l.zip", libs))
    (function,) = template.functions
    (tmp_path / "probe.py").write_text(
        "import sys, numpy\n"
        f"sys.path.insert(0, {str(function.code)!r})\n"
        "import classify\n"
        "def handler(event, context):\n"
        "    classify.initializer(context)\n"
        "    import libs_of_the_bucket\n"
        "    return libs_of_the_bucket.WORD\n"
    )
    probing = replace(function, code=tmp_path, handler="probe.handler", initializer=None,
                      pre_stop=None)  # fmt: skip
    with LocalCloud(replace(template, functions=(probing,)), Options(instances=1)) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region="cn-hangzhou")
        bucket.put_object("m.zip", packed)
        bucket.put_object("l.zip", libs)
        answer = cloud.invoke("fanlight-digits", b"{}")

    assert (answer.ok, answer.payload) == (True, "from the bucket")
