"""Hostile pages in the same browser as the console: what they send, show and listen to."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from fanlight.errors import ConfigError
from tests.console.mendable import BUCKET, Running, listening, running
from tools.console.screenshot import browser
from tools.localcloud.server import WsgiServer
from tools.samples import sample

pytestmark = pytest.mark.browser

# Each way a page has of sending something, and of a body that is no small one.
SEND = """async url => {
    const to = `${url}/upload?target=0&name=stolen.png`;
    const body = new Blob([new Uint8Array(5e6)], { type: "text/plain" });
    const tries = [
        fetch(to, { method: "POST", mode: "no-cors", body }),
        fetch(to, { method: "POST", body }),
        fetch(to, { method: "PUT", body }),
        fetch(to, { method: "POST", mode: "no-cors", body, referrerPolicy: "no-referrer" }),
        fetch(`${url}/samples?target=0`, { method: "POST", mode: "no-cors" }),
    ];
    navigator.sendBeacon(to, "x");
    const told = await Promise.allSettled(tries);
    return told.map((one) => one.status === "rejected" ? "refused" : one.value.type);
}"""

SUBMIT = """url => {
    const form = document.body.appendChild(document.createElement("form"));
    const action = `${url}/upload?target=0&name=stolen.png`;
    Object.assign(form, { action, method: "post", enctype: "text/plain" });
    form.append(Object.assign(document.createElement("input"), { name: "a", value: "x" }));
    setTimeout(() => form.submit());
}"""

# What it can get to load or be shown, of the page or of an object.
LOAD = """async ([tag, url]) => {
    const element = document.createElement(tag);
    const told = new Promise((done) => {
        element.onload = () => done("loaded");
        element.onerror = () => done("refused");
    });
    if (tag === "link") Object.assign(element, { rel: "stylesheet", href: url });
    else element.src = url;
    document.body.append(element);
    return await told;
}"""

LISTEN = """url => new Promise((told) => {
    const source = new EventSource(`${url}/events`);
    source.onmessage = () => told("heard");
    source.onerror = () => told(source.readyState === EventSource.CLOSED ? "refused" : "lost");
})"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("code")) as everything:
        yield everything


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        # Both names are of this machine, as for a name that somebody makes point here.
        with browser("--host-resolver-rules=MAP *.example 127.0.0.1") as started:
            yield started
    except ConfigError as error:
        pytest.skip(str(error))


def blank(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<!doctype html><title>other</title><body>"]


@pytest.fixture(params=["127.0.0.1", "localhost", "evil.example"])
def other(request: pytest.FixtureRequest, chromium: Any) -> Iterator[Any]:
    """A page of another port of this machine, or of what the browser takes for another machine."""
    server, opened = WsgiServer(blank), chromium.new_page()
    server.start()
    opened.goto(f"http://{request.param}:{urlsplit(server.url).port}")
    yield opened
    opened.close()
    server.stop()


def test_it_changes_nothing(other: Any, up: Running) -> None:
    """By no request that a page can make, however large, and it learns of no answer."""
    before = [entry.key for entry in up.bucket.list_objects().object_list]

    assert other.evaluate(SEND, up.console.url) == ["refused"] * 5
    with other.expect_navigation() as sent:
        other.evaluate(SUBMIT, up.console.url)
    assert sent.value.status == 403
    assert [entry.key for entry in up.bucket.list_objects().object_list] == before
    assert up.watch.feed.all("invocation") == []


def test_it_hears_and_holds_nothing(other: Any, up: Running) -> None:
    """No stream opens for it, by whatever element it asks for one."""
    assert other.evaluate(LISTEN, up.console.url) == "refused"
    for tag in ("img", "script", "link"):
        assert other.evaluate(LOAD, [tag, f"{up.console.url}/events"]) == "refused"
    assert other.evaluate(LOAD, ["img", f"{up.console.url}/icon.svg"]) == "refused"
    assert other.evaluate(LOAD, ["script", f"{up.console.url}/words.js"]) == "refused"
    with listening(up.console.url) as told:  # there is room for every stream that there may be
        next(told)


def test_it_frames_nothing(other: Any, up: Running) -> None:
    """Neither the page, on which a click would do something, nor an object."""
    up.bucket.put_object("elsewhere/a.png", sample("7-00000.png"))
    for url in (f"{up.console.url}/",
                f"{up.console.objects_url}/?bucket={BUCKET}&key=elsewhere/a.png"):  # fmt: skip
        other.evaluate(LOAD, ["iframe", url])
        other.wait_for_function(
            "() => { try { return window[0].location.href === 'x' } catch { return true } }"
        )
        assert other.frames[-1].url == "chrome-error://chromewebdata/"


def test_a_name_that_points_here_opens_nothing(chromium: Any, up: Running) -> None:
    """The page of that name would be of the console's own origin, so it is not served at all."""
    for url in (up.console.url, up.console.objects_url):
        opened = chromium.new_page()
        answer = opened.goto(url.replace("127.0.0.1", "evil.example"))
        assert answer.status == 403
        opened.close()
