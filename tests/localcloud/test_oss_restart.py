"""What the endpoint keeps, however it ends; and what it does not keep in memory."""

import hashlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import oss2
import pytest

from tools.localcloud.oss import Credentials, OssEndpoint

KEYS = Credentials("id", "secret")
LARGE = b"0123456789abcdef" * (200 * 1024)  # over 3 MB: spooled, and a file of its own
# A server process: says where it is and, at the end of its input, the peak of its memory (KB).
SERVER = """
import sys
from pathlib import Path
from tools.localcloud.oss import Credentials, OssEndpoint

with OssEndpoint([Credentials("id", "secret")], data=Path(sys.argv[1])) as endpoint:
    endpoint.create_bucket("kept")
    print(endpoint.url, flush=True)
    sys.stdin.read()
    status = dict(line.split(":") for line in open("/proc/self/status"))
    print(status["VmHWM"].removesuffix("kB\\n"), flush=True)
"""


def bucket_of(url: str) -> oss2.Bucket:
    return oss2.Bucket(oss2.AuthV4("id", "secret"), url, "kept", region="cn-hangzhou")


@contextmanager
def server(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_an_endpoint_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Buckets, objects with their headers, and uploads are the same in the next endpoint."""
    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        endpoint.create_bucket("kept")
        bucket = bucket_of(endpoint.url)
        bucket.put_object("small/识别", b"body", headers={"x-oss-meta-of": "a"})
        bucket.put_object("large", LARGE)
        upload = bucket.init_multipart_upload("parts", headers={"x-oss-meta-n": "2"}).upload_id
        parts = [
            oss2.models.PartInfo(n, bucket.upload_part("parts", upload, n, body).etag)
            for n, body in ((1, LARGE), (2, b"end"))
        ]
        told = dict(bucket.head_object("small/识别").headers)

    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        bucket = bucket_of(endpoint.url)
        listed = [(one.key, one.etag, one.size) for one in oss2.ObjectIteratorV2(bucket)]
        again = dict(bucket.head_object("small/识别").headers)
        whole = bucket.get_object("large").read()
        bucket.complete_multipart_upload("parts", upload, parts)
        completed = bucket.get_object("parts")
        assert completed.headers["x-oss-meta-n"] == "2"
        assert completed.read() == LARGE + b"end"

    assert listed == [
        ("large", hashlib.md5(LARGE).hexdigest().upper(), len(LARGE)),
        ("small/识别", hashlib.md5(b"body").hexdigest().upper(), 4),
    ]
    assert whole == LARGE
    changing = ("Date", "x-oss-request-id")
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in told.items() if k not in changing
    }


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Of 1,000 puts with a SIGKILL in their midst, each that was answered is there, and whole."""
    answered: dict[str, str] = {}

    def put_all(url: str) -> None:
        bucket = bucket_of(url)
        for n in range(1000):
            body = f"{n} ".encode() * (50_000 if n % 3 else 5)  # files and rows
            try:
                answered[f"key-{n:04}"] = bucket.put_object(f"key-{n:04}", body).etag
            except oss2.exceptions.RequestError:
                return

    with server(tmp_path) as (process, url):
        putting = Thread(target=put_all, args=(url,))
        putting.start()
        while len(answered) < 150 and putting.is_alive():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        putting.join()
    assert 150 <= len(answered) < 1000

    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        bucket = bucket_of(endpoint.url)
        found = {
            one.key: hashlib.md5(bucket.get_object(one.key).read()).hexdigest().upper()
            for one in oss2.ObjectIteratorV2(bucket)
        }
        kept = [one for one in oss2.ObjectIteratorV2(bucket) if one.size > 64 * 1024]
        assert found == {one.key: one.etag for one in oss2.ObjectIteratorV2(bucket)}

    assert answered.items() <= found.items()
    assert len(found) - len(answered) <= 1  # the one that was being answered
    assert len(list((tmp_path / "blobs").iterdir())) == len(kept)
    assert list((tmp_path / "arriving").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_large_object_passes_by_memory(tmp_path: Path) -> None:
    """Writing 100 MB, chunked too, and reading them adds less than 30 MB to a server's peak."""
    piece, pieces = LARGE[: 1024 * 1024], 100
    peaks = []
    for large in (False, True):
        with server(tmp_path / str(large)) as (process, url):
            bucket = bucket_of(url)
            bucket.put_object("x", b"x")
            bucket.get_object("x").read()
            if large:
                source = tmp_path / "source"
                source.write_bytes(piece * pieces)
                bucket.put_object_from_file("x", str(source))
                bucket.put_object("chunked", (piece for _ in range(pieces)))
                for key in ("x", "chunked"):
                    size = sum(len(part) for part in bucket.get_object(key))
                    assert size == len(piece) * pieces
                part = bucket.get_object("x", byte_range=(1048570, 1048580)).read()
                assert part == (piece * 2)[1048570:1048581]
            peaks.append(int(process.communicate()[0]))

    assert peaks[1] - peaks[0] < 30 * 1024


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """A client that goes away inside a large body has made no object and left no file."""
    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        endpoint.create_bucket("kept")
        host, port = endpoint.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"PUT /kept/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
            client.sendall(b"x" * 3_000_000)
            arriving = wait_for(tmp_path / "arriving", 1)
        left = wait_for(tmp_path / "arriving", 0)
        assert list(oss2.ObjectIterator(bucket_of(endpoint.url))) == []

    assert (arriving, left) == (1, 0)


def wait_for(folder: Path, files: int) -> int:
    """How many files are there, once there are `files` or ten seconds are over."""
    for attempt in count():
        there = len(list(folder.iterdir()))
        if there == files or attempt == 1000:
            return there
        time.sleep(0.01)
    raise AssertionError


def test_answers_without_their_body_keep_the_connection(tmp_path: Path) -> None:
    """After HEAD, 304, 412, 416 and a refused large PUT the next answer starts where it should."""
    forbid = {"x-oss-forbid-overwrite": "true"}
    beyond = {"x-oss-range-behavior": "standard", "Range": f"bytes={len(LARGE)}-"}
    same = {"If-None-Match": hashlib.md5(LARGE).hexdigest()}
    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        endpoint.create_bucket("kept")
        bucket = bucket_of(endpoint.url)
        bucket.put_object("x", LARGE)
        calls: list[tuple[int, Callable[[], Any]]] = [
            (304, lambda: bucket.head_object("x", headers=same)),
            (304, lambda: bucket.get_object("x", headers=same)),
            (412, lambda: bucket.get_object("x", headers={"If-Match": "0"})),
            (416, lambda: bucket.get_object("x", headers=beyond)),
            (409, lambda: bucket.put_object("x", LARGE, headers=forbid)),
        ]
        for status, call in calls:
            with pytest.raises(oss2.exceptions.ServerError) as caught:
                call()
            assert caught.value.status == status
            assert bucket.head_object("x").content_length == len(LARGE)
            assert bucket.get_object("x").read() == LARGE
        assert list((tmp_path / "arriving").iterdir()) == []
