"""Who may do what at the local OSS endpoint, and that nothing a client sends can end it."""

import base64
import hmac
import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import oss2
import pytest
import requests

from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint

CREATED: list[ObjectCreated] = []
V4 = oss2.AUTH_VERSION_4
KEY = "a b/识别+%25"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[OssEndpoint]:
    known = [Credentials("id", "secret"), Credentials("STS.id", "hidden", "token")]
    with OssEndpoint(known, on_created=CREATED.append) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


def bucket_of(
    endpoint: OssEndpoint, auth: Any, region: str = "cn-hangzhou", name: str = "pictures"
) -> oss2.Bucket:
    return oss2.Bucket(auth, endpoint.url, name, region=region)


SIGNERS = [
    pytest.param(oss2.AuthV4("id", "secret"), id="v4"),
    pytest.param(oss2.Auth("id", "secret"), id="v1"),
    pytest.param(oss2.StsAuth("STS.id", "hidden", "token", auth_version=V4), id="v4-sts"),
    pytest.param(oss2.StsAuth("STS.id", "hidden", "token"), id="v1-sts"),
]


@pytest.mark.parametrize("auth", SIGNERS)
def test_signed_requests_are_served(endpoint: OssEndpoint, auth: Any) -> None:
    """Each way of signing that is spoken here passes, whatever is signed."""
    bucket = bucket_of(endpoint, auth)
    headers = {
        "x-oss-meta-a": "1",
        "Content-Type": "image/png",
        "x-oss-meta-place": "杭州".encode(),
    }

    bucket.put_object(KEY, b"body", headers=headers)

    assert bucket.get_object(KEY, params={"response-content-type": "a/b"}).content_type == "a/b"
    assert bucket.head_object(KEY).etag == "841A2D689AD86BD1611447453C22C6FC"
    assert [found.key for found in oss2.ObjectIteratorV2(bucket, prefix="a b/识")] == [KEY]
    assert bucket.batch_delete_objects([KEY]).deleted_keys == [KEY]
    upload = bucket.init_multipart_upload(KEY).upload_id
    bucket.upload_part(KEY, upload, 1, b"part")
    assert [part.part_number for part in oss2.PartIterator(bucket, KEY, upload)] == [1]
    bucket.abort_multipart_upload(KEY, upload)


@pytest.mark.parametrize("auth", SIGNERS)
def test_signed_urls_are_served_until_they_expire(endpoint: OssEndpoint, auth: Any) -> None:
    """A signed URL is good for its method and object, for as long as it says."""
    bucket = bucket_of(endpoint, auth)
    session = requests.Session()

    put = session.put(bucket.sign_url("PUT", KEY, 60), data=b"body")
    got = session.get(bucket.sign_url("GET", KEY, 60, slash_safe=True))
    late = session.get(bucket.sign_url("GET", KEY, -1))
    wrong = session.delete(bucket.sign_url("GET", KEY, 60))

    assert (put.status_code, got.content) == (200, b"body")
    assert (late.status_code, code_of(late)) == (403, "AccessDenied")
    assert (wrong.status_code, code_of(wrong)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("auth", "region", "expected"),
    [
        (oss2.AuthV4("who", "secret"), "cn-hangzhou", (403, "InvalidAccessKeyId")),
        (oss2.Auth("who", "secret"), "cn-hangzhou", (403, "InvalidAccessKeyId")),
        (oss2.AuthV4("id", "wrong"), "cn-hangzhou", (403, "SignatureDoesNotMatch")),
        (oss2.Auth("id", "wrong"), "cn-hangzhou", (403, "SignatureDoesNotMatch")),
        (oss2.AuthV4("id", "secret"), "cn-beijing", (400, "InvalidArgument")),
        (oss2.AuthV4("STS.id", "hidden"), "cn-hangzhou", (403, "InvalidAccessKeyId")),
        (oss2.StsAuth("STS.id", "hidden", "old"), "cn-hangzhou", (403, "InvalidSecurityToken")),
        (oss2.AuthV2("id", "secret"), "cn-hangzhou", (501, "NotImplemented")),
        (oss2.AnonymousAuth(), "cn-hangzhou", (403, "AccessDenied")),
    ],
)
def test_others_are_refused(
    endpoint: OssEndpoint, auth: Any, region: str, expected: tuple[int, str]
) -> None:
    """Unknown ids, wrong secrets, wrong regions, stale tokens and no signature have their codes."""
    bucket = bucket_of(endpoint, auth, region)

    for call in (bucket.get_object, bucket.head_object, bucket.delete_object):
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            call("x")
        assert (caught.value.status, caught.value.code) == expected


def code_of(answer: requests.Response) -> str:
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


def form(conditions: list[Any], **fields: str) -> dict[str, str]:
    hour = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3600))
    policy = json.dumps({"expiration": hour, "conditions": conditions})
    encoded = base64.b64encode(policy.encode()).decode()
    digest = hmac.new(b"secret", encoded.encode(), "sha1").digest()
    signature = base64.b64encode(digest).decode()
    return {"OSSAccessKeyId": "id", "policy": encoded, "Signature": signature, **fields}


def test_a_form_uploads_an_object(endpoint: OssEndpoint) -> None:
    """A signed form stores its file under its key, and says so as it was asked to."""
    CREATED.clear()
    conditions = [
        {"bucket": "pictures"},
        ["starts-with", "$key", "in/"],
        ["content-length-range", 1, 9],
    ]
    fields = form(conditions, key="in/${filename}", success_action_status="201")
    fields["x-oss-meta-place"] = "杭州"
    body = b"\x00\xff\r\n"

    answer = requests.post(
        f"{endpoint.url}/pictures", data=fields, files={"file": ("图 1.png", body)}
    )

    assert (answer.status_code, "<Key>in/图 1.png</Key>" in answer.content.decode()) == (201, True)
    stored = bucket_of(endpoint, oss2.AuthV4("id", "secret")).get_object("in/图 1.png")
    assert stored.read() == body
    (event,) = CREATED
    assert (event.name, event.key) == ("ObjectCreated:PostObject", "in/图 1.png")
    assert event.user_meta == {"x-oss-meta-place": "杭州"}


@pytest.mark.parametrize(
    ("conditions", "change", "expected"),
    [
        ([["eq", "$key", "other"]], {}, (403, "AccessDenied")),
        ([["content-length-range", 100, 200]], {}, (403, "AccessDenied")),
        ([["unknown", "$key", ""]], {}, (400, "InvalidPolicyDocument")),
        ([], {"Signature": "wrong"}, (403, "SignatureDoesNotMatch")),
        ([], {"OSSAccessKeyId": "who"}, (403, "InvalidAccessKeyId")),
        ([], {"key": "/x"}, (400, "InvalidObjectName")),
        ([], {"success_action_redirect": "http://example.com"}, (501, "NotImplemented")),
    ],
)
def test_forms_that_break_their_policy_are_refused(
    endpoint: OssEndpoint, conditions: list[Any], change: dict[str, str], expected: tuple[int, str]
) -> None:
    """A form whose policy is broken, unsigned or not understood stores nothing."""
    CREATED.clear()
    fields = {**form(conditions, key="form"), **change}

    answer = requests.post(f"{endpoint.url}/pictures", data=fields, files={"file": ("x", b"abc")})

    assert (answer.status_code, code_of(answer)) == expected
    assert CREATED == []


def test_a_connection_outlives_refusals(endpoint: OssEndpoint) -> None:
    """Errors leave the connection usable: their bodies were read, the next answer is its own."""
    bucket = bucket_of(endpoint, oss2.AuthV4("id", "secret"))
    gone = bucket_of(endpoint, oss2.AuthV4("id", "secret"), name="gone")
    gone.session = bucket.session

    for _ in range(3):
        with pytest.raises(oss2.exceptions.NoSuchBucket):
            gone.put_object("x", b"x" * 300_000)
        with pytest.raises(oss2.exceptions.NoSuchKey):
            bucket.head_object("gone")
        bucket.put_object("kept", iter([b"chun", b"ked"]))
        assert bucket.get_object("kept").read() == b"chunked"

    pools = bucket.session.session.get_adapter(endpoint.url).poolmanager.pools
    keys = pools.keys()  # urllib3's container refuses to be iterated itself
    assert [pools[key].num_connections for key in keys] == [1]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff\xfe%FF HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1/pictures/x HTTP/1.1\r\n\r\n",
        b"PUT /pictures/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PUT /pictures/x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"PUT /pictures/x HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort",
        b"PUT /pictures/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /pictures HTTP/1.1\r\nContent-Type: multipart/form-data\r\n\r\n",
        b"BREW /pictures/x HTTP/1.1\r\n\r\n",
        b"GET /pictures/x HTTP/1.1\r\nAuthorization: OSS4-HMAC-SHA256 x\r\n\r\n",
        b"GET /pictures/x HTTP/1.1\r\nAuthorization: OSS \xff\r\n\r\n",
        b"GET /pictures/x?x-oss-signature=%FF HTTP/1.1\r\n\r\n",
        b"A" * 100_000,
    ],
)
def test_malformed_requests_are_answered_and_forgotten(
    endpoint: OssEndpoint, sent: bytes, capfd: pytest.CaptureFixture[str], caplog: Any
) -> None:
    """Whatever bytes come, nothing is printed or logged and the next client is served."""
    host, port = endpoint.url.removeprefix("http://").split(":")
    answer = b""
    # The server may hang up on what it will not read.
    with caplog.at_level(logging.INFO), suppress(OSError):
        client = socket.create_connection((host, int(port)), 5)
        with client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").read()
    status = int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 400

    assert 400 <= status < 502
    assert status != 500
    assert requests.get(endpoint.url, timeout=5).status_code == 403
    assert [record.name for record in caplog.records if "localcloud" in record.name] == []
    assert capfd.readouterr() == ("", "")


def test_an_upload_whose_event_nobody_has_is_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    """What on_created raises is logged, and an error to the client, who sends the object again."""

    def fail(_: ObjectCreated) -> None:
        raise RuntimeError("no more room for events")

    with OssEndpoint([Credentials("id", "secret")], on_created=fail) as endpoint:
        endpoint.create_bucket("pictures")
        bucket = bucket_of(endpoint, oss2.AuthV4("id", "secret"))
        with pytest.raises(oss2.exceptions.ServerError) as error:
            bucket.put_object("x", b"body")

    assert (error.value.status, error.value.code) == (500, "InternalError")
    assert "no more room for events" in caplog.text


def test_a_listener_may_call_the_endpoint() -> None:
    """on_created may read the object it is told of: the write is over, no lock is held."""
    seen: list[bytes] = []
    with OssEndpoint(
        [Credentials("id", "secret")],
        on_created=lambda event: seen.append(bucket.get_object(event.key).read()),
    ) as endpoint:
        endpoint.create_bucket("pictures")
        bucket = bucket_of(endpoint, oss2.AuthV4("id", "secret"))
        bucket_of(endpoint, oss2.AuthV4("id", "secret")).put_object("x", b"body")

    assert seen == [b"body"]


def test_stopping_is_an_outage_and_starting_ends_it() -> None:
    """After stop() kept connections are dead too; start() brings port and objects back."""
    endpoint = OssEndpoint([Credentials("id", "secret")])
    endpoint.start()
    endpoint.create_bucket("pictures")
    bucket = bucket_of(endpoint, oss2.AuthV4("id", "secret"))
    bucket.put_object("x", b"body")
    url = endpoint.url

    endpoint.stop()
    with pytest.raises(oss2.exceptions.RequestError):
        bucket.get_object("x")

    endpoint.start()
    assert (endpoint.url, bucket.get_object("x").read()) == (url, b"body")
    endpoint.stop()


def test_a_small_answer_leaves_in_one_piece(endpoint: OssEndpoint) -> None:
    """In two, the second would wait until the client has acknowledged the first, 40 ms later."""
    host, port = endpoint.url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(b"GET /pictures/x HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = client.recv(65_536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 403 ")
        assert body.endswith(b"</Error>")
