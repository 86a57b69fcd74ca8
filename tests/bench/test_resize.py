"""A slow link, and pictures that OSS makes smaller for it: small runs to the end."""

from collections.abc import Iterator

import oss2
import pytest

from fanlight.errors import FanlightError
from fanlight.model import Model
from tools.bench.cloud import BUCKET, KEYS, REGION, OssProcess
from tools.bench.networks import DIGITS
from tools.bench.resize import COLUMNS, SlowLink, Taken, agreement, resize
from tools.samples import FOLDER

DIGIT = (FOLDER / "pasted-7-00000.jpg").read_bytes()


@pytest.fixture(scope="module")
def cloud() -> Iterator[OssProcess]:
    with OssProcess() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(DIGITS, threads=1)


def test_a_slow_link_loses_nothing(cloud: OssProcess) -> None:
    """What is sent and got through it is what was sent and is stored."""
    body = bytes(range(256)) * 1000
    auth = oss2.StsAuth(KEYS.access_key_id, KEYS.access_key_secret, KEYS.security_token,
                        auth_version=oss2.AUTH_VERSION_4)  # fmt: skip
    with SlowLink(cloud.url, 1000) as link:
        bucket = oss2.Bucket(auth, link.url, BUCKET, region=REGION)
        bucket.put_object("through", body)
        assert bucket.get_object("through").read() == body
    assert cloud.bucket().get_object("through").read() == body


def test_each_link_has_both_ways(cloud: OssProcess, model: Model) -> None:
    """A sample a round for each part, which add up; and how many labels are the same."""
    steps: list[None] = []

    report = resize(cloud, model, {"a.jpg": DIGIT}, 2, lambda: steps.append(None))

    assert [row.name for row in report.rows] == [
        "10 Mbit/s, as stored", "10 Mbit/s, resized", "50 Mbit/s, as stored", "50 Mbit/s, resized",
    ]  # fmt: skip
    for row in report.rows:
        assert list(row.seconds) == list(COLUMNS)
        *parts, totals = row.seconds.values()
        assert [sum(one) for one in zip(*parts, strict=True)] == pytest.approx(totals)
        assert len(totals) == 2
    assert report.notes[0].startswith("1 of 1 labels are the same")
    assert len(steps) == 8


def test_labels_are_compared_picture_by_picture() -> None:
    """One of two pictures keeps its label; later rounds are not counted again."""
    stored = [Taken({}, 2000, "a"), Taken({}, 4000, "b"), Taken({}, 2000, "a")]
    smaller = [Taken({}, 1000, "a"), Taken({}, 3000, "c"), Taken({}, 1000, "a")]

    assert agreement([stored, smaller], 2) == (
        "1 of 2 labels are the same; a picture is 3 KB, resized 2 KB"
    )


def test_a_picture_that_is_rejected_has_no_figures(cloud: OssProcess, model: Model) -> None:
    """What never reaches the network would make a link look fast."""
    with pytest.raises(FanlightError, match=r"a\.jpg was rejected: "):
        resize(cloud, model, {"a.jpg": b"no picture"}, 1, lambda: None)
