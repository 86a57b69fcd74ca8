"""What every answer of the local OSS endpoint carries, whatever was asked."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import oss2
import pytest
import requests

from tests.localcloud.served import BODY, served

ETAG = "25F9E794323B453885F5181F1B624D0B"


@pytest.fixture(scope="module")
def bucket() -> Iterator[oss2.Bucket]:
    with served() as bucket:
        yield bucket


# Method, key, headers; the status and, of a refusal, the code.
Asked = tuple[str, str, dict[str, str]]
ASKED: list[tuple[Asked, int, str]] = [
    (("GET", "a", {}), 200, ""),
    (("HEAD", "a", {}), 200, ""),
    (("PUT", "b", {}), 200, ""),
    (("DELETE", "b", {}), 204, ""),
    (("GET", "a", {"Range": "bytes=1-2"}), 206, ""),
    (("GET", "a", {"If-None-Match": f'"{ETAG}"'}), 304, ""),
    (("HEAD", "a", {"If-None-Match": f'"{ETAG}"'}), 304, ""),
    (("GET", "gone", {}), 404, "NoSuchKey"),
    (("HEAD", "gone", {}), 404, "NoSuchKey"),
    (("GET", "a", {"If-Match": '"0"'}), 412, "PreconditionFailed"),
    (("HEAD", "a", {"If-Match": '"0"'}), 412, "PreconditionFailed"),
    (("PUT", "b", {"Content-MD5": "x"}), 400, "InvalidDigest"),
    (("PUT", "a", {"x-oss-forbid-overwrite": "true"}), 409, "FileAlreadyExists"),
    (("PUT", "b", {"x-oss-tagging": "a=b"}), 501, "NotImplemented"),
    (("GET", "a", {"Authorization": "OSS id:wrong"}), 403, "AccessDenied"),
]


def ask(bucket: oss2.Bucket, asked: Asked) -> requests.Response:
    method, key, headers = asked
    url = bucket.sign_url(method, key, 60, headers=dict(headers))
    return requests.request(method, url, headers=headers, timeout=20)


def refusal(answer: requests.Response) -> dict[str, str]:
    """The elements of an Error document; that of HEAD is in a header."""
    content = answer.content
    if answer.request.method == "HEAD":
        assert content == b""
        content = base64.b64decode(answer.headers["x-oss-err"])
    root = ET.fromstring(content)
    assert root.tag == "Error"
    return {child.tag: child.text or "" for child in root}


@pytest.mark.parametrize(
    ("asked", "status", "code"), ASKED, ids=lambda value: str(value) if value else "-"
)
def test_every_answer_has_an_id_and_every_refusal_is_xml(
    bucket: oss2.Bucket, asked: Asked, status: int, code: str
) -> None:
    """The id is a new one each time; a refusal says it again, with code, message and host."""
    answer, again = ask(bucket, asked), ask(bucket, asked)

    ids = [one.headers["x-oss-request-id"] for one in (answer, again)]
    assert [re.fullmatch("[0-9A-F]{24}", one) is not None for one in ids] == [True, True]
    assert ids[0] != ids[1]
    assert answer.status_code == status
    if not code:
        assert "x-oss-err" not in answer.headers
        return
    said = refusal(answer)
    assert said.pop("Message")
    host = bucket.endpoint.removeprefix("http://")
    assert said == {"Code": code, "RequestId": ids[0], "HostId": host}
    assert answer.headers["Content-Type"] == "application/xml"


def test_nothing_new_has_no_body(bucket: oss2.Bucket) -> None:
    """304 carries no content; the connection goes on with the next answer."""
    url = bucket.sign_url("GET", "a", 60)
    with requests.Session() as session:
        unchanged = session.get(url, headers={"If-None-Match": ETAG})
        changed = session.get(url)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (changed.status_code, changed.content) == (200, BODY)
    assert unchanged.headers["ETag"] == f'"{ETAG}"'


@pytest.mark.parametrize("digest", ["x", "", "AAAA", base64.b64encode(b"\0" * 16).decode()])
def test_a_digest_that_is_none_or_another_is_invalid(bucket: oss2.Bucket, digest: str) -> None:
    """OSS has one code for a Content-MD5 that cannot be one and for one of other content."""
    headers = {"Content-MD5": digest}
    upload = bucket.init_multipart_upload("c").upload_id
    for call, arguments in ((bucket.put_object, ()), (bucket.upload_part, (upload, 1))):
        with pytest.raises(oss2.exceptions.ServerError) as refused:
            call("c", *arguments, BODY, headers=headers)
        assert (refused.value.status, refused.value.code) == (400, "InvalidDigest")
    assert not bucket.object_exists("c")


def listing(bucket: oss2.Bucket, **query: str) -> dict[str, Any]:
    """A listing's elements by name, as they are on the wire; those that repeat as lists."""
    params = {name.replace("_", "-"): value for name, value in query.items()}
    root = ET.fromstring(bucket._do("GET", bucket.bucket_name, "", params=params).read())
    found: dict[str, Any] = {child.tag: child.text or "" for child in root if not len(child)}
    for tag, name in (("Contents", "Key"), ("CommonPrefixes", "Prefix")):
        found[tag] = [child.findtext(name) for child in root.iterfind(tag)]
    return {"root": root.tag, **found}


@pytest.fixture
def listed(bucket: oss2.Bucket) -> Iterator[oss2.Bucket]:
    other = oss2.Bucket(bucket.auth, bucket.endpoint, "listed", region="cn-hangzhou")
    other.create_bucket()
    keys = ["p&/a b", "p&/d &/1", "p&/e", "p&/识"]
    for key in keys:
        other.put_object(key, b"")
    yield other
    other.batch_delete_objects(keys)
    other.delete_bucket()


@pytest.mark.parametrize("coding", ["", "url"])
def test_a_listing_of_version_1_on_the_wire(listed: oss2.Bucket, coding: str) -> None:
    """Keys are as they are, or percent-encoded where that is asked for, markers too."""
    options = {"encoding_type": coding} if coding else {}
    page = listing(listed, prefix="p&/", delimiter="/", max_keys="2", marker="p&/", **options)

    coded = bool(coding)
    assert page == {
        "root": "ListBucketResult", "Name": "listed", "MaxKeys": "2", "IsTruncated": "true",
        "EncodingType": coding,
        "Prefix": "p%26%2F" if coded else "p&/",
        "Delimiter": "%2F" if coded else "/",
        "Marker": "p%26%2F" if coded else "p&/",
        "NextMarker": "p%26%2Fd%20%26%2F" if coded else "p&/d &/",
        "Contents": ["p%26%2Fa%20b" if coded else "p&/a b"],
        "CommonPrefixes": ["p%26%2Fd%20%26%2F" if coded else "p&/d &/"],
    }  # fmt: skip


@pytest.mark.parametrize("coding", ["", "url"])
def test_a_listing_of_version_2_on_the_wire(listed: oss2.Bucket, coding: str) -> None:
    """The same; its token is opaque, and the next page goes on after the last one."""
    options = {"encoding_type": coding} if coding else {}
    asked = {"list_type": "2", "prefix": "p&/", "delimiter": "/", "max_keys": "2", **options}
    page = listing(listed, **asked)
    token = page.pop("NextContinuationToken")
    rest = listing(listed, **asked, continuation_token=oss2.compat.urlunquote(token))

    coded = bool(coding)
    assert page == {
        "root": "ListBucketResult", "Name": "listed", "MaxKeys": "2", "IsTruncated": "true",
        "EncodingType": coding,
        "Prefix": "p%26%2F" if coded else "p&/",
        "Delimiter": "%2F" if coded else "/",
        "KeyCount": "2",
        "Contents": ["p%26%2Fa%20b" if coded else "p&/a b"],
        "CommonPrefixes": ["p%26%2Fd%20%26%2F" if coded else "p&/d &/"],
    }  # fmt: skip
    assert rest["Contents"] == (["p%26%2Fe", "p%26%2F%E8%AF%86"] if coded else ["p&/e", "p&/识"])
    assert (rest["IsTruncated"], rest["KeyCount"]) == ("false", "2")


@pytest.mark.parametrize("version", [{}, {"list_type": "2"}], ids=["1", "2"])
@pytest.mark.parametrize("bad", [{"max_keys": "1001"}, {"max_keys": "0"}, {"max_keys": "٣"},
                                 {"encoding_type": "base64"}], ids=str)  # fmt: skip
def test_a_listing_that_asks_for_what_is_not_there_is_refused(
    listed: oss2.Bucket, version: dict[str, str], bad: dict[str, str]
) -> None:
    """A page has between 1 and 1,000 keys, and there is one way to encode them."""
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        listing(listed, **version, **bad)

    assert (refused.value.status, refused.value.code) == (400, "InvalidArgument")
