"""Pictures that OSS makes smaller before they travel, through the real oss2 client over HTTP."""

import io
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fanlight.config import Limits
from fanlight.errors import TransientError
from fanlight.image import decode, read_header
from fanlight.place import Place
from fanlight.reconcile import Reconciler
from fanlight.result import Source
from fanlight.retry import Retry
from fanlight.store import Object
from fanlight.store_oss import Credentials, OssStore
from fanlight.store_resized import ResizedStore
from tests.test_store_oss import BODY as BODY_STORED
from tests.test_store_oss import ETAG, STAMP, liar, reply
from tools.localcloud import oss

SIDE = 100
BODY = b"1234"
LIMIT = 1_000_000
REACH: dict[str, Any] = {
    "region": "cn-hangzhou",
    "credentials": Credentials("id", "secret"),
    "retry": Retry.lasting(0),
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    """What is stored is five seconds younger than the answers say it is, so always fresh."""
    known = [oss.Credentials("id", "secret")]
    with oss.OssEndpoint(known, clock=lambda: time.time() + 5) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


@pytest.fixture
def plain(endpoint: oss.OssEndpoint) -> Iterator[OssStore]:
    store = OssStore("pictures", endpoint=endpoint.url, **REACH)
    yield store
    for meta in list(store.list("")):
        store.delete(meta.key)


@pytest.fixture
def resized(endpoint: oss.OssEndpoint) -> ResizedStore:
    return opened(endpoint.url, [])


def opened(url: str, pauses: list[float]) -> ResizedStore:
    return ResizedStore("pictures", side=SIDE, pause=pauses.append, endpoint=url, **REACH)


def drawn(width: int, height: int, kind: str = "JPEG", **how: Any) -> bytes:
    """Grey that grows from left to right."""
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(np.broadcast_to(ramp, (height, width))).convert("RGB").save(out, kind, **how)
    return out.getvalue()


def size_of(data: bytes) -> tuple[str | None, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as image:
        return image.format, image.size


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        ("JPEG", (800, 400), (200, 100)),
        ("PNG", (300, 900), (100, 300)),
        ("WEBP", (400, 400), (100, 100)),
        ("BMP", (101, 500), (100, 495)),
        ("JPEG", (90, 3000), (90, 3000)),
        ("JPEG", (60, 40), (60, 40)),
    ],
)
def test_the_shorter_side_is_the_one_asked_for(
    plain: OssStore, resized: ResizedStore, kind: str, size: tuple[int, int],
    expected: tuple[int, int],
) -> None:  # fmt: skip
    """Proportions and format stay, nothing is enlarged, and the object is the stored one."""
    plain.put("a", drawn(*size, kind), if_absent=False)

    found = resized.get("a", LIMIT)

    assert found is not None
    assert found.meta == plain.head("a")
    assert found.data is not None
    assert size_of(found.data) == (kind, expected)


def test_a_turned_picture_arrives_upright(plain: OssStore, resized: ResizedStore) -> None:
    """What EXIF turns by a quarter is turned once, by OSS, and not again here."""
    exif = Image.Exif()
    exif[0x0112] = 6  # clockwise, so that left is on top
    plain.put("a", drawn(800, 400, exif=exif), if_absent=False)

    found = resized.get("a", LIMIT)

    assert found is not None
    assert found.data is not None
    pixels = decode(found.data, read_header(found.data, Limits()), SIDE)
    assert pixels.shape == (200, 100, 3)
    assert pixels[:20].mean() < 30
    assert pixels[-20:].mean() > 225


@pytest.mark.parametrize(
    "data", [b"no picture", drawn(400, 400, "GIF"), b"", drawn(800, 400)[:-900]]
)
def test_what_is_not_resized_comes_as_it_is(
    plain: OssStore, resized: ResizedStore, data: bytes
) -> None:
    """An object that OSS refuses to process is got as without the option."""
    plain.put("a", data, if_absent=False)

    assert resized.get("a", LIMIT) == plain.get("a", LIMIT)


def test_the_limit_holds_for_what_is_stored_and_what_arrives(
    plain: OssStore, resized: ResizedStore
) -> None:
    """Too many stored bytes are not read; a resized picture that is larger is not taken."""
    data = drawn(90, 90, quality=5)
    plain.put("small", data, if_absent=False)
    plain.put("large", drawn(800, 400), if_absent=False)

    over, exact = resized.get("large", 3000), resized.get("small", len(data))

    present = plain.head("large")
    assert present is not None
    assert present.size > 3000
    assert over == Object(present, None)
    assert exact is not None
    assert exact.data == data


@pytest.mark.parametrize(("limit", "expected"), [(5, b"12345"), (4, BODY)])
def test_a_resized_body_may_have_no_length(limit: int, expected: bytes) -> None:
    """It then ends with the connection, and is read as far as the limit goes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made = "x-oss-process" in self.path
            self.send_response(200)
            headers = {} if made else {"Content-Length": str(len(BODY))}
            for name, value in {"ETag": f'"{ETAG}"', "Last-Modified": STAMP, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"12345" if made else BODY)

        do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found = opened(f"http://127.0.0.1:{server.server_port}", []).get("a", limit)
        server.shutdown()
        thread.join()

    assert found is not None
    assert found.data == expected


def test_what_is_not_wanted_is_not_got() -> None:
    """Its version is told, and one request is all that it costs."""
    with liar(reply()) as (url, asked):
        found = opened(url, []).get("a", LIMIT, lambda meta: meta.size != len(BODY_STORED))

    assert found is not None
    assert (found.data, len(asked)) == (None, 1)


def test_what_is_not_there_is_none(resized: ResizedStore) -> None:
    """No object, no error."""
    assert resized.get("nothing", LIMIT) is None


def test_a_resized_body_cut_short_is_transient() -> None:
    """Its length is checked, for there is no MD5 of it."""
    answers = reply(), reply(b"1234", Content_Length="5")
    with liar(*answers) as (url, _), pytest.raises(TransientError, match="4 of 5 resized bytes"):
        opened(url, []).get("a", LIMIT)


@pytest.mark.parametrize(
    ("written", "pauses"),
    [("Tue, 01 Nov 2022 08:00:00 GMT", []), ("Tue, 01 Nov 2822 08:00:00 GMT", [1.0])],
)
def test_a_fresh_object_is_left_to_settle(written: str, pauses: list[float]) -> None:
    """Only what was written in this very second is waited for, and for no longer than that."""
    waited: list[float] = []
    with liar(reply(Last_Modified=written), reply(b"small")) as (url, asked):
        found = opened(url, waited).get("a", LIMIT)

    assert found is not None
    assert (found.data, waited, len(asked)) == (b"small", pauses, 2)
    assert asked[1].endswith(
        "x-oss-process=image%2Fresize%2Cm_mfit%2Cw_100%2Ch_100%2Climit_1%2Fauto-orient%2C1%2Fquality%2CQ_90"
    )


def test_a_picture_replaced_while_it_is_got_is_got_again(
    plain: OssStore, endpoint: oss.OssEndpoint
) -> None:
    """A result never names one object and tells of another, whenever that one came."""
    plain.put("in/a", drawn(800, 400), if_absent=False)
    later = [drawn(900, 300)]

    def replace(_seconds: float) -> None:
        if later:
            plain.put("in/a", later.pop(), if_absent=False)

    images = ResizedStore("pictures", side=SIDE, pause=replace, endpoint=endpoint.url, **REACH)

    def answer(source: Source, data: bytes | None) -> dict[str, Any]:
        assert data is not None
        return {"status": "classified", "version": source.version, "size": size_of(data)[1]}

    Reconciler(images, Place("pictures", "in/"), plain, Place("pictures", "out/"), answer,
               LIMIT).reconcile("in/a")  # fmt: skip

    made, present = plain.get("out/a.json", LIMIT), plain.head("in/a")
    assert made is not None
    assert made.data is not None
    assert present is not None
    assert json.loads(made.data) == {
        "status": "classified", "version": present.version, "size": [300, 100],
    }  # fmt: skip
