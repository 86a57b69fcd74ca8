"""What one network says held against another: counted, and shown."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from fanlight.backends import Tensor
from tests.bench.test_commands import bench
from tests.published.photos import photos
from tools.bench.precision import Agreement, Said, agreement, agreements, cosine
from tools.training.metrics import wilson


def said(*scores: float, embedding: tuple[float, float] = (1, 0)) -> Said:
    return Said(tensor(*scores), tensor(*embedding))


def tensor(*values: float) -> Tensor:
    return np.array(values, np.float32)


def test_agreement_counts_what_it_says() -> None:
    """Labels, sure ones, differences, cosines and right answers are those of a hand's reckoning."""
    reference = [
        said(0.75, 0.25, 0),
        said(0.25, 0.5, 0.25),
        said(0.25, 0.5, 0.25),
        said(0, 0.25, 0),
    ]
    other = [
        said(0.5, 0.5, 0, embedding=(2, 0)), said(0.5, 0.25, 0.25), said(0.25, 0.5, 0.25),
        said(0, 0.25, 0, embedding=(0, 1)),
    ]  # fmt: skip

    found = agreement(reference, other, [0, 1, None, 2])

    low, high = wilson(3, 4)
    assert asdict(found) == pytest.approx(asdict(Agreement(
        photos=4, equal=3, low=low, high=high, sure=3, sure_equal=2, best=0.5 / 4,
        all_scores=(0.5 / 3 + 0.5 / 3) / 4, cosine=0.75, least_cosine=0, right=1, of_known=3,
    )))  # fmt: skip


def test_a_vector_has_no_angle_with_itself() -> None:
    """The cosine knows no lengths."""
    assert cosine(tensor(3, 4), tensor(30, 40)) == pytest.approx(1)
    assert cosine(tensor(3, 4), tensor(-4, 3)) == pytest.approx(0)


def test_no_photographs_are_no_agreement() -> None:
    """Nothing to compare is an error, not an agreement of 100%."""
    with pytest.raises(ValueError, match="no photograph"):
        agreements({}, [])


@pytest.mark.tensorflow
@pytest.mark.skipif("FANLIGHT_LONG" not in os.environ, reason="half a minute: set FANLIGHT_LONG=1")
def test_precisions_are_compared(tmp_path: Path) -> None:
    """Each has its row and its agreement, and what is no picture is passed over."""
    pytest.importorskip("tensorflow")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, data in list(photos().items())[:3]:
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("no picture")

    run = bench("precision", folder, "--rounds", "2", "--json", tmp_path / "out.json")

    assert (run.returncode, run.stderr.strip()) == (0, "precision")
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert [row["name"] for row in document["rows"]] == ["fp32", "fp16", "int8"]
    found = document["agreement"]
    assert {name: (one["photos"], one["equal"]) for name, one in found.items()} == dict.fromkeys(
        ("fp32", "fp16", "int8"), (3, 3)
    )
    assert found["fp32"]["best"] == 0 < found["fp16"]["best"] < found["int8"]["best"] < 0.1
    assert "3 of 3 labels are those of fp32" in run.stdout
