"""No object without its event: what a listener could not take is told at the next start."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oss2
import pytest
import requests

from tests.localcloud.oss_forms import post_form
from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint

KEYS = Credentials("id", "secret")
LARGE = b"0123456789abcdef" * 8192  # 128 KB: a file of its own, and as much as a part must have
HEADERS = {"Content-Type": "image/png", "x-oss-meta-place": "杭州".encode()}
FORBID = {**HEADERS, "x-oss-forbid-overwrite": "true"}
# Its listener dies where `sys.argv[2]` is the event's name, and takes the process with it.
SERVER = """
import os, sys
from pathlib import Path
from tools.localcloud.oss import Credentials, OssEndpoint

def die(made):
    if made.name == sys.argv[2]:
        os._exit(9)

keys = Credentials("id", "secret")
with OssEndpoint([keys], data=Path(sys.argv[1]), on_created=die) as endpoint:
    endpoint.create_bucket("kept")
    print(endpoint.url, flush=True)
    sys.stdin.read()
"""

Write = Callable[[oss2.Bucket], Any]


def bucket_of(url: str) -> oss2.Bucket:
    auth = oss2.AuthV4("id", "secret")
    return oss2.Bucket(auth, url, "kept", region="cn-hangzhou", connect_timeout=20)


class Deaf:
    """A listener that hears what it is told and takes none of it, while it is deaf."""

    def __init__(self) -> None:
        self.heard: list[ObjectCreated] = []
        self.deaf = True

    def __call__(self, made: ObjectCreated) -> None:
        self.heard.append(made)
        if self.deaf:
            raise RuntimeError("no more room for events")


def complete(bucket: oss2.Bucket) -> Any:
    upload = bucket.init_multipart_upload("x", HEADERS).upload_id
    part = oss2.models.PartInfo(1, bucket.upload_part("x", upload, 1, LARGE).etag)
    return bucket.complete_multipart_upload("x", upload, [part])


def append(bucket: oss2.Bucket) -> Any:
    at = bucket.append_object("x", 0, b"one", HEADERS).next_position
    return bucket.append_object("x", at, b",two")


def post(bucket: oss2.Bucket) -> None:
    fields = {"Content-Type": "image/png", "x-oss-meta-place": "杭州"}
    answer = post_form(bucket, "x", **fields)
    if answer.status_code == 500:
        raise oss2.exceptions.ServerError(500, {}, answer.content, {"Code": "InternalError"})


WRITES: dict[str, Write] = {
    "PostObject": post,
    "PutObject": lambda bucket: bucket.put_object("x", b"body", FORBID),
    "PutObject of a file": lambda bucket: bucket.put_object("x", LARGE, HEADERS),
    "CopyObject": lambda bucket: bucket.copy_object("kept", "there", "x"),
    "AppendObject": append,
    "PutSymlink": lambda bucket: bucket.put_symlink("there", "x", HEADERS),
    "CompleteMultipartUpload": complete,
}


@pytest.mark.parametrize("kind", WRITES)
def test_what_a_listener_did_not_take_is_told_again(tmp_path: Path, kind: str) -> None:
    """The next start tells the same event, all of it, once; the one after that tells nothing."""
    name = f"ObjectCreated:{kind.partition(' ')[0]}"
    position = 3 if kind == "AppendObject" else 0
    first: list[ObjectCreated] = []

    def refuse(made: ObjectCreated) -> None:
        if (made.name, made.key, made.position or 0) == (name, "x", position):
            first.append(made)
            raise RuntimeError("no more room for events")

    with OssEndpoint([KEYS], data=tmp_path, on_created=refuse) as endpoint:
        endpoint.create_bucket("kept")
        bucket = bucket_of(endpoint.url)
        bucket.put_object("there", b"there", HEADERS)
        with pytest.raises(oss2.exceptions.ServerError) as error:
            WRITES[kind](bucket)
        assert error.value.code == "InternalError"
        stored = bucket.head_object("x")
    again: list[ObjectCreated] = []
    for _ in range(2):
        with OssEndpoint([KEYS], data=tmp_path, on_created=again.append):
            pass

    assert len(first) == 1
    assert again == first
    (made,) = again
    size = 0 if kind == "PutSymlink" else stored.content_length
    assert (made.bucket, made.key, made.name, made.size) == ("kept", "x", name, size)
    assert (made.mime_type, made.user_meta) == ("image/png", {"x-oss-meta-place": "杭州"})
    if kind != "PutSymlink":  # a link's own ETag is told, a reader is told its target's
        assert made.etag == stored.etag


@pytest.mark.parametrize("kind", ["PutObject", "CompleteMultipartUpload"])
def test_an_event_outlives_its_process(tmp_path: Path, kind: str) -> None:
    """A process that ends between an object and its event leaves both: none can be sent again."""
    name = f"ObjectCreated:{kind}"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    with process:
        assert process.stdout is not None
        with pytest.raises(oss2.exceptions.RequestError):
            WRITES[kind](bucket_of(process.stdout.readline().strip()))
        assert process.wait(20) == 9
    heard: list[ObjectCreated] = []
    with OssEndpoint([KEYS], data=tmp_path, on_created=heard.append) as endpoint:
        stored = bucket_of(endpoint.url).head_object("x")

    (made,) = heard
    assert made == ObjectCreated(
        bucket="kept",
        key="x",
        name=name,
        size=stored.content_length,
        etag=stored.etag,
        mime_type="image/png",
        user_meta={"x-oss-meta-place": "杭州"},
        request_id=made.request_id,
    )
    assert len(made.request_id) == 24


def test_what_is_gone_or_taken_is_not_told_again(tmp_path: Path) -> None:
    """Of objects that were removed or written again, and of those that were heard, no event stays.

    Nor has an older write's event, when it is told late, anything to do with a newer one's.
    """
    listener = Deaf()
    with OssEndpoint([KEYS], data=tmp_path, on_created=listener) as endpoint:
        endpoint.create_bucket("kept")
        bucket = bucket_of(endpoint.url)
        for key in ("deleted", "written again", "left", "written twice"):
            with pytest.raises(oss2.exceptions.ServerError):
                bucket.put_object(key, b"first")
        with pytest.raises(oss2.exceptions.ServerError):
            bucket.put_object("written twice", b"second")
        listener.deaf = False
        bucket.delete_object("deleted")
        bucket.put_object("written again", b"second")
        bucket.put_object("heard", b"body")
        twice = [made for made in listener.heard if made.key == "written twice"]
        left = [made for made in listener.heard if made.key == "left"]
    heard: list[ObjectCreated] = []
    with OssEndpoint([KEYS], data=tmp_path, on_created=heard.append):
        pass

    assert heard == [*left, twice[1]]


def test_an_older_event_that_was_taken_leaves_a_newer_one(tmp_path: Path) -> None:
    """A listener that returns late for one content has not heard of the next."""
    heard: list[ObjectCreated] = []

    def once(made: ObjectCreated) -> None:
        heard.append(made)
        if len(heard) == 1:  # while the first is being told, another is written in its place
            with pytest.raises(oss2.exceptions.ServerError):
                bucket_of(endpoint.url).put_object("x", b"second")
        else:
            raise RuntimeError("no more room for events")

    with OssEndpoint([KEYS], data=tmp_path, on_created=once) as endpoint:
        endpoint.create_bucket("kept")
        bucket_of(endpoint.url).put_object("x", b"first")
    again: list[ObjectCreated] = []
    with OssEndpoint([KEYS], data=tmp_path, on_created=again.append):
        pass

    assert [made.size for made in heard] == [5, 6]
    assert again == heard[1:]


def test_events_of_before_come_before_requests(tmp_path: Path) -> None:
    """No request is answered until the listener has what it missed; if it fails, none is."""
    listener = Deaf()
    with OssEndpoint([KEYS], data=tmp_path, on_created=listener) as endpoint:
        endpoint.create_bucket("kept")
        with pytest.raises(oss2.exceptions.ServerError):
            bucket_of(endpoint.url).put_object("x", b"body")
        url = endpoint.url
    answered: list[str] = []

    def look(made: ObjectCreated) -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=20)
        answered.append(made.key)

    port = int(url.rpartition(":")[2])
    with (
        pytest.raises(RuntimeError),
        OssEndpoint([KEYS], data=tmp_path, port=port, on_created=listener),
    ):
        raise AssertionError("it was started")
    with OssEndpoint([KEYS], data=tmp_path, port=port, on_created=look):
        assert answered == ["x"]
        assert requests.get(url, timeout=20).status_code == 403


def test_without_a_listener_no_event_is_kept(tmp_path: Path) -> None:
    """What was written where nobody listens is no news to a later listener."""
    with OssEndpoint([KEYS], data=tmp_path) as endpoint:
        endpoint.create_bucket("kept")
        bucket_of(endpoint.url).put_object("x", b"body")
    heard: list[ObjectCreated] = []
    with OssEndpoint([KEYS], data=tmp_path, on_created=heard.append):
        pass

    assert heard == []
