"""Cold starts: how they are taken apart, and small runs of every design."""

import io
import json
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
    assert parts(10.0, {**told, "marks": {**told["marks"], "fetch": 1.5}}) == {  # type: ignore[dict-item]
        **expected, "fetch": 1.5, "event to result": 0.5,
    }  # fmt: skip


def test_ours_runs_to_the_end(cloud: OssProcess, tmp_path: Path) -> None:
    """Without any other library the deployed function alone has its row, each column a sample."""
    chosen = designs(tmp_path, cloud, fetched=True)
    steps: list[None] = []

    report = cold(cloud, chosen, 2, lambda: steps.append(None))

    assert [row.name for row in report.rows] == [OURS]
    assert report.rows[0].seconds.keys() == set(COLUMNS) - {"fetch"}
    assert all(len(samples) == 2 for samples in report.rows[0].seconds.values())
    assert len(steps) == 3
    assert [one.what for one in report.comparisons] == [
        "fanlight, LiteRT, seconds in all",
        "fanlight, LiteRT, first request by a warm one",
    ]


@pytest.mark.tensorflow
def test_every_design_runs_to_the_end(cloud: OssProcess, networks: Path) -> None:
    """All libraries and all of the article's ways give the digit, and their rows."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as small:  # TensorFlow's takes minutes to make
        small.writestr("readme.txt", "with nothing in it, what is installed is imported")
    cloud.bucket().put_object(LIBS_KEY, archive.getvalue())

    report = cold(cloud, designs(networks, cloud, fetched=True), 1, untimed)

    assert [row.name for row in report.rows] == [
        OURS, "fanlight, ONNX", "fanlight, TensorFlow", IN_INITIALIZER, IN_HANDLER,
        FETCHED,
    ]  # fmt: skip
    *others, fetched = report.rows
    assert all(row.seconds.keys() == set(COLUMNS) - {"fetch"} for row in others)
    assert fetched.seconds.keys() == set(COLUMNS)


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
    broken = Design("broken", "ours", "initializer", settings)

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
    ours = Row(OURS, {"total": [0.5], "first request": [0.25], "warm request": [0.25]})
    rows = [ours, Row(IN_INITIALIZER, {"total": [2.0]}), Row(FETCHED, {"total": [20.0]})]

    made = comparisons(rows)

    assert [(list(one.values), one.met) for one in made] == [
        ([4.0], False), ([40.0], True), ([0.5], True), ([1.0], True),
    ]  # fmt: skip


def test_a_package_has_all_that_it_requires() -> None:
    """oss2's files and those of its requirements are there, without scripts and bytecode."""
    files = installed("oss2")

    assert {"oss2/__init__.py", "requests/__init__.py", "urllib3/__init__.py"} <= files.keys()
    assert not [name for name in files if name.endswith(".pyc") or name.startswith("..")]
    assert all(path.is_file() for path in files.values())
