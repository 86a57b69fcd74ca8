"""What the local OSS endpoint says and leaves behind when its disk takes no more."""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import oss2
import pytest
import requests

from tools.localcloud.oss import Credentials, OssEndpoint

KEYS = Credentials("id", "secret")
LARGE = b"0123456789abcdef" * (200 * 1024)  # over 3 MB: spooled, and a file of its own


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Every write that would make a file of this process longer than `size` bytes fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[oss2.Bucket]:
    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        endpoint.create_bucket("kept")
        auth = oss2.AuthV4("id", "secret")
        yield oss2.Bucket(auth, endpoint.url, "kept", region="cn-hangzhou")


def refused(bucket: oss2.Bucket, key: str) -> requests.Response:
    """The answer to a large PUT, sent as a client does that listens only when it is done."""
    return requests.put(bucket.sign_url("PUT", key, 60), data=LARGE, timeout=20)


def files(folder: Path) -> list[str]:
    return [path.name for name in ("blobs", "arriving") for path in (folder / name).iterdir()]


def test_a_body_that_finds_no_room_is_the_server_s_fault(
    bucket: oss2.Bucket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered 500 InternalError with an id, logged, and leaves no file behind."""
    bucket.put_object("x", b"body")
    with no_file_over(2_500_000):
        answer = refused(bucket, "y")

    request_id = answer.headers["x-oss-request-id"]
    assert answer.status_code == 500
    assert "<Code>InternalError</Code>" in answer.text
    assert f"<RequestId>{request_id}</RequestId>" in answer.text
    assert ["PUT /kept/y" in record.getMessage() for record in caplog.records] == [True]
    assert "File too large" in caplog.text
    assert files(tmp_path) == []
    assert [found.key for found in oss2.ObjectIteratorV2(bucket)] == ["x"]
    assert refused(bucket, "y").status_code == 200


def test_a_body_that_finds_no_folder_is_the_server_s_fault(
    bucket: oss2.Bucket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is the same where nothing can be opened, and the connection goes on."""
    shutil.rmtree(tmp_path / "arriving")
    with requests.Session() as session:
        url = bucket.sign_url("PUT", "x", 60)
        answers = [session.put(url, data=body, timeout=20) for body in (LARGE, b"body")]

    assert [answer.status_code for answer in answers] == [500, 200]
    assert "<Code>InternalError</Code>" in answers[0].text
    assert "No such file or directory" in caplog.text
