"""What the console refuses by the headers alone: no body of it is waited for, read or kept."""

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.console.mendable import Running, running
from tools.console.uploads import LARGEST
from tools.samples import sample

UPLOAD = "/upload?target=0&name=refused.png"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("code")) as everything:
        yield everything


def own(up: Running) -> dict[str, str]:
    return {"Host": urlsplit(up.console.url).netloc, "Origin": up.console.url}


def begun(up: Running, headers: dict[str, str], method: str = "POST", path: str = UPLOAD) -> Any:
    """A connection on which nothing but the headers of a request was sent."""
    place = urlsplit(up.console.url)
    client = socket.create_connection((place.hostname, place.port), timeout=20)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {told}" for name, told in headers.items())]
    client.sendall("\r\n".join([*lines, "", ""]).encode())
    return client


def answered(client: socket.socket) -> tuple[int, Any]:
    """Status and document of what comes until the server has nothing more to say."""
    answer = http.client.HTTPResponse(client)
    answer.begin()
    document = json.loads(answer.read())
    assert client.recv(1) == b""  # and no more comes
    return answer.status, document


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "foreign",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
     {"Sec-Fetch-Site": "cross-site"}],
    ids=["host", "origin", "no origin", "site"],
)  # fmt: skip
def test_a_body_of_another_page_is_not_waited_for(
    up: Running, method: str, foreign: dict[str, str]
) -> None:
    """It is told no before it has sent a byte of it, and its connection ends."""
    with begun(up, {**own(up), "Content-Length": str(LARGEST), **foreign}, method) as client:
        status, document = answered(client)

    assert status == (405 if method == "PUT" and "Host" not in foreign else 403)
    assert document["error"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "error"),
    [
        (UPLOAD, {"Content-Length": str(LARGEST + 1)}, 413, "a picture has at most 100 MB here"),
        (UPLOAD, {"Content-Length": "9" * 5000}, 400, "Content-Length is no number of bytes"),
        (UPLOAD, {"Content-Length": "-1"}, 400, "Content-Length is no number of bytes"),
        (UPLOAD, {"Content-Length": "1_0"}, 400, "Content-Length is no number of bytes"),
        (UPLOAD, {"Transfer-Encoding": "chunked"}, 411,
         "say how long the body is: send Content-Length"),
        ("/replay?letter=x", {"Content-Length": "1"}, 413, "nothing is taken here"),
        ("/samples?target=0", {"Content-Length": "1"}, 413, "nothing is taken here"),
        ("/nothing", {"Content-Length": "1"}, 413, "nothing is taken here"),
    ],
)  # fmt: skip
def test_a_body_that_is_too_large_is_not_read(
    up: Running, path: str, headers: dict[str, str], status: int, error: str
) -> None:
    """It is refused by what it says of its length, in words for the page."""
    with begun(up, {**own(up), **headers}, path=path) as client:
        assert answered(client) == (status, {"error": error})


def test_who_sends_on_has_the_answer(up: Running) -> None:
    """Many clients listen only once they have sent everything; their connection is not reset."""
    place = urlsplit(up.console.url)
    for _ in range(5):
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        headers = {"Origin": "http://evil.example"}
        connection.request("POST", UPLOAD, bytes(20_000_000), headers)
        assert connection.getresponse().status == 403
        connection.close()

    assert not up.bucket.object_exists("input/digits/refused.png")


def test_who_waits_for_leave_is_told_no_or_yes(up: Running) -> None:
    """A client that asks before it sends a body is refused at once, or told to go on."""
    body = sample("7-00000.png")
    asking = {**own(up), "Expect": "100-continue", "Content-Length": str(len(body))}
    with begun(up, {**asking, "Origin": "null"}) as client:
        assert answered(client)[0] == 403
    with begun(up, {**asking, "Connection": "close"}, path="/upload?target=0&name=a.png") as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        status, document = answered(client)

    assert (status, document) == (200, {"keys": ["input/digits/a.png"], "unheard": []})
    assert up.bucket.get_object("input/digits/a.png").read() == body


def test_what_was_sent_after_a_refusal_is_no_request(up: Running) -> None:
    """The body of a refused request may look like one; nobody reads it as that."""
    hidden = f"POST /samples?target=0 HTTP/1.1\r\nHost: {own(up)['Host']}\r\n\r\n".encode()
    with begun(up, {**own(up), "Origin": "null", "Content-Length": str(len(hidden))}) as client:
        client.sendall(hidden)
        assert answered(client)[0] == 403
