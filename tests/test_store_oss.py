"""A bucket as a store, through the real oss2 client over HTTP, and a server that lies."""

import base64
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from fanlight.errors import ConfigError, KeyRefused, StaleCredentials, TransientError, Unsettled
from fanlight.retry import Retry
from fanlight.store import Meta, Object
from fanlight.store_oss import Credentials, OssStore
from tools.localcloud import oss

BODY = b"123456789"
ETAG = hashlib.md5(BODY).hexdigest().upper()
KEY = "in/识别 a+b%20.png"
SECRET = "not-to-be-shown"
STAMP = "Tue, 01 Nov 2022 08:00:00 GMT"
ONCE = Retry.lasting(0)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    known = [oss.Credentials("id", SECRET), oss.Credentials("STS.id", "hidden", "token")]
    with oss.OssEndpoint(known) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


def open_store(
    url: str,
    *,
    bucket: str = "pictures",
    credentials: Credentials | None = None,
    retry: Retry = ONCE,
) -> OssStore:
    return OssStore(
        bucket,
        endpoint=url,
        region="cn-hangzhou",
        credentials=credentials or Credentials("id", SECRET),
        retry=retry,
    )


@pytest.fixture
def store(endpoint: oss.OssEndpoint) -> Iterator[OssStore]:
    store = open_store(endpoint.url)
    yield store
    for meta in list(store.list("")):
        store.delete(meta.key)


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def retry(self, seconds: float) -> Retry:
        return Retry(
            deadline=lambda: seconds,
            clock=lambda: self.now,
            sleep=self.sleep,
            uniform=lambda _, high: high,
        )


NO_ANSWER = 0

Reply = tuple[int, dict[str, str], bytes]


def reply(body: bytes = BODY, status: int = 200, **headers: str) -> Reply:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


@contextmanager
def liar(*replies: Reply) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these replies in turn, the last for ever; and the paths it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = replies[min(len(asked), len(replies) - 1)]
            asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if status == NO_ANSWER:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(body)),
                "ETag": f'"{ETAG}"',
                "Last-Modified": STAMP,
                "x-oss-object-type": "Normal",
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = True

        do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_put_is_what_is_got(store: OssStore) -> None:
    """An object has the same key, size, ETag and version in head, get and list."""
    assert store.put(KEY, BODY, if_absent=False)

    meta = store.head(KEY)
    assert meta is not None
    assert meta == Meta(KEY, 9, ETAG, meta.version)
    assert store.get(KEY, 9) == Object(meta, BODY)
    assert list(store.list("")) == [meta]


def test_when_it_was_written_is_told_alike(store: OssStore) -> None:
    """The same whole second, not before the writing began, in head, get and list."""
    began = int(time.time())
    store.put(KEY, BODY, if_absent=False)

    listed, known, read = next(store.list("")), store.head(KEY), store.get(KEY, 9)

    assert known is not None
    assert read is not None
    assert listed.modified == known.modified == read.meta.modified
    assert began <= known.modified <= time.time()


def test_an_overwrite_changes_the_version(store: OssStore) -> None:
    """Other bytes under the same key are another version, even when there are as many."""
    store.put(KEY, b"first", if_absent=False)
    before = store.head(KEY)
    store.put(KEY, b"other", if_absent=False)
    after = store.head(KEY)

    assert before is not None
    assert after is not None
    assert before.version != after.version
    assert list(store.list("")) == [after]


def test_equal_etags_do_not_make_equal_versions() -> None:
    """Pictures can be made whose MD5s collide: time and size tell them apart."""
    later = reply(Last_Modified="Tue, 01 Nov 2022 08:00:01 GMT")
    longer = reply(BODY + b"0")
    with liar(reply(), later, longer) as (url, _):
        metas = [open_store(url).head("x") for _ in range(3)]

    assert len({meta.etag for meta in metas if meta}) == 1
    assert len({meta.version for meta in metas if meta}) == 3


def test_put_if_absent_leaves_what_is_there(store: OssStore) -> None:
    """The second write that must not replace says so, and changes nothing."""
    assert store.put(KEY, b"first", if_absent=True) is True
    assert store.put(KEY, b"other", if_absent=True) is False

    found = store.get(KEY, 100)
    assert found is not None
    assert found.data == b"first"


def test_too_many_bytes_are_not_read(store: OssStore) -> None:
    """Over the limit an object comes without its bytes; at the limit, with them."""
    store.put(KEY, BODY, if_absent=False)
    meta = store.head(KEY)
    assert meta is not None

    assert [store.get(KEY, 8), store.get(KEY, 9)] == [Object(meta, None), Object(meta, BODY)]


def test_a_missing_key_is_none(store: OssStore) -> None:
    """No object is an answer, not an error; removing it is none either."""
    store.delete("missing")

    assert (store.head("missing"), store.get("missing", 1)) == (None, None)
    assert list(store.list("missing")) == []


def test_an_empty_object_is_whole(store: OssStore) -> None:
    """An object without bytes is there."""
    store.put("empty", b"", if_absent=False)

    found = store.get("empty", 0)
    assert found is not None
    assert found.data == b""


def test_a_listing_has_every_page_in_the_order_of_bytes(store: OssStore) -> None:
    """Only what is under the prefix is listed, however many pages it takes."""
    keys = [f"many/{number:04d}" for number in range(1003)]
    for key in [*keys, "other"]:
        store.put(key, b"", if_absent=False)

    assert [meta.key for meta in store.list("many/")] == keys
    assert [meta.key for meta in store.list("many/", keys[6])] == keys[7:]
    assert [meta.key for meta in store.list("many/", f"{keys[6]}-")] == keys[7:]
    assert list(store.list("many/", keys[-1])) == []


Call = Callable[[OssStore], object]
CALLS: dict[str, Call] = {
    "head": lambda store: store.head("x"),
    "get": lambda store: store.get("x", 1),
    "put": lambda store: store.put("x", b"", if_absent=True),
    "delete": lambda store: store.delete("x"),
    "list": lambda store: list(store.list("x")),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_missing_bucket_is_a_setting_to_change(endpoint: oss.OssEndpoint, call: Call) -> None:
    """A bucket that is not there is never taken for a missing object."""
    store = open_store(endpoint.url, bucket="nowhere")

    with pytest.raises(ConfigError, match=r"NoSuchBucket.*FANLIGHT_INPUT"):
        call(store)


@pytest.mark.parametrize("call", ["get", "put", "list"])  # the answer to a HEAD has no code
def test_a_wrong_region_is_told(endpoint: oss.OssEndpoint, call: str) -> None:
    """OSS calls the argument invalid, as it may a single key's: that is what is refused."""
    credentials = Credentials("id", SECRET)
    store = OssStore("pictures", endpoint=endpoint.url, region="cn-beijing",
                     credentials=credentials, retry=ONCE)  # fmt: skip

    with pytest.raises(KeyRefused, match=r"InvalidArgument.*FC_REGION is not the region of"):
        CALLS[call](store)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (Credentials("id", "wrong-secret-of-mine"), "SignatureDoesNotMatch"),
        (Credentials("unknown", "wrong-secret-of-mine"), "InvalidAccessKeyId"),
    ],
)
def test_wrong_keys_are_named_and_never_shown(
    endpoint: oss.OssEndpoint, call: Call, credentials: Credentials, code: str
) -> None:
    """The error names the variable to look at and does not quote the secret."""
    store = open_store(endpoint.url, credentials=credentials)

    with pytest.raises(ConfigError, match=f"{code}.*ALIBABA_CLOUD_ACCESS_KEY_ID") as caught:
        call(store)

    assert "wrong-secret-of-mine" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_temporary_keys_work_until_they_are_stale(endpoint: oss.OssEndpoint) -> None:
    """A token is sent along; a stale one is told at once, since only new ones can help."""
    good = open_store(endpoint.url, credentials=Credentials("STS.id", "hidden", "token"))
    stale = open_store(endpoint.url, credentials=Credentials("STS.id", "hidden", "old"))

    assert good.put("sts", BODY, if_absent=False)
    with pytest.raises(StaleCredentials, match=r"InvalidSecurityToken.*; get a new one"):
        stale.get("sts", 9)
    good.delete("sts")


def test_no_token_is_logged_at_any_level(
    endpoint: oss.OssEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """oss2 writes what it signs where everything is logged; that has to stay out."""
    caplog.set_level(logging.DEBUG)
    store = open_store(endpoint.url, credentials=Credentials("STS.id", "hidden", "token"))

    store.put("logged", BODY, if_absent=False)
    store.delete("logged")

    assert "token" not in caplog.text.replace("security-token", "")
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("token", ["hidden\r", "hid\nden", "hidd\u2026en"])
def test_a_token_that_no_header_can_hold_is_never_shown(
    endpoint: oss.OssEndpoint, token: str
) -> None:
    """Read from a file with its line's end, say: a setting to change, which is not quoted."""
    store = open_store(endpoint.url, credentials=Credentials("STS.id", "secret", token))

    with pytest.raises(ConfigError, match="a header cannot be sent") as caught:
        store.get("sts", 9)

    assert "hid" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_credentials_do_not_show_themselves() -> None:
    """Neither repr nor str of credentials holds any of them."""
    keys = Credentials("the-id", "the-secret", "the-token")

    assert [repr(keys), str(keys)] == ["Credentials(...)"] * 2


@pytest.mark.parametrize("key", [".", "..", "a/\ud800.png", "\udcff"])
@pytest.mark.parametrize("method", ["head", "get", "put", "delete"])
def test_keys_that_urls_cannot_hold_are_refused_before_they_are_sent(key: str, method: str) -> None:
    """Dots would reach another place, half a surrogate pair is no UTF-8: no request is made."""
    calls: dict[str, Call] = {
        "head": lambda store: store.head(key),
        "get": lambda store: store.get(key, 1),
        "put": lambda store: store.put(key, b"", if_absent=False),
        "delete": lambda store: store.delete(key),
    }

    with liar(reply()) as (url, asked), pytest.raises(KeyRefused):
        calls[method](open_store(url))

    assert asked == []


WHOLE = reply()
CUT = reply(b"12345", Content_Length="9")
CUT_PARTS = reply(b"12345", Content_Length="9", x_oss_object_type="Multipart")
WRONG_MD5 = reply(Content_MD5=base64.b64encode(hashlib.md5(b"other").digest()).decode())
CHANGED = reply(b"x23456789")
BUSY = reply(b"", 503)
THROTTLED = reply(b"<Error><Code>QpsLimitExceeded</Code></Error>", 403)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(CUT, id="cut"),
        pytest.param(CUT_PARTS, id="cut-without-md5"),
        pytest.param(WRONG_MD5, id="wrong-md5"),
        pytest.param(CHANGED, id="changed"),
        pytest.param(BUSY, id="busy"),
        pytest.param(THROTTLED, id="throttled"),
    ],
)
def test_a_passing_fault_is_tried_again(lie: Reply) -> None:
    """What trying again mends costs one pause; without time for it, it is transient."""
    clock = Clock()
    with liar(lie, WHOLE) as (url, asked):
        found = open_store(url, retry=clock.retry(60)).get("x", 100)
    with liar(lie) as (url, _), pytest.raises(TransientError):
        open_store(url).get("x", 100)

    assert found is not None
    assert found.data == BODY
    assert (len(asked), clock.slept) == (2, [0.1])


def test_a_busy_store_is_given_up_at_the_deadline() -> None:
    """Pauses double up to the longest, and no try begins after the time is up."""
    clock = Clock()
    with liar(BUSY) as (url, asked), pytest.raises(TransientError, match="status 503"):
        open_store(url, retry=clock.retry(10)).head("x")

    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert len(asked) == 7


def test_an_endpoint_that_is_not_there_is_transient() -> None:
    """Nobody listening is a fault of the network, which may pass."""
    with liar(WHOLE) as (url, _):
        pass

    with pytest.raises(
        TransientError,
        match=r"^oss://pictures/x: http://.* cannot be reached \(.*check FANLIGHT_OSS_ENDPOINT",
    ):
        open_store(url).get("x", 1)


def test_no_digest_is_checked_that_is_not_one_of_the_bytes() -> None:
    """The ETag of an object in parts, or encrypted, is no MD5 of its content."""
    with liar(reply(b"other bytes", x_oss_object_type="Multipart")) as (url, _):
        parts = open_store(url).get("x", 100)
    with liar(reply(b"other bytes", x_oss_server_side_encryption="AES256")) as (url, _):
        encrypted = open_store(url).get("x", 100)

    assert parts is not None
    assert encrypted is not None
    assert (parts.data, encrypted.data) == (b"other bytes", b"other bytes")


def test_a_content_encoding_is_not_undone() -> None:
    """Bytes come as they are stored: undoing an encoding would let a bomb in."""
    with liar(reply(Content_Encoding="gzip")) as (url, _):
        found = open_store(url).get("x", 100)

    assert found is not None
    assert found.data == BODY


def test_one_refused_object_is_its_own_affair() -> None:
    """What OSS says of one object, as that it is archived, is no setting that stops the others."""
    archived = reply(b"<Error><Code>InvalidObjectState</Code></Error>", 403)

    with liar(archived) as (url, _), pytest.raises(KeyRefused, match="InvalidObjectState"):
        open_store(url).get("x", 100)


@pytest.mark.parametrize("endpoint", ["foo bar", "http://[::1"])
def test_a_misspelled_endpoint_is_a_setting_to_change(endpoint: str) -> None:
    """An endpoint that is no address is named as such."""
    with pytest.raises(ConfigError, match="not spelled right"):
        open_store(endpoint)


LOST = reply(b"", 500)
GONE = reply(status=NO_ANSWER)


def test_an_overwrite_whose_try_lost_its_answer_is_unsettled() -> None:
    """A try that may still land is told of, for nobody can look after the last one."""
    with liar(LOST, WHOLE) as (url, asked), pytest.raises(Unsettled, match="may still land"):
        open_store(url, retry=Clock().retry(60)).put("x", BODY, if_absent=False)

    assert asked == ["PUT /pictures/x"] * 2


def test_a_dropped_connection_leaves_an_overwrite_unsettled() -> None:
    """Without any answer the bytes may be on their way still."""
    with liar(GONE, WHOLE) as (url, _), pytest.raises(Unsettled):
        open_store(url, retry=Clock().retry(60)).put("x", BODY, if_absent=False)


@pytest.mark.parametrize("lie", [BUSY, THROTTLED])
def test_a_refused_try_leaves_nothing_behind(lie: Reply) -> None:
    """A busy store did not begin the write, so the next try settles it."""
    with liar(lie, WHOLE) as (url, _):
        assert open_store(url, retry=Clock().retry(60)).put("x", BODY, if_absent=False)


def test_a_late_first_write_can_do_no_harm() -> None:
    """OSS refuses a put-if-absent that arrives after another: it needs no second look."""
    with liar(LOST, WHOLE) as (url, _):
        assert open_store(url, retry=Clock().retry(60)).put("x", BODY, if_absent=True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("RequestTimeTooSkewed", TransientError),
        ("SecurityTokenExpired", StaleCredentials),
        ("InvalidSecurityToken", StaleCredentials),
        ("InvalidAccessKeyId", ConfigError),
    ],
)
def test_what_time_or_new_credentials_can_mend(code: str, kind: type[Exception]) -> None:
    """A clock can be set and credentials renewed, so neither is final; each says what to do."""
    refused = reply(f"<Error><Code>{code}</Code></Error>".encode(), 403)

    with liar(refused) as (url, _), pytest.raises(kind, match=rf"{code} .*: .*(get|set|check)"):
        open_store(url).get("x", 100)


def test_who_may_not_list_is_told_what_that_takes() -> None:
    """Listing takes another permission than all that is done with objects."""
    refused = reply(b"<Error><Code>AccessDenied</Code></Error>", 403)

    with liar(refused) as (url, _), pytest.raises(ConfigError, match="to list, oss:ListObjects"):
        list(open_store(url).list("in/"))
