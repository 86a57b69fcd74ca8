"""`fanlight model train` whole: pictures in folders become a bundle that classifies them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import ConfigError, FanlightError
from fanlight.model import Model
from tools.commands.model_train import command
from tools.training import head

CLOTHING = Path(__file__).parents[3] / "shared" / "data" / "clothing"
INSTANCES = {"disc": 0, "square": 1}


def draw(folder: Path, count: int, seed: int = 0) -> None:
    """Discs and squares in any colour, place and size, one folder each."""
    random = np.random.default_rng(seed)
    for label in INSTANCES:
        (folder / label).mkdir(parents=True)
        for number in range(count):
            page = np.full((120, 160, 3), random.integers(160, 256, 3), np.uint8)
            ink = tuple(map(int, random.integers(0, 120, 3)))
            x, y, half = int(random.integers(50, 110)), int(random.integers(45, 75)), \
                int(random.integers(20, 40))  # fmt: skip
            if label == "disc":
                cv2.circle(page, (x, y), half, ink, -1)
            else:
                cv2.rectangle(page, (x - half, y - half), (x + half, y + half), ink, -1)
            cv2.imwrite(str(folder / label / f"{number:03d}.png"), page)


@pytest.fixture
def weights() -> None:
    """Skips where the published weights cannot be had."""
    pytest.importorskip("tensorflow")
    from tools.published import efficientnet

    try:
        efficientnet.weights()
    except ConfigError as error:
        pytest.skip(str(error))


def invoke(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(command, [*map(str, arguments)], standalone_mode=False)
    if isinstance(result.exception, (click.ClickException, FanlightError)):
        return 2, str(result.exception)
    if result.exception:
        raise result.exception
    return 0, result.output


@pytest.mark.tensorflow
@pytest.mark.usefixtures("weights")
def test_folders_become_a_bundle_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle tells shapes apart, and what it measured is true of it."""
    for name in ("FOLDS", "HEADS"):  # enough for two shapes, in half of the time
        monkeypatch.setattr(head, name, 2)
    draw(tmp_path / "shapes", 20)
    (tmp_path / "shapes" / "README.txt").write_text("no class")

    code, output = invoke(tmp_path / "shapes", "--views", "1", "--out", tmp_path / "one",
                          "--report", tmp_path / "one-report")  # fmt: skip

    assert code == 0, output
    bundle = Bundle.read(tmp_path / "one")
    document = json.loads((tmp_path / "one-report" / "report.json").read_text("utf-8"))
    assert (bundle.name, bundle.labels, bundle.task) == (
        "shapes", ("disc", "square"), "classification",
    )  # fmt: skip
    assert bundle.digest == document["model"]["digest"]
    held = document["held_out"]
    assert (held["images"], document["data"]["train"]) == (8, 32)
    assert held["accuracy"] >= 0.875
    measured = json.loads((tmp_path / "one" / "model.json").read_text("utf-8"))["measured"]
    assert measured == {key: held[key] for key in measured}
    model = Model.load(tmp_path / "one")
    assert model.outputs == {"probs": 2, "embedding": 1280}
    draw(tmp_path / "fresh", 10, seed=9)
    right = [
        model.classify(path.read_bytes(), Limits(), 1)[1][0].label == path.parent.name
        for path in (tmp_path / "fresh").rglob("*.png")
    ]
    assert sum(right) >= 17
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fresh", "one", "one-report", "shapes",
    ]  # fmt: skip


def test_keeps_what_is_no_bundle_of_this_name(tmp_path: Path) -> None:
    """A folder that holds something else, or another model, is refused before any work."""
    draw(tmp_path / "shapes", 5)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")

    code, said = invoke(tmp_path / "shapes", "--out", tmp_path / "full")

    assert code == 2
    assert "is no model bundle; choose another --out" in said
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_keeps_an_older_model_until_told(tmp_path: Path) -> None:
    """A bundle of the same name is refused before any work, and with --replace is no problem."""
    draw(tmp_path / "shapes", 1)  # too few, which is found after the bundle
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "model.json").write_text('{"name": "shapes"}')

    code, said = invoke(tmp_path / "shapes", "--out", tmp_path / "b")
    _, told = invoke(tmp_path / "shapes", "--out", tmp_path / "b", "--replace")

    assert code == 2
    assert "holds another bundle shapes already; choose another --name, or give --replace" in said
    assert "holds another bundle" not in told
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["model.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shapes", "--data", "."], "--data does not go with shapes"),
        (["digits", "--hold-out", "0.1"], "--hold-out does not go with digits"),
        (["shapes", "--name", "a/b"], "a model cannot be called 'a/b'"),
        (["shapes", "--name", "digits"], "digits is a model that comes with Fanlight"),
        (["shapes", "--name", "products"], "products is a model that comes with Fanlight"),
        (["nowhere"], "nowhere does not exist"),
    ],
)
def test_wrong_usage_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    """Options that would do nothing, names that cannot be and places that are not are refused."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "shapes", 5)

    code, said = invoke(*arguments)

    assert code == 2
    assert message in said


@pytest.mark.tensorflow
@pytest.mark.usefixtures("weights")
def test_ctrl_c_leaves_nothing_half_done(tmp_path: Path) -> None:
    """Stopped in the middle of its work, it ends soon with 130 and neither bundle nor report."""
    draw(tmp_path / "shapes", 200)
    program = ("import sys, click; from tools.commands.model_train import command\n"
               "try: command.main(standalone_mode=False)\n"
               "except (KeyboardInterrupt, click.Abort): sys.exit(130)")  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "shapes", "--out", tmp_path / "bundle",
         "--report", tmp_path / "report", "--views", "64"],
        cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": f".{os.pathsep}functions"},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("looking at"):
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=60) == 130
    process.stderr.close()
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]


@pytest.mark.tensorflow
@pytest.mark.usefixtures("weights")
@pytest.mark.skipif("FANLIGHT_LONG" not in os.environ, reason="some minutes: set FANLIGHT_LONG=1")
@pytest.mark.skipif(not CLOTHING.is_dir(), reason=f"there is no {CLOTHING}")
def test_clothes(tmp_path: Path) -> None:
    """Of 186 photographs of clothes in ten classes, eight in ten are told right."""
    code, output = invoke(CLOTHING, "--out", tmp_path / "bundle", "--report", tmp_path / "report")

    assert code == 0, output
    document = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert document["held_out"]["images"] == 186
    assert document["held_out"]["accuracy"] >= 0.8
