"""Several images in one call: that batches are batches, and how answers are compared."""

from pathlib import Path

import numpy as np
import pytest

from fanlight.bundle import Bundle
from fanlight.model import Model
from tools.bench.batches import COLUMNS, LIBRARIES, SIZES, Given, _equality, batches, given
from tools.bench.networks import DIGITS, ONNX, TENSORFLOW, write_networks
from tools.samples import FOLDER

PLAIN = [path.read_bytes() for path in sorted(FOLDER.glob("[0-9]-*.png"))[:3]]


def test_digits_run_to_the_end() -> None:
    """A row with a rate for each size, a ratio and a verdict for each but the first."""
    done: list[None] = []

    report = batches([given(DIGITS, PLAIN)], 2, lambda: done.append(None), {"ONNX": "none"})

    (row,) = report.rows
    assert (row.name, list(row.seconds)) == ("digits, LiteRT", list(COLUMNS))
    assert {len(rates) for rates in row.seconds.values()} == {2}
    assert [one.what for one in report.comparisons] == [
        f"digits, LiteRT: {size} at a time by one at a time" for size in SIZES[1:]
    ]
    assert [note.rpartition(":")[0] for note in report.notes] == [
        f"digits, LiteRT: batches of {size}" for size in SIZES[1:]
    ]
    assert len(done) == 2 * len(SIZES)
    assert report.skipped == {"ONNX": "none"}


def check_batches(folder: Path) -> None:
    """Every row of a batch is the answer of the back end to that image."""
    subject = given(folder, PLAIN)
    images = subject.tensors()
    model = Model.load(folder, 1)
    make = LIBRARIES[subject.bundle.format][1]
    for size in SIZES:
        (found,) = make(subject.bundle, size)(images[:size])
        assert found.shape == (size, 10)
        for image, row in zip(images[:4], found[:4], strict=False):
            np.testing.assert_allclose(row, model.infer(image[None]), atol=1e-6)


def test_a_batch_on_litert_is_its_images() -> None:
    """The network is resized, not asked again and again."""
    check_batches(DIGITS)


@pytest.mark.tensorflow
def test_batches_on_the_other_libraries_are_their_images(tmp_path: Path) -> None:
    """The size is written into the ONNX file's shapes; a SavedModel takes any."""
    pytest.importorskip("tensorflow")
    assert write_networks(tmp_path) == {}
    for name in (ONNX, TENSORFLOW):
        check_batches(tmp_path / name)


def test_answers_are_compared_as_results_show_them() -> None:
    """Equal bits are said; else how many values round to others, and the largest difference."""
    images = np.zeros((4, 1), np.float32)

    def call(change: float) -> object:
        return lambda batch: [np.full((len(batch), 2), 0.25 + change, np.float64)]

    verdicts = _equality({1: call(0), 2: call(0), 4: call(2e-6)}, images)  # type: ignore[dict-item]

    assert verdicts == {2: "the same bits", 4: "8 of 8 values round to others, by 2e-06 at most"}


def test_the_images_are_as_many_as_the_largest_batch() -> None:
    """A few pictures are taken again and again."""
    images = Given(Bundle.read(DIGITS), PLAIN).tensors()

    assert images.shape == (64, 28, 28, 1)
    assert np.array_equal(images[0], images[3])
    assert not np.array_equal(images[0], images[1])
