"""What queries, forms and headers put into the headers of answers, and how numbers are read."""

import socket
from collections.abc import Iterator

import oss2
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localcloud.oss_forms import post_form
from tests.localcloud.served import BODY, served

KEPT = ["Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language",
        "Content-Type", "Expires"]  # fmt: skip


@pytest.fixture(scope="module")
def bucket() -> Iterator[oss2.Bucket]:
    with served() as bucket:
        yield bucket


def overridden(bucket: oss2.Bucket, name: str, value: str) -> requests.Response:
    params = {f"response-{name.lower()}": value}
    return requests.get(bucket.sign_url("GET", "a", 60, params=params), stream=True, timeout=20)


def utf8(answer: requests.Response, name: str) -> str:
    """A header, whose bytes are taken for those of UTF-8."""
    return answer.headers[name].encode("latin-1").decode()


def assert_refused(answer: requests.Response) -> None:
    assert answer.status_code == 400
    assert "<Code>InvalidArgument</Code>" in answer.text
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("value", ["é", "识别 +%20.png", "a\tb"])
def test_an_answer_s_header_has_what_the_query_asked_for(
    bucket: oss2.Bucket, name: str, value: str
) -> None:
    """Any text is sent as the bytes of its UTF-8, and the content comes after it."""
    answer = overridden(bucket, name, value)

    assert (answer.status_code, utf8(answer, name)) == (200, value)
    assert answer.raw.read() == BODY


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\x7f"])
def test_no_query_adds_a_header(bucket: oss2.Bucket, name: str, end: str) -> None:
    """A value with a line break or another control character is refused."""
    assert_refused(overridden(bucket, name, f"x{end}x-injected: 1"))


@settings(max_examples=60, deadline=None)
@given(value=st.text(min_size=1, max_size=8))
def test_a_query_s_header_is_whole_or_refused(bucket: oss2.Bucket, value: str) -> None:
    """Whatever the text, the answer is one that can be read, with the content or a refusal."""
    answer = overridden(bucket, "Content-Disposition", f"a{value}z")

    if any((char < " " and char != "\t") or char == "\x7f" for char in value):
        assert_refused(answer)
    else:
        assert utf8(answer, "Content-Disposition") == f"a{value}z"
        assert answer.raw.read() == BODY


@pytest.mark.parametrize("name", [*KEPT, "x-oss-meta-of"])
def test_no_form_adds_a_header(bucket: oss2.Bucket, name: str) -> None:
    """A field that would be a header of the object is kept as UTF-8, or refused like a query's."""
    fine, bad = "识别", "x\r\nx-injected: 1"

    assert_refused(post_form(bucket, "refused", **{name: bad}))
    assert not bucket.object_exists("refused")
    assert post_form(bucket, "form", **{name: fine}).status_code == 204
    answer = requests.get(bucket.sign_url("GET", "form", 60), stream=True, timeout=20)
    assert (utf8(answer, name), answer.raw.read()) == (fine, b"body")


@pytest.mark.parametrize("name", ["x-oss-meta-识", "x-oss-meta-a: b", "x-oss-meta-a b"])
def test_no_form_names_a_header_that_cannot_be(bucket: oss2.Bucket, name: str) -> None:
    """User metadata that no answer could name is refused, not kept."""
    assert_refused(post_form(bucket, "refused", **{name: "x"}))
    assert not bucket.object_exists("refused")


@pytest.mark.parametrize("sent", [b"a\r\n x-injected: 1", b"a\x01b"], ids=repr)
def test_no_header_of_an_upload_adds_a_header(bucket: oss2.Bucket, sent: bytes) -> None:
    """A header that goes on in a second line, or has a control character, is not kept either."""
    url = bucket.sign_url("PUT", "folded", 60).removeprefix(bucket.endpoint)
    host, port = bucket.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as client:
        head = f"PUT {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n"
        client.sendall(head.encode() + b"Cache-Control: " + sent + b"\r\n\r\nx")
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>InvalidArgument</Code>" in answer
    assert not bucket.object_exists("folded")


LONG = "9" * 5000  # more digits than Python reads

NUMBERS: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "", {"max-keys": LONG}),
    ("GET", "", {"list-type": "2", "max-keys": LONG}),
    ("GET", "", {"uploads": "", "max-uploads": LONG}),
    ("GET", "a", {"uploadId": "x", "max-parts": LONG}),
    ("GET", "a", {"uploadId": "x", "part-number-marker": LONG}),
    ("PUT", "a", {"uploadId": "x", "partNumber": LONG}),
    ("POST", "a", {"append": "", "position": LONG}),
]


@pytest.mark.parametrize(("method", "key", "params"), NUMBERS, ids=lambda value: str(value)[:40])
def test_a_number_that_is_too_long_is_refused(
    bucket: oss2.Bucket, method: str, key: str, params: dict[str, str]
) -> None:
    """What is too long to be read as a number is an invalid argument, not an error in here."""
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket._do(method, bucket.bucket_name, key, params=params)

    assert (caught.value.status, caught.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "headers",
    [
        *({"Range": f"bytes={span}"} for span in (f"{LONG}-", f"-{LONG}", f"1-{LONG}")),
        *({name: f"Mon, {LONG} Nov {LONG} {LONG}:00:00 GMT"}
          for name in ("If-Modified-Since", "If-Unmodified-Since")),
    ],
    ids=lambda headers: next(iter(headers.values()))[:12],
)  # fmt: skip
def test_a_header_with_a_number_that_is_too_long_asks_for_nothing(
    bucket: oss2.Bucket, headers: dict[str, str]
) -> None:
    """A range or a time of so many digits is nonsense like any other: the whole is sent."""
    assert bucket.get_object("a", headers=headers).read() == BODY
    assert bucket.head_object("a", headers=headers).content_length == len(BODY)
    standard = {**headers, "x-oss-range-behavior": "standard"}
    assert bucket.get_object("a", headers=standard).read() == BODY


def test_a_part_s_number_that_is_too_long_is_malformed(bucket: oss2.Bucket) -> None:
    """A completion that names such a part is refused as any that is no number."""
    upload = bucket.init_multipart_upload("parts").upload_id
    part = oss2.models.PartInfo(LONG, "0")
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.complete_multipart_upload("parts", upload, [part])

    assert (caught.value.status, caught.value.code) == (400, "MalformedXML")


def test_chunks_may_say_more_than_their_length(bucket: oss2.Bucket) -> None:
    """A body with extensions and trailers is stored without them, and the connection goes on."""
    url = bucket.sign_url("PUT", "chunked", 60).removeprefix(bucket.endpoint)
    host, port = bucket.endpoint.removeprefix("http://").split(":")
    head = f"PUT {url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    chunks = b'4;sign="a;b"\r\n1234\r\n5 ; x\r\n56789\r\n0\r\nx-checked: yes\r\n\r\n'
    with socket.create_connection((host, int(port)), 20) as client:
        client.sendall(head.encode() + b"\r\n" + chunks)
        client.sendall(head.encode() + b"Connection: close\r\n\r\n" + chunks)
        answers = client.makefile("rb").read()

    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert bucket.get_object("chunked").read() == BODY
