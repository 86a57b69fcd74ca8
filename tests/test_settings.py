"""What a run works on: options, and for what they leave open what the template deploys."""

import zipfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click import UsageError

from fanlight.answer import Choices
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.digest import sha256_of
from fanlight.place import Place
from fanlight.thresholds import Threshold
from tests.oss_world import DIGITS, oss_world, told
from tools.deployed import Deployed
from tools.models import MODELS
from tools.places import Access
from tools.settings import Settings, merged

THRESHOLDS = {"nsfw": Threshold(0.1, 0.9)}
KNOWN = Deployed(
    function="f", code=Path("build/f.zip"), model="models/digits", out="oss://shop/out/",
    failed="oss://shop/failed/", region="cn-shanghai", limits=Limits(1000, 2000), top_k=3,
    thresholds=THRESHOLDS, oss_resize=True, backfill="f-backfill",
)  # fmt: skip


def given(**options: Any) -> dict[str, Any]:
    names = ("model", "top_k", "thresholds", "max_bytes", "max_pixels")
    return {name: options.get(name) for name in names}


def test_all_is_as_deployed_where_nothing_is_given() -> None:
    """Model, output, dead letters, limits, classes, thresholds, resizing and region."""
    assert merged("oss://shop/in/", None, None, given(), Access(), KNOWN) == Settings(
        "oss://shop/in/", "oss://shop/out/", "oss://shop/failed/", "models/digits",
        Access("", "cn-shanghai"), Limits(1000, 2000), 3, THRESHOLDS, oss_resize=True,
        deployed=KNOWN,
    )  # fmt: skip


def test_what_is_given_wins() -> None:
    """Each option over what is deployed, and they are named as the ones that were chosen."""
    options = given(model="m", top_k=1, thresholds={}, max_bytes=1, max_pixels=2)

    found = merged("oss://shop/in/", "oss://shop/o/", "oss://shop/f/", options,
                   Access("http://here", "r"), KNOWN)  # fmt: skip

    assert found == Settings(
        "oss://shop/in/", "oss://shop/o/", "oss://shop/f/", "m",
        Access("http://here", "r"), Limits(1, 2), 1, {}, oss_resize=True,
        deployed=KNOWN,
        chosen=("--model", "--top-k", "--thresholds", "--max-bytes", "--max-pixels"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "failed", "refused"),
    [("oss://shop/in/", "oss://shop/in/failed/", True), ("oss://shop/in", "oss://shop/in", True),
     ("oss://shop/in/a/", "oss://shop/in/", False), ("oss://shop/in/", "oss://b/in/", False),
     ("/x/in", "/x/in/failed", True), ("/x/in", "/x/in2", False), ("/x/in", "oss://x/in/", False)],
)  # fmt: skip
def test_dead_letters_are_no_images(source: str, failed: str, *, refused: bool) -> None:
    """Their place may not be inside that of the images."""
    out = "oss://elsewhere/out/"

    with pytest.raises(UsageError, match="would be taken") if refused else nullcontext():
        merged(source, out, failed, given(), Access(), None)


def test_without_a_template_there_are_defaults() -> None:
    """The model is open, the output beside the source, dead letters unknown."""
    found = merged("oss://shop/in/", None, None, given(), Access(), None)

    assert found == Settings("oss://shop/in/", "oss://shop/in-results/", None, None, Access())
    assert found.choices == Choices()
    assert found.bundle() is None
    assert found.recipe() is None


def test_a_model_of_the_template_is_the_bundle_of_that_folder() -> None:
    """Where the code is a zip that is not unpacked, the project's own models are meant."""
    found = merged("oss://shop/in/", None, None, given(thresholds={}), Access(), KNOWN)

    assert found.bundle() == MODELS / "digits"
    assert found.failed_place() == Place("shop", "failed/")


def test_a_model_that_is_not_here_is_asked_for() -> None:
    """It is said how to get it; a recipe that is merely nice to have is unknown then."""
    absent = Deployed(**{**vars(KNOWN), "model": "models/never-got"})
    found = merged("oss://shop/in/", None, None, given(), Access(), absent)

    with pytest.raises(UsageError, match="models/never-got is not here: get or make it"):
        found.bundle()
    assert found.recipe_at_hand() is None


def test_a_model_in_oss_is_downloaded_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, to be kept; the run that uses it answers as with the folder itself."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "digits.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((MODELS / "digits").iterdir()):
            archive.write(file, file.name)
    model = f"oss://shop/models/digits.zip#sha256={sha256_of(path)}"
    with oss_world() as world:
        world.bucket.put_object_from_file("models/digits.zip", str(path))
        world.image("a.png")
        code, first = told(tmp_path, "run", "oss://shop/in/", "-m", model)
        world.bucket.delete_object("models/digits.zip")
        _, second = told(tmp_path, "run", "oss://shop/in/", "-m", model)

    assert code == 0
    assert (first["counts"], second["counts"]) == ({"classified": 1}, {"unchanged": 1})
    assert first["recipe"] == Choices().recipe(Bundle.read(MODELS / "digits"))


TEMPLATE = """
resources:
  digits:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: digits
      runtime: python3.12
      handler: classify.handler
      code: ./build/digits.zip
      memorySize: 1536
      environmentVariables:
        FANLIGHT_INPUT: oss://shop/in/
        FANLIGHT_OUTPUT: oss://shop/results/
        FANLIGHT_FAILED: oss://shop/failed/
        FANLIGHT_MODEL: models/digits
        FANLIGHT_TOP_K: '2'
      triggers:
        - triggerName: uploads
          triggerType: oss
          sourceArn: acs:oss:cn-hangzhou:1:shop
          triggerConfig:
            events: ['oss:ObjectCreated:PutObject']
            filter: {key: {prefix: in/, suffix: ''}}
"""


def test_a_deployed_place_needs_no_options(tmp_path: Path) -> None:
    """`run` does as its function does, clears its letters, and `status` finds nothing left."""
    template = tmp_path / "template.yml"
    template.write_text(TEMPLATE)
    place = ("oss://shop/in/", "--template", str(template))
    with oss_world() as world:
        world.image("a.png")
        world.letter(1, "in/a.png")
        _, before = told(tmp_path, "status", *place)
        code, ran = told(tmp_path, "run", *place)
        _, after = told(tmp_path, "status", *place, "--deep")
        written = world.keys("results/")

    assert (before["missing"], before["dead_letters"]) == (1, 1)
    assert (code, ran["counts"], ran["dead_letters"]) == (0, {"classified": 1}, {"cleared": 1})
    assert ran["function"] == "digits"
    assert written == ["results/a.png.json"]
    assert (after["classified"], after["older_recipe"], after["dead_letters"]) == (1, 0, 0)


def test_a_deployed_place_may_be_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Uploads are yet to come: it is told, and there is nothing to do."""
    template = tmp_path / "template.yml"
    template.write_text(TEMPLATE)
    place = ("oss://shop/in/", "--template", str(template))
    with oss_world():
        codes = told(tmp_path, "run", *place)[0], told(tmp_path, "status", *place)[0]

    assert codes == (0, 0)
    assert capsys.readouterr().err.splitlines() == ["nothing is under oss://shop/in/"] * 2


def test_a_deep_status_reads_the_model_of_the_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a run does; where its zip cannot be had, that is told and all the rest counts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "digits.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((MODELS / "digits").iterdir()):
            archive.write(file, file.name)
    model = f"oss://shop/models/digits.zip#sha256={sha256_of(path)}"
    template = tmp_path / "template.yml"
    template.write_text(TEMPLATE.replace("models/digits", f"'{model}'"))
    place = ("oss://shop/in/", "--template", str(template))
    with oss_world() as world:
        world.image("a.png")
        told(tmp_path, "run", *place, "-m", "digits", "--top-k", "1")
        code, without = told(tmp_path, "status", *place, "--deep")
        said = capsys.readouterr().out
        world.bucket.put_object_from_file("models/digits.zip", str(path))
        _, found = told(tmp_path, "status", *place, "--deep")

    assert (code, without["classified"], without["older_recipe"]) == (0, 1, None)
    assert "older recipe: not known: " in said
    assert "models/digits.zip" in said
    assert found["older_recipe"] == 1


def test_pictures_are_made_smaller_where_the_function_has_it_so(tmp_path: Path) -> None:
    """A run on this machine then reads what the function reads, which is in the recipe."""
    template = tmp_path / "template.yml"
    template.write_text(TEMPLATE.replace("FANLIGHT_TOP_K: '2'", "FANLIGHT_OSS_RESIZE: 'on'"))
    small = cv2.imdecode(np.frombuffer(DIGITS[0], np.uint8), cv2.IMREAD_UNCHANGED)
    assert small is not None
    large = cv2.imencode(".png", cv2.resize(small, (1200, 1200)))[1]
    with oss_world() as world:
        world.image("a.png", large.tobytes())
        code, ran = told(tmp_path, "run", "oss://shop/in/", "--template", str(template))
        resized = [path for path in world.paths if "x-oss-process=image" in path]

    assert (code, ran["counts"]) == (0, {"classified": 1})
    assert ran["recipe"] == Choices(oss_resize=True).recipe(Bundle.read(MODELS / "digits"))
    assert len(resized) == 1
