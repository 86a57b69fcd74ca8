"""Objects that grow, links, uploads in pieces: what of them is not plain from the table."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import oss2
import pytest
from oss2.models import PartInfo

from tools.events import oss_event
from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint
from tools.template import Trigger, from_source, project_template, read_template

SERIALS = itertools.count()
CREATED: list[ObjectCreated] = []
BODY = b"123456789"
PART = b"p" * 102400


@pytest.fixture(scope="module")
def endpoint() -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "secret")], on_created=CREATED.append) as endpoint:
        yield endpoint


@pytest.fixture
def bucket(endpoint: OssEndpoint) -> oss2.Bucket:
    auth = oss2.AuthV4("id", "secret")
    name = f"kinds-{next(SERIALS)}"
    bucket = oss2.Bucket(auth, endpoint.url, name, region="cn-hangzhou")
    bucket.create_bucket()
    CREATED.clear()
    return bucket


def refusal(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.code


def test_an_append_goes_where_the_object_ends(bucket: oss2.Bucket) -> None:
    """Any other position is refused, and the refusal says the right one."""
    bucket.append_object("log", 0, BODY)

    assert refusal(bucket.append_object, "log", 0, b"x") == (409, "PositionNotEqualToLength")
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as refused:
        bucket.append_object("log", 3, b"x")
    assert refused.value.next_position == len(BODY)
    assert refusal(bucket.append_object, "new", 1, b"x") == (409, "PositionNotEqualToLength")
    assert bucket.get_object("log").read() == BODY
    assert not bucket.object_exists("new")


def test_only_appendable_objects_grow(bucket: oss2.Bucket) -> None:
    """An object that was put is not appended to; putting ends an appendable one."""
    bucket.put_object("plain", BODY)
    assert refusal(bucket.append_object, "plain", 9, b"x") == (409, "ObjectNotAppendable")

    bucket.append_object("log", 0, BODY)
    bucket.put_object("log", BODY)
    assert refusal(bucket.append_object, "log", 9, b"x") == (409, "ObjectNotAppendable")


@pytest.mark.parametrize("position", ["", "-1", "1.5", "x", "9" * 30])
def test_a_position_is_a_number(bucket: oss2.Bucket, position: str) -> None:
    """What is none is refused before anything is written."""
    assert refusal(bucket.append_object, "log", position, b"x")[0] in (400, 409)
    assert not bucket.object_exists("log")


def test_an_appended_objects_etag_changes(bucket: oss2.Bucket) -> None:
    """Each append makes another version; the headers are those of the first."""
    first = bucket.append_object("log", 0, BODY, headers={"x-oss-meta-n": "1"})
    second = bucket.append_object("log", 9, BODY, headers={"x-oss-meta-n": "2"})

    head = bucket.head_object("log")
    assert first.etag != second.etag == head.etag
    assert head.headers["x-oss-meta-n"] == "1"
    (listed,) = oss2.ObjectIterator(bucket)
    assert (listed.type, listed.size, listed.etag) == ("Appendable", 18, head.etag)


def test_a_link_follows_its_target(bucket: oss2.Bucket) -> None:
    """What is read through it is what the target is now; without a target there is nothing."""
    bucket.put_symlink("in/target", "link")

    assert refusal(bucket.get_object, "link") == (404, "SymlinkTargetNotExist")
    assert refusal(bucket.head_object, "link") == (404, "SymlinkTargetNotExist")
    assert bucket.object_exists("link")  # GetObjectMeta is of the link itself
    bucket.put_object("in/target", b"one")
    assert bucket.get_object("link").read() == b"one"
    bucket.put_object("in/target", b"two")
    assert bucket.get_object("link", byte_range=(1, 2)).read() == b"wo"
    bucket.delete_object("in/target")
    assert refusal(bucket.get_object, "link") == (404, "SymlinkTargetNotExist")


def test_a_link_is_an_object_of_its_own(bucket: oss2.Bucket) -> None:
    """It is listed as one, goes without its target, and is not made over what must stay."""
    bucket.put_object("target", BODY)
    bucket.put_symlink("target", "link")
    forbid = {"x-oss-forbid-overwrite": "true"}

    assert [(o.key, o.type) for o in oss2.ObjectIterator(bucket)] == [
        ("link", "Symlink"), ("target", "Normal")]  # fmt: skip
    assert refusal(bucket.put_symlink, "x", "link", forbid) == (409, "FileAlreadyExists")
    bucket.delete_object("link")
    assert bucket.get_object("target").read() == BODY


def test_links_have_limits(bucket: oss2.Bucket) -> None:
    """A link to a link is not followed, and what is no link has no target."""
    bucket.put_object("target", BODY)
    bucket.put_symlink("target", "link")
    bucket.put_symlink("link", "second")

    assert refusal(bucket.get_object, "second") == (400, "InvalidTargetType")
    assert refusal(bucket.get_symlink, "target") == (400, "NotSymlink")
    assert refusal(bucket.get_symlink, "gone") == (404, "NoSuchKey")
    assert refusal(bucket.put_symlink, "/x", "link") == (400, "InvalidObjectName")


def test_a_part_may_be_copied(bucket: oss2.Bucket) -> None:
    """A range of the source, or all of it; of a range that it has not, all of it too."""
    bucket.put_object("a", BODY)
    name, upload = bucket.bucket_name, bucket.init_multipart_upload("big").upload_id

    for number, span in enumerate([None, (2, 4), (7, None), (5, 100)], start=1):
        bucket.upload_part_copy(name, "a", span, "big", upload, number)

    sizes = [part.size for part in oss2.PartIterator(bucket, "big", upload)]
    assert sizes == [9, 3, 2, 9]
    copy = bucket.upload_part_copy
    assert refusal(copy, name, "gone", None, "big", upload, 1) == (404, "NoSuchKey")
    assert refusal(copy, name, "a", None, "big", "no upload", 1) == (404, "NoSuchUpload")
    assert refusal(copy, name, "a", None, "big", upload, 1, params={"versionId": "v"}) == (
        501, "NotImplemented")  # fmt: skip
    assert refusal(bucket.copy_object, name, "a", "b", params={"versionId": "v"}) == (
        501, "NotImplemented")  # fmt: skip


def test_the_newest_of_a_part_counts(bucket: oss2.Bucket) -> None:
    """A part that is sent again replaces the one of its number."""
    upload = bucket.init_multipart_upload("big").upload_id
    old = bucket.upload_part("big", upload, 1, b"old")
    new = bucket.upload_part("big", upload, 1, b"new")

    complete = bucket.complete_multipart_upload
    assert refusal(complete, "big", upload, [PartInfo(1, old.etag)]) == (400, "InvalidPart")
    complete("big", upload, [PartInfo(1, new.etag)])
    assert bucket.get_object("big").read() == b"new"


def test_uploads_are_listed_in_pages(bucket: oss2.Bucket) -> None:
    """By key and then by upload, from the markers on, until they are completed or aborted."""
    keys = ["x/b", "x/b", "x/识", "y &"]
    uploads = [(key, bucket.init_multipart_upload(key).upload_id) for key in keys]

    def found(**options: Any) -> list[tuple[str, str]]:
        listed = oss2.MultipartUploadIterator(bucket, **options)
        return [(upload.key, upload.upload_id) for upload in listed if not upload.is_prefix()]

    assert sorted(found()) == sorted(uploads)
    assert [found(max_uploads=size) for size in (1, 2, 3)] == [found()] * 3
    assert found(prefix="x/识") == uploads[2:3]
    assert found(key_marker="x/b") == uploads[2:]
    first, second, *_ = found()
    assert found(key_marker="x/b", upload_id_marker=first[1]) == [second, *uploads[2:]]
    bucket.abort_multipart_upload(*uploads[2])
    assert found(key_marker="x/b") == uploads[3:]
    for bad in (0, 1001):
        assert refusal(bucket.list_multipart_uploads, max_uploads=bad) == (400, "InvalidArgument")


def test_big_files_go_and_come_in_pieces(bucket: oss2.Bucket, tmp_path: Path) -> None:
    """oss2's own helpers for them work, with parts of the least size."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 1400)
    store = oss2.ResumableStore(root=str(tmp_path / "up"))
    fetched = oss2.ResumableDownloadStore(root=str(tmp_path / "down"))

    oss2.resumable_upload(bucket, "big", str(source), store=store, multipart_threshold=1,
                          part_size=102400, num_threads=2)  # fmt: skip
    oss2.resumable_download(bucket, "big", str(target), store=fetched, multiget_threshold=1,
                            part_size=102400, num_threads=2)  # fmt: skip

    assert target.read_bytes() == source.read_bytes()
    assert bucket.head_object("big").object_type == "Multipart"
    assert bucket.list_multipart_uploads().upload_list == []


def test_a_bucket_is_emptied_before_it_goes(bucket: oss2.Bucket) -> None:
    """An upload that is under way keeps a bucket, as an object does."""
    upload = bucket.init_multipart_upload("big").upload_id
    bucket.upload_part("big", upload, 1, BODY)

    assert refusal(bucket.delete_bucket) == (409, "BucketNotEmpty")
    bucket.abort_multipart_upload("big", upload)
    bucket.delete_bucket()


def test_every_step_is_announced(bucket: oss2.Bucket) -> None:
    """Appends, links and each step of an upload are events of their own, as in OSS."""
    name = bucket.bucket_name
    appended = bucket.append_object("log", 0, BODY, headers={"Content-Type": "text/plain"})
    bucket.append_object("log", 9, BODY)
    bucket.put_symlink("log", "link", headers={"x-oss-meta-of": "link"})
    upload = bucket.init_multipart_upload("big", headers={"Content-Type": "a/b"}).upload_id
    one = bucket.upload_part("big", upload, 1, PART)
    two = bucket.upload_part_copy(name, "log", (0, 3), "big", upload, 2)
    parts = [PartInfo(1, one.etag), PartInfo(2, two.etag)]
    done = bucket.complete_multipart_upload("big", upload, parts)
    bucket.abort_multipart_upload("big", bucket.init_multipart_upload("big").upload_id)

    assert [(e.name, e.key, e.size) for e in CREATED] == [
        ("ObjectCreated:AppendObject", "log", 9),
        ("ObjectCreated:AppendObject", "log", 18),
        ("ObjectCreated:PutSymlink", "link", 0),
        ("ObjectCreated:InitiateMultipartUpload", "big", 0),
        ("ObjectCreated:UploadPart", "big", len(PART)),
        ("ObjectCreated:UploadPartCopy", "big", 4),
        ("ObjectCreated:CompleteMultipartUpload", "big", len(PART) + 4),
        ("ObjectCreated:InitiateMultipartUpload", "big", 0),
    ]
    assert [e.etag for e in CREATED if e.key != "link"] == [
        appended.etag, bucket.head_object("log").etag, "", one.etag, two.etag, done.etag, ""
    ]  # fmt: skip
    assert [e.position for e in CREATED] == [0, 9, *[None] * 6]
    types = [e.mime_type for e in CREATED]
    assert types[:2] + types[3:4] + types[6:7] == ["text/plain"] * 2 + ["a/b"] * 2
    assert [e.user_meta for e in CREATED if e.user_meta] == [{"x-oss-meta-of": "link"}]


STEPS = ["AppendObject", "PutSymlink", "InitiateMultipartUpload", "UploadPart", "UploadPartCopy"]
WHOLE = ["PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload"]


def test_a_trigger_on_everything_fires_for_every_part() -> None:
    """The project's own triggers, which name what makes an image whole, fire once for each."""
    (own, *_), *_ = (f.triggers for f in from_source(read_template(project_template())).functions)
    every = replace(own, events=frozenset(["ObjectCreated:*"]))

    def fired_by(trigger: Trigger) -> list[str]:
        key = f"{trigger.prefix}a{trigger.suffix}"
        return [name for name in STEPS + WHOLE
                if trigger.matches(trigger.bucket, f"ObjectCreated:{name}", key)]  # fmt: skip

    assert fired_by(every) == STEPS + WHOLE
    assert fired_by(own) == WHOLE


def test_an_event_of_an_append_says_where() -> None:
    """Its document has the position, and counts what was added; no other event has either."""
    appended = oss_event("b", "log", name="ObjectCreated:AppendObject", size=18, position=12)
    put = oss_event("b", "log", size=18)

    common = {"eTag": "", "key": "log", "size": 18,
              "objectMeta": {"mimeType": "application/octet-stream", "userMeta": {}}}  # fmt: skip
    objects = [event["events"][0]["oss"]["object"] for event in (appended, put)]
    assert objects == [{**common, "deltaSize": 6, "position": 12}, {**common, "deltaSize": 18}]


def test_a_bucket_that_is_not_there_is_named(bucket: oss2.Bucket) -> None:
    """Nothing is begun, appended or linked in it."""
    gone = oss2.Bucket(bucket.auth, bucket.endpoint, "gone", region="cn-hangzhou")
    missing = (404, "NoSuchBucket")

    assert refusal(gone.append_object, "a", 0, BODY) == missing
    assert refusal(gone.put_symlink, "a", "b") == missing
    assert refusal(gone.get_symlink, "b") == missing
    assert refusal(gone.get_object_meta, "a") == missing
    assert refusal(gone.init_multipart_upload, "a") == missing
    assert refusal(gone.list_multipart_uploads) == missing
    assert refusal(gone.list_parts, "a", "upload") == missing
    assert refusal(gone.upload_part_copy, "gone", "a", None, "b", "upload", 1) == missing
    assert CREATED == []
