"""TensorFlow and a SavedModel, both zips in the bucket, run by a package on a bare interpreter."""

import hashlib
import json
from pathlib import Path

import oss2
import pytest
from click.testing import CliRunner

from fanlight.errors import ConfigError
from tests import networks
from tests.test_model import drawn_one
from tools.bundles import write_bundle
from tools.commands.package import command
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.packaging.build import library_names
from tools.packaging.components import IMAGES, OSS
from tools.packaging.pins import pinned, read_pins
from tools.packaging.target import PYTHONS, Target
from tools.packaging.trial import bare_python, find_python, unpacked
from tools.packaging.wheels import cache_folder, fetch
from tools.template import project_template, read_template
from tools.zips import zip_folder

BUCKET = "fanlight-demo"
ANOTHER_TASK = """\
  fabrics:
    component: fc3
    props:
      <<: *task
      diskSize: 10240
      environmentVariables:
        <<: *settings
        FANLIGHT_MODEL: {model}
        FANLIGHT_LIBS: {libs}
"""


@pytest.fixture
def target() -> Target:
    """The platform's newest Python, if it and the wheels can be had."""
    target = Target(PYTHONS[0])
    if find_python(target.python) is None:
        pytest.skip(f"there is no Python {target.python}")
    names = [*OSS, *IMAGES, *library_names("tensorflow")]
    try:
        fetch(pinned(names, read_pins(target)), target, cache_folder(), lambda _line: None)
    except ConfigError as error:
        pytest.skip(f"no wheels: {error}")
    return target


def packaged(*arguments: object) -> None:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output


def named(path: Path) -> str:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"oss://{BUCKET}/deployed/{path.name}#sha256={sha256}"


@pytest.mark.tensorflow
def test_tensorflow_and_its_model_come_from_the_bucket(target: Target, tmp_path: Path) -> None:
    """The package holds neither; its initializer fetches both, and an upload is classified."""
    pytest.importorskip("tensorflow")
    packaged("--libs", "tensorflow", "--out", tmp_path)
    libs, model = tmp_path / f"libs-tensorflow-{target.python}.zip", tmp_path / "fabrics-1.zip"
    described = networks.document("tensorflow", "saved_model")
    write_bundle(
        tmp_path / "bundle", described, networks.LABELS,
        lambda made: networks.keras_network().export(made / "saved_model", verbose=False),
    )  # fmt: skip
    zip_folder(tmp_path / "bundle", model)
    template_file = tmp_path / "template.yml"
    added = ANOTHER_TASK.format(model=named(model), libs=named(libs))
    template_file.write_text(project_template().read_text() + added)
    packaged("fabrics", "--format", "tensorflow", "-t", template_file)

    template = read_template(template_file)
    (function,) = (item for item in template.functions if item.resource == "fabrics")
    alone = type(template)((function,), template.region, template.account)
    python = bare_python(target.python, tmp_path)
    said: list[str] = []
    with LocalCloud(
        unpacked(alone, tmp_path / "code"),
        Options(python=str(python), instances=1, on_line=lambda _name, line: said.append(line)),
    ) as cloud:  # fmt: skip
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region=template.region)
        for path in (libs, model):
            bucket.put_object_from_file(f"deployed/{path.name}", str(path))
        bucket.put_object("input/fabrics/a.png", drawn_one())
        assert cloud.drain(120)
        result = json.loads(bucket.get_object("output/fabrics/a.png.json").read())

    assert result["predictions"][0]["label"] in networks.LABELS
    (start,) = (json.loads(line) for line in said if '"cold start"' in line)
    assert start["fetch_ms"] > 0
