"""The stages of one picture's way: small runs to the end."""

from collections.abc import Iterator

import pytest

from fanlight.errors import FanlightError
from tools.bench.cloud import OssProcess
from tools.bench.function import Subject, digits
from tools.bench.networks import DIGITS
from tools.bench.stages import COLUMNS, stages


@pytest.fixture(scope="module")
def cloud() -> Iterator[OssProcess]:
    with OssProcess() as cloud:
        yield cloud


def test_every_picture_has_its_row(cloud: OssProcess) -> None:
    """A sample a round for each stage, none below 0, and the stages add up to the whole."""
    steps: list[None] = []

    report = stages(cloud, [digits()], 2, lambda: steps.append(None))

    assert [row.name for row in report.rows] == [
        "digits, 7-00000.png", "digits, pasted-7-00000.jpg",
    ]  # fmt: skip
    for row in report.rows:
        assert list(row.seconds) == list(COLUMNS)
        *parts, totals = row.seconds.values()
        assert [sum(one) for one in zip(*parts, strict=True)] == pytest.approx(totals)
        assert len(totals) == 2
        assert min(map(min, parts)) >= 0
    assert len(steps) == 6


def test_nothing_is_left_behind(cloud: OssProcess) -> None:
    """Each round finds no result, as the first one did; so the last leaves none."""
    stages(cloud, [digits()], 1, lambda: None)

    assert cloud.bucket().list_objects_v2("output/").object_list == []


def test_a_picture_that_is_rejected_has_no_figures(cloud: OssProcess) -> None:
    """What never reaches the network would make the stages look fast."""
    with pytest.raises(FanlightError, match=r"a\.png was to get a new result, and was rejected"):
        stages(cloud, [Subject(DIGITS, {"a.png": b"no picture"})], 1, lambda: None)
