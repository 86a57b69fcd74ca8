"""A warm function against its bound: small runs to the end."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from fanlight.errors import FanlightError
from tests.networks import LABELS, document, write_onnx
from tools.bench.cloud import OssProcess
from tools.bench.function import Subject, subjects, warm_function
from tools.bench.networks import DIGITS
from tools.bench.pictures import photo
from tools.bench.warm import COLUMNS, warm
from tools.bundles import write_bundle
from tools.models import MODELS


@pytest.fixture(scope="module")
def cloud() -> Iterator[OssProcess]:
    with OssProcess() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def fabrics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "fabrics"

    def fill(bundle: Path) -> None:
        write_onnx(bundle / "fabrics.onnx")

    write_bundle(folder, document("onnx", "fabrics.onnx", "nchw"), LABELS, fill)
    return folder


def test_every_subject_has_its_rows(cloud: OssProcess, fabrics: Path) -> None:
    """For each model two of the handler and one of the bound in its parts, a sample a round."""
    chosen, missing = subjects(("digits", str(fabrics)))
    steps: list[None] = []

    report = warm(cloud, chosen, 3, lambda: steps.append(None))

    assert missing == {}
    assert [row.name for row in report.rows] == [
        "digits, 7-00000.png: handler", "digits, 7-00000.png: handler, unchanged",
        "digits, 7-00000.png: bound",
        "fabrics, 548x365.jpg: handler", "fabrics, 548x365.jpg: handler, unchanged",
        "fabrics, 548x365.jpg: bound",
    ]  # fmt: skip
    for handler, again, bound in zip(*(report.rows[start::3] for start in range(3)), strict=True):
        assert list(handler.seconds) == ["total", "processor"]
        assert list(again.seconds) == ["total"]
        assert list(bound.seconds) == list(COLUMNS)
        rows = (handler, again, bound)
        assert {len(samples) for row in rows for samples in row.seconds.values()} == {3}
        parts = zip(*(bound.seconds[part] for part in COLUMNS[:-1]), strict=True)
        assert [sum(one) for one in parts] == pytest.approx(bound.seconds["total"])
    assert [(one.what, one.at_most) for one in report.comparisons] == [
        ("digits, 7-00000.png: handler by bound", None),
        ("fabrics, 548x365.jpg: handler by bound", None),
    ]
    assert len(steps) == 2


def test_products_are_held_to_the_target(cloud: OssProcess, fabrics: Path) -> None:
    """What is called products has to come close to its bound; others are only told."""
    named = fabrics.with_name("products")
    write = document("onnx", "fabrics.onnx", "nchw", name="products")
    write_bundle(named, write, LABELS, lambda bundle: write_onnx(bundle / "fabrics.onnx"))

    report = warm(cloud, [Subject(named, {"a.jpg": photo(64, 48)})], 1, lambda: None)

    assert [one.at_most for one in report.comparisons] == [1.15]


def test_a_picture_without_a_new_result_has_no_figures(cloud: OssProcess) -> None:
    """A handler that rejects the picture, or finds its result there, is not what is measured."""
    cloud.bucket().put_object("input/broken.png", b"no picture")

    with warm_function(cloud, DIGITS, "input/broken.png") as handle:
        for became in ("rejected", "unchanged"):
            with pytest.raises(FanlightError, match=f"to be classified, and became .*{became}"):
                handle()


def test_the_environment_is_left_as_it_was(cloud: OssProcess) -> None:
    """The function's settings, its keys among them, are gone when it is."""
    before = dict(os.environ)

    with warm_function(cloud, DIGITS, "input/none.png"):
        assert os.environ["FANLIGHT_OSS_ENDPOINT"] == cloud.url

    assert dict(os.environ) == before


def test_a_model_that_is_not_at_hand_is_skipped() -> None:
    """Without products the digits are measured alone, and the remedy is named."""
    chosen, missing = subjects(())

    at_hand = (MODELS / "products").exists()
    assert [subject.bundle.name for subject in chosen] == ["digits", "products"][: 1 + at_hand]
    assert missing == (
        {} if at_hand else {"products": "it is not in models/: fanlight model get products"}
    )


def test_photos_are_the_same_each_time() -> None:
    """A JPEG of the size asked for, byte for byte the same, with some bits a pixel."""
    data = photo(548, 365)

    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (548, 365))
    assert data == photo(548, 365)
    assert 1 < 8 * len(data) / (548 * 365) < 4
