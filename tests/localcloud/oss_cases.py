"""What each supported operation of oss2 has to do in the local OSS endpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import oss2
import pytest
from oss2.models import PartInfo

BODY = b"123456789"
ETAG = "25F9E794323B453885F5181F1B624D0B"
CRC = 0x995DC9BBDF1939FA  # the check value published for this CRC and this text
PART = b"p" * 102400  # the least that a part which is not the last may have


class Scene:
    """A bucket of its own, with an object `a`, and a folder."""

    def __init__(self, url: str, name: str, folder: Path, version: str) -> None:
        auth = oss2.make_auth("id", "secret", version)
        self.folder = folder
        self.service = oss2.Service(auth, url, region="cn-hangzhou")
        self.bucket = oss2.Bucket(auth, url, name, region="cn-hangzhou")
        self.bucket.create_bucket()
        self.bucket.put_object("a", BODY, {"x-oss-meta-of": "a"})

    def other(self, name: str) -> Any:
        return oss2.Bucket(self.bucket.auth, self.bucket.endpoint, name, region="cn-hangzhou")

    def text(self, key: str) -> bytes:
        content: bytes = self.bucket.get_object(key).read()
        return content

    def file(self, content: bytes = BODY) -> str:
        path = self.folder / "file"
        path.write_bytes(content)
        return str(path)

    def url(self, method: str, key: str) -> Any:
        return self.bucket.sign_url(method, key, 60, slash_safe=True)

    def keys(self, **options: Any) -> list[str]:
        return [found.key for found in oss2.ObjectIteratorV2(self.bucket, **options)]


Case = Callable[[Scene], None]
CASES: dict[str, Case] = {}


def case(name: str) -> Callable[[Case], Case]:
    """Say which operation a case is of."""

    def keep(function: Case) -> Case:
        CASES[name] = function
        return function

    return keep


@case("Service.list_buckets")
def list_buckets(s: Scene) -> None:
    for name in ("lll-a", "lll-b", "lll-c"):
        s.other(name).create_bucket()
    first = s.service.list_buckets(prefix="lll-", max_keys=2)
    rest = s.service.list_buckets(prefix="lll-", marker=first.next_marker)
    assert ([b.name for b in first.buckets], first.is_truncated) == (["lll-a", "lll-b"], True)
    assert ([b.name for b in rest.buckets], rest.is_truncated) == (["lll-c"], False)
    assert {b.location for b in first.buckets} == {"oss-cn-hangzhou"}


@case("Bucket.create_bucket")
def create_bucket(s: Scene) -> None:
    other = s.other("created")
    other.create_bucket(oss2.BUCKET_ACL_PRIVATE, oss2.models.BucketCreateConfig("Standard"))
    assert other.list_objects().object_list == []


@case("Bucket.delete_bucket")
def delete_bucket(s: Scene) -> None:
    other = s.other("deleted")
    other.create_bucket()
    other.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        other.get_bucket_info()


@case("Bucket.get_bucket_info")
def get_bucket_info(s: Scene) -> None:
    info = s.bucket.get_bucket_info()
    assert (info.name, info.location, info.acl.grant, info.storage_class) == (
        s.bucket.bucket_name, "oss-cn-hangzhou", "private", "Standard")  # fmt: skip


@case("Bucket.list_objects")
def list_objects(s: Scene) -> None:
    for key in ("d/1", "d/2", "识"):
        s.bucket.put_object(key, b"")
    found = s.bucket.list_objects(delimiter="/", max_keys=2)
    assert ([o.key for o in found.object_list], found.prefix_list) == (["a"], ["d/"])
    rest = s.bucket.list_objects(delimiter="/", marker=found.next_marker)
    assert [o.key for o in rest.object_list] == ["识"]
    assert (found.object_list[0].etag, found.object_list[0].size) == (ETAG, len(BODY))


@case("Bucket.list_objects_v2")
def list_objects_v2(s: Scene) -> None:
    for key in ("d/1", "d/2", "识"):
        s.bucket.put_object(key, b"")
    found = s.bucket.list_objects_v2(delimiter="/", max_keys=2, fetch_owner=True)
    assert ([o.key for o in found.object_list], found.prefix_list) == (["a"], ["d/"])
    assert found.object_list[0].owner.id
    rest = s.bucket.list_objects_v2(delimiter="/", continuation_token=found.next_continuation_token)
    assert [o.key for o in rest.object_list] == ["识"]
    assert s.keys(start_after="d/1") == ["d/2", "识"]


@case("Bucket.put_object")
def put_object(s: Scene) -> None:
    put = s.bucket.put_object("k", BODY, {"Content-Type": "image/png"})
    assert (put.etag, put.crc, s.text("k")) == (ETAG, CRC, BODY)
    with pytest.raises(oss2.exceptions.ServerError, match="FileAlreadyExists"):
        s.bucket.put_object("k", b"other", {"x-oss-forbid-overwrite": "true"})
    assert s.text("k") == BODY


@case("Bucket.put_object_from_file")
def put_object_from_file(s: Scene) -> None:
    assert s.bucket.put_object_from_file("k", s.file()).etag == ETAG
    assert s.text("k") == BODY


@case("Bucket.put_object_with_url")
def put_object_with_url(s: Scene) -> None:
    assert s.bucket.put_object_with_url(s.url("PUT", "d/k"), BODY).etag == ETAG
    assert s.text("d/k") == BODY


@case("Bucket.put_object_with_url_from_file")
def put_object_with_url_from_file(s: Scene) -> None:
    assert s.bucket.put_object_with_url_from_file(s.url("PUT", "k"), s.file()).etag == ETAG
    assert s.text("k") == BODY


@case("Bucket.append_object")
def append_object(s: Scene) -> None:
    first = s.bucket.append_object("log", 0, BODY[:4], init_crc=0)
    second = s.bucket.append_object("log", first.next_position, BODY[4:], init_crc=first.crc)
    assert (first.next_position, second.next_position, second.crc) == (4, len(BODY), CRC)
    head = s.bucket.head_object("log")
    assert (s.text("log"), head.object_type, head.etag) == (BODY, "Appendable", second.etag)
    assert head.headers["x-oss-next-append-position"] == str(len(BODY))


@case("Bucket.get_object")
def get_object(s: Scene) -> None:
    got = s.bucket.get_object("a", byte_range=(2, 4))
    assert (got.status, got.read(), got.content_range) == (206, b"345", "bytes 2-4/9")
    assert s.text("a") == BODY


@case("Bucket.get_object_to_file")
def get_object_to_file(s: Scene) -> None:
    path = s.file(b"")
    s.bucket.get_object_to_file("a", path)
    assert Path(path).read_bytes() == BODY


@case("Bucket.get_object_with_url")
def get_object_with_url(s: Scene) -> None:
    assert s.bucket.get_object_with_url(s.url("GET", "a")).read() == BODY


@case("Bucket.get_object_with_url_to_file")
def get_object_with_url_to_file(s: Scene) -> None:
    path = s.file(b"")
    s.bucket.get_object_with_url_to_file(s.url("GET", "a"), path)
    assert Path(path).read_bytes() == BODY


@case("Bucket.head_object")
def head_object(s: Scene) -> None:
    head = s.bucket.head_object("a")
    assert (head.etag, head.content_length, head.object_type) == (ETAG, len(BODY), "Normal")
    assert (head.server_crc, head.headers["x-oss-meta-of"]) == (CRC, "a")


@case("Bucket.get_object_meta")
def get_object_meta(s: Scene) -> None:
    meta, head = s.bucket.get_object_meta("a"), s.bucket.head_object("a")
    assert (meta.etag, meta.content_length, meta.last_modified) == (
        ETAG, len(BODY), head.last_modified)  # fmt: skip
    assert "x-oss-meta-of" not in meta.headers


@case("Bucket.object_exists")
def object_exists(s: Scene) -> None:
    assert [s.bucket.object_exists(key) for key in ("a", "gone")] == [True, False]


@case("Bucket.copy_object")
def copy_object(s: Scene) -> None:
    assert s.bucket.copy_object(s.bucket.bucket_name, "a", "识/ +%").etag == ETAG
    got = s.bucket.get_object("识/ +%")
    assert (got.read(), got.headers["x-oss-meta-of"]) == (BODY, "a")


@case("Bucket.update_object_meta")
def update_object_meta(s: Scene) -> None:
    s.bucket.update_object_meta("a", {"x-oss-meta-of": "b", "Content-Type": "image/png"})
    got = s.bucket.get_object("a")
    assert (got.read(), got.headers["x-oss-meta-of"], got.content_type) == (BODY, "b", "image/png")


@case("Bucket.delete_object")
def delete_object(s: Scene) -> None:
    assert [s.bucket.delete_object("a").status for _ in range(2)] == [204, 204]
    assert s.keys() == []


@case("Bucket.batch_delete_objects")
def batch_delete_objects(s: Scene) -> None:
    s.bucket.put_object("识 &", b"")
    assert s.bucket.batch_delete_objects(["识 &", "gone"]).deleted_keys == ["识 &", "gone"]
    assert s.keys() == ["a"]


@case("Bucket.init_multipart_upload")
def init_multipart_upload(s: Scene) -> None:
    one, two = (s.bucket.init_multipart_upload("big").upload_id for _ in range(2))
    assert one
    assert one != two
    assert s.keys() == ["a"]


@case("Bucket.upload_part")
def upload_part(s: Scene) -> None:
    upload = s.bucket.init_multipart_upload("big").upload_id
    sent = s.bucket.upload_part("big", upload, 7, BODY)
    (part,) = s.bucket.list_parts("big", upload).parts
    assert (sent.etag, sent.crc) == (ETAG, CRC)
    assert (part.part_number, part.etag, part.size) == (7, ETAG, len(BODY))


@case("Bucket.upload_part_copy")
def upload_part_copy(s: Scene) -> None:
    name = s.bucket.bucket_name
    upload = s.bucket.init_multipart_upload("big").upload_id
    s.bucket.put_object("识 +", PART)
    copied = [s.bucket.upload_part_copy(name, "识 +", None, "big", upload, 1),
              s.bucket.upload_part_copy(name, "a", (2, 4), "big", upload, 2)]  # fmt: skip
    parts = [PartInfo(n, part.etag) for n, part in enumerate(copied, start=1)]
    s.bucket.complete_multipart_upload("big", upload, parts)
    assert s.text("big") == PART + b"345"


@case("Bucket.list_parts")
def list_parts(s: Scene) -> None:
    upload = s.bucket.init_multipart_upload("big").upload_id
    for number in (3, 1, 2):
        s.bucket.upload_part("big", upload, number, BODY)
    first = s.bucket.list_parts("big", upload, max_parts=2)
    rest = s.bucket.list_parts("big", upload, marker=first.next_marker, max_parts=2)
    assert ([p.part_number for p in first.parts], first.is_truncated) == ([1, 2], True)
    assert ([p.part_number for p in rest.parts], rest.is_truncated) == ([3], False)


@case("Bucket.complete_multipart_upload")
def complete_multipart_upload(s: Scene) -> None:
    upload = s.bucket.init_multipart_upload("big", {"x-oss-meta-of": "big"}).upload_id
    parts = []
    for number, body in enumerate((PART, BODY), start=1):
        sent = s.bucket.upload_part("big", upload, number, body)
        parts.append(PartInfo(number, sent.etag, size=len(body), part_crc=sent.crc))
    done = s.bucket.complete_multipart_upload("big", upload, parts)
    got = s.bucket.get_object("big")
    assert (got.read(), got.object_type, got.etag) == (PART + BODY, "Multipart", done.etag)
    assert got.headers["x-oss-meta-of"] == "big"


@case("Bucket.abort_multipart_upload")
def abort_multipart_upload(s: Scene) -> None:
    upload = s.bucket.init_multipart_upload("big").upload_id
    s.bucket.abort_multipart_upload("big", upload)
    assert s.bucket.list_multipart_uploads().upload_list == []


@case("Bucket.list_multipart_uploads")
def list_multipart_uploads(s: Scene) -> None:
    for key in ("x/识", "x/b", "x/b", "y/c", "z"):
        s.bucket.init_multipart_upload(key)
    found = list(oss2.MultipartUploadIterator(s.bucket, prefix="x/", max_uploads=1))
    assert [upload.key for upload in found] == ["x/b", "x/b", "x/识"]
    assert len({upload.upload_id for upload in found}) == 3
    assert all(upload.initiation_date for upload in found)
    groups = s.bucket.list_multipart_uploads(delimiter="/")
    assert (groups.prefix_list, [u.key for u in groups.upload_list]) == (["x/", "y/"], ["z"])


@case("Bucket.put_symlink")
def put_symlink(s: Scene) -> None:
    s.bucket.put_object("识/ +%", BODY)
    s.bucket.put_symlink("识/ +%", "link", {"x-oss-meta-of": "link"})
    got, head = s.bucket.get_object("link"), s.bucket.head_object("link")
    assert got.read() == BODY
    for answer in (got, head):
        assert (answer.etag, answer.content_length, answer.object_type) == (
            ETAG, len(BODY), "Symlink")  # fmt: skip
        assert answer.headers["x-oss-meta-of"] == "link"


@case("Bucket.get_symlink")
def get_symlink(s: Scene) -> None:
    s.bucket.put_symlink("never/was 识 +%", "link")
    link = s.bucket.get_symlink("link")
    assert link.target_key == "never/was 识 +%"
    assert link.headers["ETag"] != f'"{ETAG}"'
