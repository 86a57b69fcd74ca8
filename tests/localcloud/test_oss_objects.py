"""Objects in the local OSS endpoint, as the real oss2 client sees them over HTTP."""

import base64
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oss2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint

BODY = b"123456789"
MD5 = hashlib.md5(BODY).digest()
ETAG = MD5.hex().upper()
CRC = str(0x995DC9BBDF1939FA)  # the check value published for this CRC and this text


@pytest.fixture(scope="module")
def created() -> list[ObjectCreated]:
    return []


@pytest.fixture(scope="module")
def endpoint(created: list[ObjectCreated]) -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "secret")], on_created=created.append) as endpoint:
        endpoint.create_bucket("pictures")
        endpoint.create_bucket("other")
        yield endpoint


@pytest.fixture(scope="module")
def bucket(endpoint: OssEndpoint) -> oss2.Bucket:
    auth = oss2.AuthV4("id", "secret")
    return oss2.Bucket(auth, endpoint.url, "pictures", region="cn-hangzhou")


def refusal(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        call(*arguments, **options)
    assert caught.value.request_id
    return caught.value.status, caught.value.code


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    # urllib3 takes "." and ".." as a whole key for a path to tidy up before it is sent.
    lambda key: key[0] not in "/\\" and key not in (".", "..")
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(key=KEYS)
@example(key="in/../secret")
@example(key="a//b///c/")
@example(key="a b+c%20%2F%25&=?#;")
@example(key="识别/图像/😀.png")
@example(key="\x00\x01\r\n\t\x7f")
@example(key="./.")
@example(key="é" * 511 + "x")
@example(key="\U00010000\uffff")
def test_any_key_round_trips(bucket: oss2.Bucket, key: str) -> None:
    """Whatever the key, the object is there under exactly that key in every operation."""
    bucket.put_object(key, BODY)

    assert bucket.get_object(key).read() == BODY
    assert bucket.head_object(key).content_length == len(BODY)
    assert bucket.get_object_meta(key).etag == ETAG
    assert [found.key for found in oss2.ObjectIterator(bucket)] == [key]
    assert [found.key for found in oss2.ObjectIteratorV2(bucket, prefix=key)] == [key]

    bucket.delete_object(key)

    assert not bucket.object_exists(key)
    assert list(oss2.ObjectIterator(bucket)) == []


def test_an_object_carries_the_headers_of_oss(bucket: oss2.Bucket) -> None:
    """GET and HEAD answer with what PUT was given and what OSS adds, the same in both."""
    given = {
        # A form, by its content type, is an object like any other.
        "Content-Type": "application/x-www-form-urlencoded",
        "Cache-Control": "no-cache",
        "x-oss-meta-camera": "leica",
        "x-oss-meta-place": "杭州".encode(),
    }
    expected = {
        **given,
        "x-oss-meta-place": "杭州".encode().decode("latin-1"),  # as http.client reads bytes
        "ETag": f'"{ETAG}"',
        "Content-Length": str(len(BODY)),
        "Content-MD5": base64.b64encode(MD5).decode(),
        "Accept-Ranges": "bytes",
        "x-oss-hash-crc64ecma": CRC,
        "x-oss-object-type": "Normal",
        "x-oss-storage-class": "Standard",
    }

    put = bucket.put_object("headers", BODY, headers=given)
    changing = ("Server", "Date", "Last-Modified", "x-oss-request-id")
    for answer in (bucket.get_object("headers"), bucket.head_object("headers")):
        shown = dict(answer.headers)
        varying = [shown.pop(name) for name in changing]
        assert shown == expected
        assert re.fullmatch(r"[0-9A-F]{24}", varying[-1])
    assert (put.etag, str(put.crc)) == (ETAG, CRC)
    bucket.delete_object("headers")


def test_last_modified_is_one_time_everywhere(bucket: oss2.Bucket) -> None:
    """GET, HEAD and both listings tell the same Last-Modified."""
    bucket.put_object("when", BODY)
    times = {
        bucket.get_object("when").last_modified,
        bucket.head_object("when").last_modified,
        *(found.last_modified for found in oss2.ObjectIterator(bucket, prefix="when")),
        *(found.last_modified for found in oss2.ObjectIteratorV2(bucket, prefix="when")),
    }

    assert len(times) == 1
    bucket.delete_object("when")


@pytest.mark.parametrize(
    ("asked", "options", "expected"),
    [
        ((2, 4), {}, (206, b"234", "bytes 2-4/10")),
        ((8, None), {}, (206, b"89", "bytes 8-9/10")),
        ((None, 3), {}, (206, b"789", "bytes 7-9/10")),
        ((8, 20), {}, (200, b"0123456789", None)),
        ((20, 30), {}, (200, b"0123456789", None)),
        ((8, 20), {"x-oss-range-behavior": "standard"}, (206, b"89", "bytes 8-9/10")),
    ],
)
def test_ranges_are_those_of_oss(
    bucket: oss2.Bucket,
    asked: tuple[int | None, int | None],
    options: dict[str, str],
    expected: tuple[int, bytes, str | None],
) -> None:
    """A range inside the object is served; one that is not gives all, unless standard is asked."""
    bucket.put_object("digits", b"0123456789")

    answer = bucket.get_object("digits", byte_range=asked, headers=options)

    assert (answer.status, answer.read(), answer.headers.get("Content-Range")) == expected


def test_a_standard_range_past_the_end_is_refused(bucket: oss2.Bucket) -> None:
    """With the standard behaviour a range beyond the object is 416 InvalidRange."""
    bucket.put_object("digits", b"0123456789")
    standard = {"x-oss-range-behavior": "standard"}

    refused = refusal(bucket.get_object, "digits", byte_range=(20, 30), headers=standard)

    assert refused == (416, "InvalidRange")


def test_conditions_are_kept(bucket: oss2.Bucket) -> None:
    """If-Match and If-None-Match compare ETags as OSS spells them."""
    bucket.put_object("if", BODY)

    for call in (bucket.get_object, bucket.head_object):
        assert call("if", headers={"If-Match": f'"{ETAG}"'}).etag == ETAG
        assert call("if", headers={"If-None-Match": '"0"'}).etag == ETAG
        assert refusal(call, "if", headers={"If-Match": '"0"'}) == (412, "PreconditionFailed")
        assert refusal(call, "if", headers={"If-None-Match": ETAG})[0] == 304
    bucket.delete_object("if")


@pytest.mark.parametrize("operation", ["put", "copy", "complete"])
def test_forbid_overwrite_lets_one_of_many_through(bucket: oss2.Bucket, operation: str) -> None:
    """Of writers at the same time that forbid overwriting, one wins and the rest get 409."""
    headers = {"x-oss-forbid-overwrite": "true"}
    bucket.put_object("source", BODY)

    def write(n: int) -> tuple[int, str]:
        own = oss2.Bucket(bucket.auth, bucket.endpoint, "pictures", region="cn-hangzhou")
        try:
            if operation == "put":
                own.put_object("once", str(n), headers=headers)
            elif operation == "copy":
                own.copy_object("pictures", "source", "once", headers=headers)
            else:
                upload = own.init_multipart_upload("once").upload_id
                part = own.upload_part("once", upload, 1, str(n))
                parts = [oss2.models.PartInfo(1, part.etag)]
                own.complete_multipart_upload("once", upload, parts, headers=headers)
        except oss2.exceptions.ServerError as error:
            return error.status, error.code
        return 200, ""

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(write, range(16)))

    assert outcomes == [(200, ""), *[(409, "FileAlreadyExists")] * 15]
    bucket.batch_delete_objects(["once", "source"])


def test_copies_keep_or_replace_the_headers(bucket: oss2.Bucket) -> None:
    """A copy, between buckets or onto itself, has the source's headers unless told otherwise."""
    bucket.put_object("a/源 +%", BODY, headers={"x-oss-meta-of": "a", "Content-Type": "image/png"})
    replace = {"x-oss-metadata-directive": "REPLACE", "x-oss-meta-of": "b"}
    other = oss2.Bucket(bucket.auth, bucket.endpoint, "other", region="cn-hangzhou")

    kept = other.copy_object("pictures", "a/源 +%", "copy")
    shown = other.get_object("copy")
    assert (kept.etag, shown.read(), shown.content_type) == (ETAG, BODY, "image/png")
    assert shown.headers["x-oss-meta-of"] == "a"

    bucket.copy_object("pictures", "a/源 +%", "a/源 +%", headers=replace)
    shown = bucket.get_object("a/源 +%")
    assert (shown.read(), shown.content_type) == (BODY, "application/octet-stream")
    assert shown.headers["x-oss-meta-of"] == "b"

    other.delete_object("copy")
    bucket.delete_object("a/源 +%")


def test_a_wrong_digest_is_refused(bucket: oss2.Bucket) -> None:
    """A body that is not the one its Content-MD5 speaks of is not stored."""
    headers = {"Content-MD5": base64.b64encode(MD5).decode()}

    bucket.put_object("digest", BODY, headers=headers)

    assert refusal(bucket.put_object, "digest", b"x", headers=headers) == (400, "InvalidDigest")
    assert bucket.get_object("digest").read() == BODY
    bucket.delete_object("digest")


def test_what_is_missing_is_named(bucket: oss2.Bucket, endpoint: OssEndpoint) -> None:
    """A missing key and a missing bucket have their codes, in answer to HEAD too."""
    gone = oss2.Bucket(bucket.auth, endpoint.url, "gone", region="cn-hangzhou")

    assert refusal(bucket.get_object, "gone") == (404, "NoSuchKey")
    assert refusal(bucket.head_object, "gone") == (404, "NoSuchKey")
    assert refusal(bucket.copy_object, "pictures", "gone", "x") == (404, "NoSuchKey")
    for call in (gone.get_object, gone.head_object, gone.delete_object):
        assert refusal(call, "x") == (404, "NoSuchBucket")
    assert refusal(gone.put_object, "x", b"") == (404, "NoSuchBucket")
    assert refusal(gone.list_objects) == (404, "NoSuchBucket")
    assert refusal(gone.batch_delete_objects, ["x"]) == (404, "NoSuchBucket")
    bucket.delete_object("gone")


@pytest.mark.parametrize("key", ["/leading", "\\leading", "x" * 1024, "é" * 512])
def test_keys_that_oss_refuses_are_refused(bucket: oss2.Bucket, key: str) -> None:
    """A leading slash or backslash and more than 1023 bytes are InvalidObjectName."""
    assert refusal(bucket.put_object, key, b"") == (400, "InvalidObjectName")


def test_what_is_not_spoken_is_refused_by_name(bucket: oss2.Bucket) -> None:
    """Subresources and headers outside the dialect get 501 NotImplemented with their name."""
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.get_bucket_acl()
    assert (caught.value.status, caught.value.code) == (501, "NotImplemented")
    assert caught.value.message == "Not spoken by this endpoint: GET ?acl of a bucket."

    assert refusal(bucket.get_bucket_lifecycle) == (501, "NotImplemented")
    assert refusal(bucket.restore_object, "x") == (501, "NotImplemented")
    assert refusal(bucket.get_object, "x", params={"versionId": "v"}) == (501, "NotImplemented")
    for headers in (
        {"x-oss-object-acl": "public-read"},
        {"x-oss-tagging": "a=b"},
        {"x-oss-server-side-encryption": "AES256"},
        {"x-oss-storage-class": "IA"},
        {"x-oss-callback": "e30="},
        {"x-oss-symlink-target": "y"},
    ):
        refused = refusal(bucket.put_object, "x", b"", headers=headers)
        assert refused == (501, "NotImplemented")
    assert refusal(bucket.get_object, "x", headers={"x-oss-meta-a": "b"})[0] == 501
    assert refusal(bucket.head_object, "x", params={"versionId": "v"})[0] == 501
    source = {"x-oss-copy-source-if-match": ETAG}
    assert refusal(bucket.copy_object, "pictures", "x", "y", headers=source)[0] == 501
    assert not bucket.object_exists("x")


def test_each_creation_is_announced_once(bucket: oss2.Bucket, created: list[ObjectCreated]) -> None:
    """A listener hears of an object after it is there, with what an event would say."""
    created.clear()
    headers = {"Content-Type": "image/png", "x-oss-meta-place": "杭州".encode()}

    put = bucket.put_object("event", BODY, headers=headers)
    copied = bucket.copy_object("pictures", "event", "event")
    bucket.delete_object("event")

    common: dict[str, Any] = {
        "bucket": "pictures",
        "key": "event",
        "size": len(BODY),
        "etag": ETAG,
        "mime_type": "image/png",
        "user_meta": {"x-oss-meta-place": "杭州"},
    }
    assert created == [
        ObjectCreated(name="ObjectCreated:PutObject", request_id=put.request_id, **common),
        ObjectCreated(name="ObjectCreated:CopyObject", request_id=copied.request_id, **common),
    ]
