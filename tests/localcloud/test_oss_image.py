"""Image processing of the local OSS endpoint: what is spoken, and what is refused as in OSS."""

import io
from collections.abc import Iterator

import oss2
import pytest
from PIL import Image

from tests.localcloud.policies import policy
from tests.localcloud.served import served
from tools.bench.pictures import photo
from tools.localcloud import oss_image
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.localcloud.oss_image import Process
from tools.localcloud.oss_types import OssError

PROCESS = "image/resize,m_mfit,w_20,h_20,limit_1/auto-orient,1/quality,Q_90"


@pytest.fixture(scope="module")
def bucket() -> Iterator[oss2.Bucket]:
    with served() as bucket:
        yield bucket


def png(width: int, height: int, mode: str = "RGBA") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), "red").save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_made_smaller(bucket: oss2.Bucket) -> None:
    """It has its proportions, format and transparency; what is told of the stored bytes is not."""
    bucket.put_object("a.png", png(80, 40))

    answer = bucket.get_object("a.png", process=PROCESS)

    content = answer.read()
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (40, 20), "RGBA")
        assert image.getpixel((3, 3)) == (255, 0, 0, 255)
    assert (answer.content_length, answer.content_type) == (len(content), "image/png")
    assert not {"ETag", "Content-MD5", "x-oss-hash-crc64ecma"} & {*answer.headers}


@pytest.mark.parametrize(
    ("process", "code"),
    [
        ("image/resize,w_20", "InvalidArgument"),
        ("image/resize,m_mfit,w_20,h_30/auto-orient,1/quality,Q_90", "InvalidArgument"),
        ("image/resize,m_mfit,w_0,h_0/auto-orient,1/quality,Q_90", "InvalidArgument"),
        ("image/resize,m_mfit,w_16385,h_16385/auto-orient,1/quality,Q_90", "InvalidArgument"),
        ("image/resize,m_mfit,w_20,h_20/auto-orient,1/quality,Q_101", "InvalidArgument"),
        ("image/resize,m_mfit,w_20,h_20/auto-orient,1", "InvalidArgument"),
        ("video/snapshot,t_1", "InvalidArgument"),
        (PROCESS, "BadRequest"),
    ],
)
def test_what_is_not_processed_is_refused(bucket: oss2.Bucket, process: str, code: str) -> None:
    """Another process, and an object that is no picture, are answered with 400."""
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket.get_object("a", process=process)

    assert (refused.value.status, refused.value.code) == (400, code)


def test_quality_is_that_asked_for(bucket: oss2.Bucket) -> None:
    """A JPEG of less quality has fewer bytes."""
    bucket.put_object("a.jpg", photo(400, 300))

    fine, rough = (
        bucket.get_object("a.jpg", process=PROCESS.replace("90", quality)).content_length
        for quality in ("90", "10")
    )

    assert rough < fine


def test_reading_is_permission_enough() -> None:
    """GetObject is all that a role needs for it, and it does need that."""
    known = [Credentials("reads", "secret"), Credentials("writes", "secret")]
    policies = {
        "reads": [policy(("Allow", "oss:GetObject", "*"))],
        "writes": [policy(("Allow", "oss:PutObject", "*"))],
    }
    with OssEndpoint(known, policies=policies) as endpoint:
        endpoint.create_bucket("pictures")
        reads, writes = (
            oss2.Bucket(oss2.AuthV4(key.access_key_id, key.access_key_secret), endpoint.url,
                        "pictures", region="cn-hangzhou")
            for key in known
        )  # fmt: skip
        writes.put_object("a.png", png(80, 40))

        assert reads.get_object("a.png", process=PROCESS).content_type == "image/png"
        with pytest.raises(oss2.exceptions.AccessDenied):
            writes.get_object("a.png", process=PROCESS)


def test_what_is_not_there_is_not_found(bucket: oss2.Bucket) -> None:
    """As without processing."""
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("nothing", process=PROCESS)


@pytest.mark.parametrize(
    ("size", "code"),
    [((30_001, 1), "ImageTooLarge"), ((20_000, 20), "InvalidArgument")],
)
def test_limits_are_those_of_oss(size: tuple[int, int], code: str) -> None:
    """A source side of 30,000 pixels, a resized one of 16,384."""
    with pytest.raises(OssError) as refused:
        oss_image.resized(png(*size, "L"), Process(20, 90))

    assert (refused.value.status, refused.value.code) == (400, code)
