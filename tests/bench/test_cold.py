"""Cold starts: how they are taken apart, and small runs of every design."""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fanlight.config import Limits
from fanlight.errors import FanlightError
from fanlight.model import Model
from tools.bench.cloud import OssProcess
from tools.bench.cold import (
    BARE,
    BUDGET,
    COLUMNS,
    FETCHED,
    IN_HANDLER,
    IN_INITIALIZER,
    OURS,
    Design,
    check,
    cold,
    comparisons,
    designs,
    instance,
    marks,
    parts,
)
from tools.bench.libs import LIBS_KEY, installed
from tools.bench.networks import DIGITS, ONNX, TENSORFLOW, write_networks
from tools.bench.report import Row
from tools.samples import pictures


@pytest.fixture(scope="module")
def cloud() -> Iterator[OssProcess]:
    with OssProcess() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("networks")
    assert write_networks(folder) == {}
    return folder


def untimed() -> None:
    """Nobody watches."""


def test_parts_add_up() -> None:
    """The columns are of what happened between start and result, and nothing is lost."""
    told = {
        "up": 10.5, "imported": 11.0, "ready": 13.0, "requests": [[13.0, 15.0], [15.0, 15.25]],
        "marks": {"libraries": 0.25, "model_load": 0.5, "first_inference": 1.25},
    }  # fmt: skip
    expected = {
        "interpreter": 0.5, "imports": 0.75, "model load": 0.5, "first inference": 1.25,
        "event to result": 2.0, "total": 5.0, "first request": 2.0, "warm request": 0.25,
    }  # fmt: skip

    assert parts(10.0, told) == expected
    others = {"fetch": 1.0, "warm_up": 0.5}
    assert parts(10.0, {**told, "marks": {**told["marks"], **others}}) == {  # type: ignore[dict-item]
        **expected, "fetch": 1.0, "warm-up": 0.5, "event to result": 0.5,
    }  # fmt: skip


def test_the_functions_log_tells_its_parts() -> None:
    """Of its initializer's time, what its log does not name was imports."""
    logged = [
        '{"message": "cold start", "imports_ms": 900, "fetch_ms": 0, "model_load_ms": 125.0, '
        '"first_inference_ms": 62.5, "warm_up_ms": 250.0}',
        '{"message": "key", "ms": 4}',
    ]

    assert marks({"imported": 11.0, "ready": 12.0, "marks": {}}, logged) == {
        "model_load": 0.125, "first_inference": 0.0625, "warm_up": 0.25, "libraries": 0.5625,
    }  # fmt: skip


def test_ours_runs_to_the_end(cloud: OssProcess, tmp_path: Path) -> None:
    """Without any other library the deployed function alone has its row, each column a sample."""
    chosen = designs(tmp_path, cloud, fetched=True)
    steps: list[None] = []

    report = cold(cloud, chosen, 2, lambda: steps.append(None))

    assert [row.name for row in report.rows] == [OURS, BARE]
    assert report.rows[0].seconds.keys() == set(COLUMNS) - {"fetch"}
    assert report.rows[1].seconds.keys() == {"interpreter", "imports"}
    assert all(len(samples) == 2 for row in report.rows for samples in row.seconds.values())
    assert len(steps) == 3
    assert [one.what for one in report.comparisons] == [
        "fanlight, LiteRT, seconds in all",
        *(f"fanlight, LiteRT, seconds of {part}" for part in BUDGET),
        "fanlight, LiteRT, imports by those of its bare libraries",
        "fanlight, LiteRT, first request by a warm one",
    ]


@pytest.mark.tensorflow
@pytest.mark.skipif("FANLIGHT_LONG" not in os.environ, reason="half a minute: set FANLIGHT_LONG=1")
def test_every_design_runs_to_the_end(cloud: OssProcess, networks: Path) -> None:
    """All libraries and all of the article's ways give the digit, and their rows."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as small:  # TensorFlow's takes minutes to make
        small.writestr("readme.txt", "with nothing in it, what is installed is imported")
    cloud.bucket().put_object(LIBS_KEY, archive.getvalue())

    report = cold(cloud, designs(networks, cloud, fetched=True), 1, untimed)

    assert [row.name for row in report.rows] == [
        OURS, "fanlight, ONNX", "fanlight, TensorFlow", IN_INITIALIZER, IN_HANDLER,
        FETCHED, BARE,
    ]  # fmt: skip
    columns = {row.name: row.seconds.keys() for row in report.rows}
    ours, articles = set(COLUMNS) - {"fetch"}, set(COLUMNS) - {"fetch", "warm-up"}
    assert columns[OURS] == columns["fanlight, ONNX"] == columns["fanlight, TensorFlow"] == ours
    assert columns[IN_INITIALIZER] == columns[IN_HANDLER] == articles
    assert columns[FETCHED] == {*articles, "fetch"}


@pytest.mark.tensorflow
def test_the_same_weights_give_the_same_scores(networks: Path) -> None:
    """What is compared are libraries: each network answers every sample as the shipped one."""
    models = [Model.load(folder) for folder in (DIGITS, networks / TENSORFLOW, networks / ONNX)]

    for path in pictures():
        _, pixels = models[0].decode(path.read_bytes(), Limits())
        first, *others = (model.scores(pixels) for model in models)
        for other in others:
            np.testing.assert_allclose(other, first, atol=1e-5)


def test_a_failing_instance_is_an_error(cloud: OssProcess, tmp_path: Path) -> None:
    """A design that cannot start has no figures; what it said last is told."""
    settings = {**cloud.settings(DIGITS), "FANLIGHT_MODEL": str(tmp_path)}
    broken = Design("broken", "classify", "initializer", settings)

    with pytest.raises(FanlightError, match=r"broken: the instance failed and said: .*model\.json"):
        instance(broken, ["input/0.png"], "output/broken/")


@pytest.mark.parametrize("label", ["7", "1"])
def test_results_are_looked_at(cloud: OssProcess, label: str) -> None:
    """A result that is missing or says another digit ends the run."""
    bucket, prefix = cloud.bucket(), f"output/looked-at-{label}/"
    bucket.put_object(prefix + "0.json", json.dumps({"predictions": [{"label": label}]}))
    if label == "7":
        check(bucket, prefix, 1)

    with pytest.raises(FanlightError, match=f"1 results say \\['{label}'\\]"):
        check(bucket, prefix, 2 if label == "7" else 1)


def test_comparisons_are_with_the_deployed_function() -> None:
    """How many times longer the article's ways take, and what was wanted."""
    within = {part: [0.01] for part in BUDGET}
    ours = {"total": [0.5], "first request": [0.25], "warm request": [0.25], **within}
    ours["imports"] = [0.75]
    rows = [
        Row(OURS, ours), Row(BARE, {"imports": [0.5]}), Row(IN_INITIALIZER, {"total": [2.0]}),
        Row(FETCHED, {"total": [20.0]}),
    ]  # fmt: skip

    made = comparisons(rows)

    assert [(list(one.values), one.met) for one in made] == [
        ([4.0], False), ([40.0], True), ([0.5], True),
        *(([0.75], False) if part == "imports" else ([0.01], True) for part in BUDGET),
        ([1.5], False), ([1.0], True),
    ]  # fmt: skip


def test_a_package_has_all_that_it_requires() -> None:
    """oss2's files and those of its requirements are there, without scripts and bytecode."""
    files = installed("oss2")

    assert {"oss2/__init__.py", "requests/__init__.py", "urllib3/__init__.py"} <= files.keys()
    assert not [name for name in files if name.endswith(".pyc") or name.startswith("..")]
    assert all(path.is_file() for path in files.values())
