"""The streams of open pages: a bounded number of them, in bounded pieces, ended with their page."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.console.mendable import Running, listening, running
from tests.console.test_console import streams
from tools.console.feed import MOST as RECORDS
from tools.console.feed import Feed
from tools.console.streams import MOST, Streams, TooMany

LARGEST_PIECE = 100_000


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("code")) as everything:
        yield everything


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def of(feed: Feed) -> Streams:
    return Streams(feed, lambda: {"queued": 1}, lambda: {"objects": "2"})


def status(up: Running) -> tuple[int, str]:
    """What one more page is answered."""
    connection = http.client.HTTPConnection(urlsplit(up.console.url).netloc, timeout=20)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    text = "" if answer.status == 200 else str(json.loads(answer.read())["error"])
    answer.close()
    connection.close()
    return answer.status, text


def test_there_are_only_so_many_streams(up: Running) -> None:
    """One more is told so and what to do; those that are open go on, and a closed one makes room.

    Nothing happens meanwhile by which it could be noticed.
    """
    with ExitStack() as opened:
        told = [opened.enter_context(listening(up.console.url)) for _ in range(MOST)]
        for one in told:
            next(one)
        threads = streams()
        refused = [status(up) for _ in range(5)]
        until(lambda: streams() <= threads)
        up.watch.line("fanlight-digits", "still there")
        last = [next(one)["records"][-1]["text"] for one in told]

    message = f"{MOST} pages look on, and no more can: close one, or stop what else listens"
    assert refused == [(503, message)] * 5
    assert last == ["still there"] * MOST
    until(lambda: status(up)[0] == 200)


def test_a_stream_ends_with_its_page(up: Running) -> None:
    """Though nothing is told that it could fail to be sent, its thread does not stay."""
    until(lambda: streams() == 0)
    place = urlsplit(up.console.url)
    for how in (socket.SHUT_WR, socket.SHUT_RDWR):
        with socket.create_connection((place.hostname, place.port), timeout=20) as page:
            page.sendall(f"GET /events HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
            assert page.recv(15) == b"HTTP/1.1 200 OK"
            assert streams() == 1
            page.shutdown(how)
            until(lambda: streams() == 0, 12)  # a comment, which would find it out, comes after 15


def test_much_is_told_in_pieces() -> None:
    """Of any number of long records no more than a piece is in memory for each page."""
    feed = Feed()
    for number in range(RECORDS):
        feed.put("line", str(number), text="\x01" * 2000)
    stream = of(feed).open("")
    pieces = [next(stream)]
    while not pieces[-1].endswith(b"\n\n") or len(pieces) < 2:
        pieces.append(next(stream))
    stream.close()
    retry, text = b"".join(pieces).decode().removesuffix("\n\n").split("\n\n")
    place, data = text.split("\n")
    whole = feed.after("", 0)

    assert whole is not None
    assert (retry, place) == ("retry: 1000", f"id: {whole.place}")
    assert json.loads(data.removeprefix("data: ")) == {
        "counts": {"queued": 1}, "cloud": {"objects": "2"}, "records": whole.records,
    }  # fmt: skip
    assert max(map(len, pieces)) < LARGEST_PIECE


def test_a_stream_that_nobody_reads_takes_no_place() -> None:
    """A page that goes before it was told a thing leaves room for the next."""
    every = of(Feed())
    for _ in range(3):
        taken = [every.open("") for _ in range(MOST)]
        with pytest.raises(TooMany):
            every.open("")
        for stream in taken:
            stream.close()
