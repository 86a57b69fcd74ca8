"""The console over HTTP: who may ask, what is told, what can be done."""

import http.client
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from fanlight import failure
from fanlight.document import to_bytes
from fanlight.reconcile import RESULT_LIMIT
from tests.console.mendable import BUCKET, Running, listening, running
from tests.results.made import classified, failed
from tools.console.console import Console
from tools.console.guard import Forbidden, require_host, require_own_page
from tools.console.watch import Watch
from tools.events import oss_event
from tools.letters import LETTER_LIMIT
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.samples import sample
from tools.template import from_source, project_template, read_template

ACTIONS = ["/upload?target=0&name=a.png", "/samples?target=0", "/replay?letter=x"]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("code")) as everything:
        yield everything


def asked(
    url: str, path: str = "/", method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer to exactly these headers."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request(method, path, headers={"Host": place.netloc, **(headers or {})})
    answer = connection.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    text = (
        "" if told.get("content-type") == "text/event-stream" else answer.read().decode("latin-1")
    )
    connection.close()
    return answer.status, told, text


@pytest.mark.parametrize("host", ["evil.example:{0}", "127.0.0.1", "127.0.0.1:1", "localhost",
                                  "127.0.0.1.evil.example:{0}", "", "[::1]:{0}"])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/console.js", "/events", "/nothing"])
def test_it_answers_to_its_own_name_alone(up: Running, host: str, path: str) -> None:
    """A name that somebody made point here is told no, on either port."""
    for url in (up.console.url, up.console.objects_url):
        port = urlsplit(url).port
        status, _, text = asked(url, path, headers={"Host": host.format(port)})

        assert status == 403
        assert f"this port answers to 127.0.0.1:{port} and localhost:{port} alone" in text


def test_localhost_is_its_name_too(up: Running) -> None:
    """The page can be opened by either name."""
    port = urlsplit(up.console.url).port

    assert asked(up.console.url, headers={"Host": f"localhost:{port}"})[0] == 200


def test_the_port_of_http_need_not_be_named() -> None:
    """A browser does not send it, in Host nor in Origin; another port must be there."""
    environ: dict[str, Any] = {"SERVER_PORT": "80", "HTTP_HOST": "localhost"}
    require_host(environ)
    require_own_page({**environ, "HTTP_ORIGIN": "http://localhost"}, change=True)

    for told in ({"SERVER_PORT": "9602"}, {"HTTP_HOST": "evil.example"}):
        with pytest.raises(Forbidden):
            require_host({**environ, **told})


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:{objects}", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:{page}"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:{page}", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", [*ACTIONS, "/events"])
def test_no_other_page_may_act_or_listen(up: Running, headers: dict[str, str], path: str) -> None:
    """What the browser says of where a request comes from is believed."""
    ports = {
        "page": urlsplit(up.console.url).port,
        "objects": urlsplit(up.console.objects_url).port,
    }
    told = {name: value.format(**ports) for name, value in headers.items()}
    status, _, text = asked(up.console.url, path, "GET" if path == "/events" else "POST", told)

    assert (status, json.loads(text)) == (
        403, {"error": f"this is for the page at {up.console.url} alone"},
    )  # fmt: skip


@pytest.mark.parametrize("path", ACTIONS)
def test_who_acts_says_where_from(up: Running, path: str) -> None:
    """Every browser does; a request that says nothing changes nothing."""
    status, _, text = asked(up.console.url, path, "POST")

    assert (status, json.loads(text)) == (
        403, {"error": f"send Origin: {up.console.url}, as the page does"},
    )  # fmt: skip


@pytest.mark.parametrize("path", ACTIONS)
def test_a_link_changes_nothing(up: Running, path: str) -> None:
    """GET is refused where something would be done."""
    assert asked(up.console.url, path)[0] == 405


@pytest.mark.parametrize("path", ["/", "/console.js", "/console.css", "/events", "/nothing",
                                  "/../pyproject.toml", "/page.py"])  # fmt: skip
def test_every_answer_keeps_the_page_to_itself(up: Running, path: str) -> None:
    """No script but the page's own files, no frame around it, no guess at a type."""
    status, headers, _ = asked(up.console.url, path)

    assert status == (200 if path in ("/", "/console.js", "/console.css", "/events") else 404)
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    port = urlsplit(up.console.objects_url).port
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": f"'self' http://127.0.0.1:{port} http://localhost:{port}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_it_is_there_for_this_machine_alone(up: Running) -> None:
    """Another address, even of the same machine, is refused."""
    for url in (up.console.url, up.console.objects_url):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", urlsplit(url).port or 0), timeout=5)


def object_of(up: Running, key: str, **how: Any) -> tuple[int, dict[str, str], str]:
    query = requests.compat.urlencode({"bucket": BUCKET, "key": key})
    return asked(up.console.objects_url, f"/?{query}", **how)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sample("7-00000.png"), "image/png"),
        (sample("pasted.jpg"), "image/jpeg"),
        (b"<html><script>alert(1)</script>", None),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', None),
        (b"", None),
        (b"GIF89a<script>alert(1)</script>", "image/gif"),
    ],
    ids=["png", "jpeg", "html", "svg", "empty", "half a gif"],
)
def test_an_object_is_shown_for_what_it_is(up: Running, body: bytes, kind: str | None) -> None:
    """Whatever its uploader calls it: a picture by its first bytes, or something to download."""
    key = "elsewhere/ü +&<b>.html"
    up.bucket.put_object(key, body, headers={"Content-Type": "text/html",
                                             "Content-Disposition": "inline"})  # fmt: skip
    status, headers, text = object_of(up, key)

    assert (status, text.encode("latin-1")) == (200, body)
    assert headers["content-type"] == (kind or "application/octet-stream")
    disposition = None if kind else "attachment; filename=object.bin"
    assert headers.get("content-disposition") == disposition
    assert headers["x-content-type-options"] == "nosniff"
    policy = "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert headers["content-security-policy"] == policy


def test_objects_can_be_read_and_nothing_else(up: Running) -> None:
    """By this machine's pages; what is not there is said to be missing."""
    assert object_of(up, "none")[0] == 404
    assert asked(up.console.objects_url, "/?bucket=none&key=a")[0] == 404
    assert asked(up.console.objects_url)[0] == 404
    assert object_of(up, "none", method="DELETE")[0] == 405
    up.bucket.put_object("elsewhere/a.png", sample("7-00000.png"))
    for site, status in [("cross-site", 403), ("same-site", 200), ("none", 200)]:
        assert object_of(up, "elsewhere/a.png", headers={"Sec-Fetch-Site": site})[0] == status


def test_an_upload_is_told_from_its_event_to_its_result(up: Running) -> None:
    """The stream has each state of the invocation and the instance, and the result."""
    with listening(up.console.url) as told:
        first = next(told)
        answer = up.post("/upload", sample("7-00000.png"), target="0", name="told/7.png")
        key = "input/digits/told/7.png"
        seen: list[dict[str, Any]] = []
        while not {"result", "done"} <= {record.get("state", record["kind"]) for record in seen}:
            seen += next(told)["records"]

    assert first["cloud"]["targets"][0] == {
        "function": "fanlight-digits", "bucket": BUCKET, "prefix": "input/digits/", "suffix": "",
        "wants": "", "samples": True,
    }  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, {"keys": [key], "unheard": []})
    mine = [record for record in seen if record["kind"] == "invocation" and record["key"] == key]
    assert [record["state"] for record in mine] == ["queued", "running", "done"]
    assert mine[-1]["ms"] > 0
    (result,) = [record for record in seen if record["kind"] == "result"]
    version = up.bucket.head_object(key)
    assert {**result, "at": 0, "top": result["top"][0][0]} == {
        "kind": "result", "id": f"{BUCKET}/output/digits/told/7.png.json", "at": 0,
        "bucket": BUCKET, "key": key, "status": "classified", "model": "digits", "decision": None,
        "version": f"{version.etag}-{version.content_length}-{version.last_modified}", "top": "7",
    }  # fmt: skip
    states = [record["state"] for record in seen if record["kind"] == "instance"]
    assert states[-2:] == ["busy", "warm"]


def test_a_page_goes_on_where_it_was(up: Running) -> None:
    """With the place it had last it is told what came since, and nothing twice."""
    with listening(up.console.url) as told:
        before = next(told)
    up.watch.line("fanlight-digits", "while it was away")
    with listening(up.console.url, before["place"]) as told:
        after = next(told)

    assert "cloud" in before
    assert "cloud" not in after
    assert [record["text"] for record in after["records"]] == ["while it was away"]


def streams() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_a_page_that_does_not_read_holds_nobody_up(up: Running) -> None:
    """Others are told what happens, and it is let go of once it has gone."""
    place = urlsplit(up.console.url)
    slow = socket.create_connection((place.hostname, place.port))
    slow.sendall(f"GET /events HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
    with listening(up.console.url) as told:
        next(told)
        for _ in range(10_000):
            up.watch.line("fanlight-digits", "x" * 2000)
        up.watch.line("fanlight-digits", "the last")
        while not any(record.get("text") == "the last" for record in next(told)["records"]):
            pass
        open_streams = streams()
    slow.close()
    until = time.monotonic() + 20
    while streams() > open_streams - 2 and time.monotonic() < until:
        up.watch.line("fanlight-digits", "who is there?")  # it is noticed when it is told something
        time.sleep(0.05)

    assert streams() <= open_streams - 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"target": "9", "name": "a.png"}, 400),
        ({"target": "-9", "name": "a.png"}, 400),
        ({"target": "-1", "name": "a.png"}, 400),
        ({"target": "x", "name": "a.png"}, 400),
        ({"target": "0", "name": ""}, 502),
        ({"target": "0", "name": "//"}, 502),
        ({"target": "0", "name": "a" * 1100}, 502),
    ],
)
def test_what_cannot_be_stored_is_said(up: Running, query: dict[str, str], status: int) -> None:
    """With a reason, and nothing is put anywhere."""
    answer = up.post("/upload", b"x", **query)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_large_upload_is_never_whole_in_memory(up: Running, tmp_path: Path) -> None:
    """It goes from the page's connection to the endpoint by way of the disk, piece by piece."""
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 2**17)
    with file.open("rb") as body:
        tracemalloc.start()
        answer = up.post("/upload", body, target="0", name="large.txt")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert answer.status_code == 200
    assert up.bucket.get_object("input/digits/large.txt").read() == file.read_bytes()
    assert peak < file.stat().st_size / 3


def test_a_rejected_picture_is_told_with_its_reason(up: Running) -> None:
    """Code and message, for a page to show."""
    up.post("/upload", b"no picture", target="0", name="words.png")

    record = up.record("result", lambda found: found["key"].endswith("words.png"))

    assert (record["status"], record["reason"]) == ("rejected", "not_an_image")
    assert record["message"] == "the bytes are not those of an image"


def test_a_dead_letter_is_replayed_and_then_done(up: Running) -> None:
    """Its event is given to the function once more; what says that it is done is the result."""
    up.post("/upload", sample("7-00000.png"), target="0", name="poison.png")
    letter = up.record("letter", lambda found: "poison" in str(found["source"]))
    failed = up.record("invocation", lambda found: found["state"] == "failed")
    again = up.post("/replay", letter=letter["id"])
    up.record("letter", lambda found: found["state"] == "again")
    up.mend()
    last = up.post("/replay", letter=letter["id"])
    done = up.record("letter", lambda found: found["state"] == "done")

    assert {**letter, "at": 0, "key": "", "id": ""} == {
        "kind": "letter", "id": "", "at": 0, "bucket": BUCKET, "key": "", "state": "open",
        "source": {"bucket": BUCKET, "key": "input/digits/poison.png"},
        "function": "fanlight-digits", "attempts": 2, "suspected": True,
        "error": "OSError: the disk is full",
    }  # fmt: skip
    assert (failed["error"], failed["attempts"]) == ("OSError: the disk is full", 2)
    assert (again.status_code, last.status_code) == (200, 200)
    assert done["source"] == letter["source"]
    assert up.bucket.object_exists("output/digits/poison.png.json")


def test_a_letter_is_replayed_without_its_neighbours(up: Running) -> None:
    """An event is filed whole with each of its keys; done again is the one that was asked for."""
    names = [f"input/digits/gone {number}.png" for number in range(2)]
    records = [oss_event(BUCKET, name)["events"][0] for name in names]
    letter = failed(None, source={"bucket": BUCKET, "key": names[1]}, event={"events": records})
    up.bucket.put_object("failed/neighbours.json", json.dumps(letter))
    found = up.record("letter", lambda one: one["key"] == "failed/neighbours.json")

    request = up.post("/replay", letter=found["id"]).json()["request_id"]

    record = up.record("invocation", lambda one: one["id"] == request)
    assert (record["key"], record["keys"]) == (names[1], 1)


def test_a_letter_that_has_gone_is_not_replayed(up: Running) -> None:
    """It is forgotten, as it would be by who looks now."""
    up.cloud.invoke_async("fanlight-digits", b'{"events": []}')
    letter = up.record("letter", lambda found: found["source"] is None)
    up.bucket.delete_object(letter["key"])
    answer = up.post("/replay", letter=letter["id"])

    assert (answer.status_code, answer.json()) == (410, {"error": "the letter has gone"})
    assert letter["id"] not in [found["id"] for found in up.watch.feed.all("letter")]


def test_a_letter_of_another_function_is_not_replayed(up: Running) -> None:
    """The template has no such function, and it is said which there are."""
    document = {
        "schema": "fanlight.failure/1", "request_id": "r", "condition": "", "attempts": 1,
        "function": "acs:fc:cn-hangzhou:0:functions/another", "source": None, "suspected": False,
        "error": {"type": "E", "message": "m"}, "event": {},
    }  # fmt: skip
    up.bucket.put_object("failed/other.json", json.dumps(document))
    letter = up.record("letter", lambda found: found["function"] == "another")
    answer = up.post("/replay", letter=letter["id"])

    assert answer.status_code == 409
    assert answer.json()["error"].startswith("there is no function another; the template has")


def test_a_letter_may_be_longer_than_a_result(up: Running) -> None:
    """It holds its event; what is longer than any letter is none, as for `fanlight run`."""
    letter = failed("long.png", event="e" * RESULT_LIMIT)
    up.bucket.put_object("failed/over.json", json.dumps({**letter, "event": "e" * LETTER_LIMIT}))
    up.bucket.put_object("failed/long.json", json.dumps(letter))
    up.record("letter", lambda found: found["key"] == "failed/long.json")

    assert "failed/over.json" not in [found["key"] for found in up.watch.feed.all("letter")]


HOSTILE = [
    failed("a.png", attempts=float("inf")),
    failed("\ud800.png"),
    failed(None, source={"bucket": "\ud800", "key": "input/digits/a.png"}),
    failed(None, source={}),
    failed(None, source=[]),
    failed("k" * 900_000),
    classified("a.png", ("7", float("nan"))),
    classified("a.png", ("7", float("inf")), ("l" * 900_000, 0.1)),
    classified("a.png", ("7", 0.5), decision={"a": 1}),
]


@pytest.mark.parametrize("document", HOSTILE, ids=map(str, range(len(HOSTILE))))
def test_a_hostile_document_harms_no_page(up: Running, document: dict[str, Any]) -> None:
    """What comes after it is still shown, all that is told is JSON, and little of it."""
    folder = "failed/2026-11-26" if document["schema"] == failure.SCHEMA else "output/digits"
    up.bucket.put_object(f"{folder}/hostile.json", json.dumps(document))
    up.bucket.put_object("output/digits/next.json", to_bytes(classified("next.png", ("7", 0.5))))
    up.record("result", lambda found: found["key"] == "input/next.png")
    told = [*up.watch.feed.all("result"), *up.watch.feed.all("letter")]
    for name in (f"{folder}/hostile.json", "output/digits/next.json"):
        up.bucket.delete_object(name)
        up.watch.feed.remove("result", f"{BUCKET}/{name}")
        up.watch.feed.remove("letter", f"{BUCKET}/{name}")

    assert len(json.dumps(told, allow_nan=False)) < 20_000
    assert all(record["source"] is None or record["source"]["key"] for record in told
               if record["kind"] == "letter")  # fmt: skip


def test_an_object_that_cannot_be_read_ends_nothing(
    up: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a large one the file can be lost; it is logged, and the next is shown."""
    up.bucket.put_object("output/digits/lost.json", large := b" " * 70_000)
    folder = up.cloud.endpoint.store.arriving.parent
    (file,) = [
        path for path in folder.rglob("*") if path.is_file() and path.stat().st_size == len(large)
    ]
    file.unlink()
    watch = Watch()
    with Console(up.cloud, watch):
        started = Running(up.cloud, up.console, watch, up.code)
        up.bucket.put_object(
            "output/digits/last.json", to_bytes(classified("last.png", ("7", 0.5)))
        )
        watch.documents.created(BUCKET, "output/digits/last.json")  # type: ignore[union-attr]
        started.record("result", lambda found: found["key"] == "input/last.png")

    assert "error while reading 'output/digits/lost.json'" in caplog.text


def test_what_was_there_before_is_shown() -> None:
    """Results and letters that a kept bucket has when the console starts, and counts of now."""
    template = from_source(read_template(project_template()))
    watch = Watch()
    with LocalCloud(template, Options(instances=1, on_news=watch.news)) as cloud:
        up = Running.__new__(Running)
        up.cloud, up.watch = cloud, watch
        up.__post_init__()
        up.bucket.put_object("input/digits/7.png", sample("7-00000.png"))
        assert cloud.drain()
        with Console(cloud, watch):
            record = up.record("result", lambda found: found["key"] == "input/digits/7.png")
        counts = watch.counts(cloud.load().unfinished)

    assert record["top"][0][0] == "7"
    assert counts == {"queued": 0, "running": 0, "done": 1, "failed": 0, "retried": 0}


def test_a_stream_ends_with_the_console(up: Running) -> None:
    """Stopping does not wait for pages, and they notice."""
    watch = Watch()
    with Console(up.cloud, watch) as console, listening(console.url) as told:
        next(told)
        console.stop()

        assert list(told) == []
