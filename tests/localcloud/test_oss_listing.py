"""Buckets, listings and multipart uploads of the local OSS endpoint, through oss2."""

from collections.abc import Iterator
from typing import Any

import oss2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint

AUTH = oss2.AuthV4("id", "secret")
CREATED: list[ObjectCreated] = []


@pytest.fixture(scope="module")
def endpoint() -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "secret")], on_created=CREATED.append) as endpoint:
        yield endpoint


@pytest.fixture
def bucket(endpoint: OssEndpoint) -> Iterator[oss2.Bucket]:
    bucket = bucket_of(endpoint, "listed")
    bucket.create_bucket()
    yield bucket
    for found in oss2.ObjectIterator(bucket):
        bucket.delete_object(found.key)
    bucket.delete_bucket()


def bucket_of(endpoint: OssEndpoint, name: str) -> oss2.Bucket:
    return oss2.Bucket(AUTH, endpoint.url, name, region="cn-hangzhou")


def refusal(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.code


def test_buckets_live_and_die(endpoint: OssEndpoint) -> None:
    """A bucket can be made twice, told of, listed, and removed only once it is empty."""
    service = oss2.Service(AUTH, endpoint.url, region="cn-hangzhou")
    bucket = bucket_of(endpoint, "short-lived")
    bucket.create_bucket()
    bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE)
    bucket.put_object("x", b"")

    info = bucket.get_bucket_info()
    assert (info.name, info.location) == ("short-lived", "oss-cn-hangzhou")
    assert [found.name for found in oss2.BucketIterator(service)] == ["short-lived"]
    assert refusal(bucket.delete_bucket) == (409, "BucketNotEmpty")

    bucket.delete_object("x")
    bucket.delete_bucket()
    assert refusal(bucket.get_bucket_info) == (404, "NoSuchBucket")
    assert list(oss2.BucketIterator(service)) == []


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "-start", "x" * 64])
def test_bucket_names_that_oss_refuses_are_refused(endpoint: OssEndpoint, name: str) -> None:
    """A name outside OSS's rules is an error before anything is made."""
    with pytest.raises(Exception, match="InvalidBucketName"):
        endpoint.create_bucket(name)


def test_endpoints_share_nothing(endpoint: OssEndpoint) -> None:
    """Two endpoints in one process have different objects in buckets of one name."""
    with OssEndpoint([Credentials("id", "secret")]) as other:
        for each, body in ((endpoint, b"one"), (other, b"two")):
            each.create_bucket("same-name")
            bucket_of(each, "same-name").put_object("key", body)

        bodies = [bucket_of(e, "same-name").get_object("key").read() for e in (endpoint, other)]

    assert bodies == [b"one", b"two"]
    bucket_of(endpoint, "same-name").delete_object("key")
    bucket_of(endpoint, "same-name").delete_bucket()


def test_pages_hold_a_thousand_keys_in_byte_order(bucket: oss2.Bucket) -> None:
    """More keys than a page holds come in pages, each key once, in the order of UTF-8 bytes."""
    # U+FF5E sorts after U+1F600 as UTF-16 and before it as UTF-8.
    keys = [f"{prefix}{n:03}" for prefix in ("a/", "\uff5e/", "\U0001f600/") for n in range(350)]
    for key in keys:
        bucket.put_object(key, b"")

    first = bucket.list_objects_v2(max_keys=1000)
    assert (len(first.object_list), first.is_truncated) == (1000, True)
    assert [found.key for found in oss2.ObjectIteratorV2(bucket, max_keys=1000)] == keys
    assert [found.key for found in oss2.ObjectIterator(bucket, max_keys=1000)] == keys
    assert bucket.batch_delete_objects(keys[:1000]).deleted_keys == keys[:1000]
    assert [found.key for found in oss2.ObjectIterator(bucket)] == keys[1000:]


TEXT = st.text(st.sampled_from("ab/é%\x02"), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    keys=st.sets(TEXT.filter(lambda key: key[0] != "/"), max_size=8),
    prefix=st.one_of(st.just(""), TEXT),
    delimiter=st.sampled_from(["", "/", "é", "ab"]),
    size=st.integers(1, 4),
)
def test_listings_agree_with_a_plain_definition(
    endpoint: OssEndpoint, keys: set[str], prefix: str, delimiter: str, size: int
) -> None:
    """Both versions list, page by page, the keys and common prefixes that the definition says."""
    bucket = bucket_of(endpoint, "defined")
    bucket.create_bucket()
    for key in keys:
        bucket.put_object(key, b"")
    expected = set()
    for key in keys:
        if key.startswith(prefix):
            head, cut, _ = key[len(prefix) :].partition(delimiter or "\uffff")
            expected.add((prefix + head + cut, bool(cut)))
    ordered = sorted(expected, key=lambda entry: entry[0].encode())

    for iterator in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
        found = iterator(bucket, prefix=prefix, delimiter=delimiter, max_keys=size)
        assert [(entry.key, entry.is_prefix()) for entry in found] == ordered

    for key in keys:
        bucket.delete_object(key)
    bucket.delete_bucket()


def test_a_listing_starts_after_its_marker(bucket: oss2.Bucket) -> None:
    """`marker` and `start_after` name the last key that is not listed."""
    for key in "abc":
        bucket.put_object(key, b"")

    assert [found.key for found in bucket.list_objects(marker="a").object_list] == ["b", "c"]
    assert [found.key for found in bucket.list_objects_v2(start_after="b").object_list] == ["c"]
    assert refusal(bucket.list_objects, max_keys=1001) == (400, "InvalidArgument")
    assert refusal(bucket.list_objects_v2, continuation_token="?") == (400, "InvalidArgument")


def test_batch_delete_counts_what_was_not_there(bucket: oss2.Bucket) -> None:
    """Deleting many keys answers with all of them, there or not."""
    bucket.put_object("in/../secret", b"")

    deleted = bucket.batch_delete_objects(["in/../secret", "never/was &<>"]).deleted_keys

    assert deleted == ["in/../secret", "never/was &<>"]
    assert not bucket.object_exists("in/../secret")


def test_a_multipart_upload_makes_an_object(bucket: oss2.Bucket) -> None:
    """Parts become an object of type Multipart, with the headers of its beginning and its CRC."""
    CREATED.clear()
    bodies = [b"a" * 102400, b"b" * 102401, b"c"]
    upload = bucket.init_multipart_upload("big", headers={"x-oss-meta-n": "3"}).upload_id
    parts = []
    for number, body in enumerate(bodies, start=1):
        sent = bucket.upload_part("big", upload, number, body)
        parts.append(oss2.models.PartInfo(number, sent.etag, size=len(body), part_crc=sent.crc))
    listed = [
        (part.part_number, part.etag, part.size)
        for part in oss2.PartIterator(bucket, "big", upload, max_parts=2)
    ]
    assert [event.name for event in CREATED] == [
        "ObjectCreated:InitiateMultipartUpload", *["ObjectCreated:UploadPart"] * 3]  # fmt: skip

    result = bucket.complete_multipart_upload("big", upload, parts)

    assert listed == [(part.part_number, part.etag, part.size) for part in parts]
    got = bucket.get_object("big")
    assert got.read() == b"".join(bodies)
    assert (got.object_type, got.headers["x-oss-meta-n"]) == ("Multipart", "3")
    assert got.headers.get("Content-MD5") is None
    assert got.etag == result.etag
    assert got.etag.endswith("-3")
    (found,) = oss2.ObjectIterator(bucket)
    assert (found.etag, found.type, found.size) == (got.etag, "Multipart", 204802)
    event = CREATED[-1]
    assert (event.name, event.etag) == ("ObjectCreated:CompleteMultipartUpload", got.etag)


def test_what_cannot_be_completed_is_refused(bucket: oss2.Bucket) -> None:
    """Unknown uploads, wrong parts, wrong order and small parts have their codes."""
    upload = bucket.init_multipart_upload("big").upload_id
    one, two = (
        oss2.models.PartInfo(n, bucket.upload_part("big", upload, n, b"small").etag) for n in (1, 2)
    )
    wrong = oss2.models.PartInfo(1, "0" * 32)
    complete = bucket.complete_multipart_upload

    assert refusal(complete, "big", "unknown", [one]) == (404, "NoSuchUpload")
    assert refusal(complete, "else", upload, [one]) == (404, "NoSuchUpload")
    assert refusal(complete, "big", upload, [wrong]) == (400, "InvalidPart")
    assert refusal(complete, "big", upload, [one, one]) == (400, "InvalidPartOrder")
    assert refusal(complete, "big", upload, [one, two]) == (400, "EntityTooSmall")

    bucket.abort_multipart_upload("big", upload)
    assert refusal(complete, "big", upload, [one]) == (404, "NoSuchUpload")
    assert not bucket.object_exists("big")
