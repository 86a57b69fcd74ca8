"""What the local OSS endpoint says and leaves behind when its disk takes no more."""

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import oss2
import pytest
import requests

from tools.localcloud.credentials import Keyring
from tools.localcloud.invoke_api import InvokeEndpoint
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
        adapter: Any = session.get_adapter(url)
        pools = adapter.poolmanager.pools
        connections = [pools[key].num_connections for key in pools.keys()]  # noqa: SIM118

    assert [answer.status_code for answer in answers] == [500, 200]
    assert connections == [1]
    assert "<Code>InternalError</Code>" in answers[0].text
    assert "No such file or directory" in caplog.text


def broken_index(folder: Path) -> None:
    """Let no object be written any more: as where the index has no room, but each time."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as index:
        index.execute(
            """CREATE TRIGGER full BEFORE INSERT ON objects
            BEGIN SELECT RAISE(ROLLBACK, 'no room'); END"""
        )


def test_a_write_that_fails_leaves_no_file(bucket: oss2.Bucket, tmp_path: Path) -> None:
    """Content that was in its place before the index failed is taken away with its row."""
    bucket.put_object("x", LARGE)
    upload = bucket.init_multipart_upload("parts").upload_id
    part = oss2.models.PartInfo(1, bucket.upload_part("parts", upload, 1, LARGE).etag)
    there = sorted(files(tmp_path))
    assert len(there) == 2
    broken_index(tmp_path)

    writes: list[Callable[[], Any]] = [
        lambda: bucket.put_object("y", LARGE),
        lambda: bucket.put_object("x", LARGE[1:]),
        lambda: bucket.append_object("log", 0, LARGE),
        lambda: bucket.copy_object("kept", "x", "copy"),
        lambda: bucket.complete_multipart_upload("parts", upload, [part]),
    ]
    for write in writes:
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            write()
        assert (caught.value.status, caught.value.code) == (500, "InternalError")
        assert sorted(files(tmp_path)) == there

    assert bucket.get_object("x").read() == LARGE


@pytest.mark.parametrize("size", [200_000, len(LARGE)])
def test_content_that_finds_no_room_leaves_no_file(
    bucket: oss2.Bucket, tmp_path: Path, size: int
) -> None:
    """A file that could be written in part is gone, be the content from memory or from a file."""
    bucket.put_object("x", LARGE[:size])
    upload = bucket.init_multipart_upload("parts").upload_id
    there = files(tmp_path)
    with no_file_over(150_000), pytest.raises(oss2.exceptions.ServerError) as put:
        bucket.put_object("y", LARGE[:size])
    with no_file_over(150_000), pytest.raises(oss2.exceptions.ServerError) as copied:
        bucket.upload_part_copy("kept", "x", None, "parts", upload, 1)

    assert [put.value.status, copied.value.status] == [500, 500]
    assert files(tmp_path) == there
    assert bucket.put_object("y", LARGE[:size]).status == 200


def test_a_file_that_was_cut_ends_the_answer(
    bucket: oss2.Bucket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its reader is told by the end of the connection, not left waiting; the log has a line."""
    bucket.put_object("x", LARGE)
    (blob,) = (tmp_path / "blobs").iterdir()
    os.truncate(blob, 1_000_000)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(bucket.sign_url("GET", "x", 60), timeout=20)

    assert "ends too early, at 1000000" in caplog.text
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.upload_part_copy(
            "kept", "x", None, "y", bucket.init_multipart_upload("y").upload_id, 1
        )
    assert caught.value.status == 500


def test_a_payload_that_finds_no_room_is_the_server_s_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The invoke API says so in its own words."""
    endpoint = InvokeEndpoint({}, lambda _: None, Keyring([KEYS]))
    endpoint.start()
    url = f"{endpoint.url}/2023-03-30/functions/a/invocations"
    with no_file_over(2_500_000):
        answer = requests.post(url, data=LARGE, timeout=20)
    endpoint.stop()

    assert (answer.status_code, answer.json()["Code"]) == (500, "InternalServerError")
    assert "File too large" in caplog.text
