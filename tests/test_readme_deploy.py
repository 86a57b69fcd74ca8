"""What the READMEs say of deploying: the function that is told of results runs as shown."""

import re
from dataclasses import replace
from pathlib import Path

import oss2
import pytest

from fanlight.digest import sha256_of
from tests.test_model import drawn_one
from tools.deployment.checks import problems
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.template import Template, from_source, project_template, read_template
from tools.zips import zip_folder

ROOT = Path(__file__).parent.parent
BUCKET = "fanlight-demo"


def block(language: str, having: str) -> str:
    """The one block of the README in a language that has a text in it."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (one,) = [each for each in found if having in each]
    return str(one)


@pytest.fixture
def template(tmp_path: Path) -> Template:
    """The project's, with the function of the README added as it says."""
    (tmp_path / "told").mkdir()
    (tmp_path / "told/told.py").write_text(block("python", "ALARM"))
    text = project_template().read_text("utf-8") + "\n" + block("yaml", "told:")
    (tmp_path / "template.yml").write_text(text)
    return from_source(read_template(tmp_path / "template.yml"))


def test_the_template_stays_sound(template: Template) -> None:
    """A trigger on the results and on the failures is a chain that ends, so nothing is refused."""
    assert [function.resource for function in template.functions][-1] == "told"
    assert problems(template) == []


def test_results_and_failures_are_told(template: Template) -> None:
    """An upload ends with its result told; a letter under the failed prefix raises the alarm."""
    wanted = tuple(f for f in template.functions if f.resource in ("digits", "told"))
    alone = replace(template, functions=wanted)
    said: list[str] = []
    options = Options(instances=1, on_line=lambda _name, line: said.append(line))
    with LocalCloud(alone, options) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region="cn-hangzhou")
        bucket.put_object("input/digits/1.png", drawn_one())
        assert cloud.drain()
        bucket.put_object("failed/2026-11-24/x-0.json", b"{}")
        assert cloud.drain()

    assert "result output/digits/1.png.json" in said
    assert "ALARM failed/2026-11-24/x-0.json" in said


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_digest_shown_is_the_one_printed(readme: str, tmp_path: Path) -> None:
    """What publishing the digits prints, name and digest, is what the transcript shows."""
    zip_folder(ROOT / "functions/models/digits", tmp_path / "digits.zip")
    sha256 = sha256_of(tmp_path / "digits.zip")[:12]

    shown = re.findall(
        r"digits-1\.0\.0-(\w+)\.zip#sha256=(\w+)", (ROOT / readme).read_text("utf-8")
    )

    assert shown == [(sha256, sha256)]
