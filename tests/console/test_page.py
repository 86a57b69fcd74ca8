"""The console's page in Chromium: what a person does there, and what others try."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fanlight.errors import ConfigError
from tests.console.mendable import BUCKET, Running, listening, running
from tests.results.made import classified, failed, rejected
from tools.console.console import Console
from tools.console.screenshot import browser
from tools.console.streams import MOST
from tools.console.watch import Watch
from tools.samples import sample

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>.png"

DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    const fire = (kind) => document.querySelector("#results").dispatchEvent(
        new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    fire("dragover");
    const over = !document.querySelector("#over").hidden;
    fire("drop");
    return [over, document.querySelector("#over").hidden];
}"""

# Each state an instance or an event is seen in, as it is drawn.
OBSERVE = """() => {
    window.seen = [];
    const look = () => {
        for (const chip of document.querySelectorAll("#instances .chip, #events .chip")) {
            const state = chip.dataset.state;
            if (seen.at(-1) !== state && !seen.includes(state)) seen.push(state);
        }
    };
    new MutationObserver(look).observe(document.body,
        { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        with browser() as started:
            yield started
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("code")) as everything:
        yield everything


@pytest.fixture
def page(chromium: Any, up: Running) -> Iterator[Any]:
    """The console, in a window of its own; it must run no script but its own and say no error."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
    wrong: list[str] = []

    def dismissed(dialog: Any) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    opened.context.on("dialog", dismissed)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(up.console.url)
    opened.locator("#link[data-state=live]").wait_for()
    opened.locator("#target option").first.wait_for(state="attached")
    yield opened
    opened.close()
    assert wrong == []


def drop(page: Any, name: str, data: bytes) -> list[bool]:
    shown: list[bool] = page.evaluate(DROP, [name, base64.b64encode(data).decode()])
    return shown


def choose(page: Any, name: str, data: bytes) -> None:
    page.set_input_files("#files", {"name": name, "mimeType": "text/html", "buffer": data})


def card(page: Any, name: str) -> Any:
    found = page.locator(".card", has=page.locator(".name", has_text=name))
    found.wait_for()
    return found


def test_a_dead_letter_is_replayed_by_its_button(page: Any, up: Running) -> None:
    """A picture that cannot be classified at first is, once what was wrong is mended."""
    page.evaluate(OBSERVE)
    drop(page, "poison.png", sample("7-00000.png"))
    letter = page.locator(".letter")
    letter.wait_for()
    before = letter.locator(".name, .error").all_text_contents()
    seen = page.evaluate("seen")
    up.mend()
    letter.get_by_role("button", name="Replay").click()
    letter.get_by_role("button", name="Done since").wait_for()

    assert before == ["poison.png", "OSError: the disk is full"]
    assert [state for state in seen if state in ("cold", "busy", "warm")] == [
        "cold",
        "busy",
        "warm",
    ]
    assert "failed" in seen
    assert letter.get_by_role("button").is_disabled()
    assert card(page, "poison.png").locator(".label").text_content() == "7"
    assert page.locator("#letters .badge").text_content() == ""


def test_a_dropped_picture_has_its_result(page: Any) -> None:
    """Anywhere on the page; its event is seen to its end, and the result with its picture."""
    assert drop(page, "drawn.png", sample("4-00004.png")) == [True, True]
    found = card(page, "drawn.png")
    row = page.locator("#events tr", has_text="input/digits/drawn.png")
    row.locator(".chip[data-state=done]").wait_for()
    page.locator("#log li", has_text="drawn.png").first.wait_for()
    picture = found.locator("img")
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())

    assert found.locator(".label").text_content() == "4"
    assert str(found.locator(".score").text_content()).endswith("%")
    assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    assert int(str(page.locator("#count-done").text_content())) >= 1
    assert page.locator("#uploading").text_content() == "1 uploaded"


def test_names_are_text(page: Any) -> None:
    """A file called like an element of HTML is shown by its name, wherever it is shown."""
    choose(page, HOSTILE, sample("7-00000.png"))
    found = card(page, HOSTILE)
    page.locator("#log .text", has_text=HOSTILE).first.wait_for()

    assert found.locator(".name").text_content() == HOSTILE
    assert found.locator("img").count() == 1
    assert page.locator("#events .file", has_text=HOSTILE).count() == 1
    assert page.locator('img[src="x"]').count() == 0


def test_a_score_that_is_no_number_is_not_shown(page: Any, up: Running) -> None:
    """Its label is, and so is what comes after it."""
    for key, score in (("odd.png", float("nan")), ("even.png", 0.25)):
        document = json.dumps(classified(key, ("cat", score)))
        up.bucket.put_object(f"output/digits/{key}.json", document)
    texts = [
        card(page, name).locator(".label, .score").all_text_contents()
        for name in ("odd.png", "even.png")
    ]
    letter = failed("a.png", source={})
    up.bucket.put_object("failed/2026-11-26/odd.json", json.dumps(letter))
    up.bucket.put_object("output/digits/last.json", json.dumps(classified("last", ("dog", 1))))
    card(page, "last")

    assert texts == [["cat", ""], ["cat", "25.0%"]]


def test_nothing_in_a_name_is_unseen(page: Any, up: Running) -> None:
    """What would turn text around, or steer, is shown for what it is; joiners stay."""
    choose(page, "\u202egnp.\u200d\x1b[1m.exe", sample("7-00000.png"))
    up.watch.line("digits", "a\u2066b\x9bc")
    name = "\\u{202e}gnp.\u200d\\u{1b}[1m.exe"
    found = card(page, name)
    page.locator("#log .text", has_text="a\\u{2066}b\\u{9b}c").first.wait_for()

    assert found.locator(".name").text_content() == name
    assert str(found.locator("a").get_attribute("title")).startswith(f"input/digits/{name}\n7")
    assert page.locator("#events .file", has_text=name).count() == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "hostile.html",
            b"<!doctype html><title>ran</title><script>alert(1); document.title = 'ran'</script>",
        ),
        ("hostile.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    ],
    ids=["html", "svg"],
)
def test_what_was_uploaded_runs_nothing(page: Any, name: str, data: bytes) -> None:
    """Opened from the page, hostile HTML is a download and no document; nor can scripts read it."""
    choose(page, name, data)
    found = card(page, name)
    found.get_by_text("no preview").wait_for()
    link = found.locator("a")
    with page.expect_download() as download:
        link.click()
    read = page.evaluate(
        "url => fetch(url).then(() => 'read', () => 'refused')", link.get_attribute("href")
    )

    assert download.value.suggested_filename == "object.bin"
    assert read == "refused"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_long_names_fit(chromium: Any, up: Running, width: int, scheme: str) -> None:
    """Nothing reaches past the window, on a phone either, and it is as light as is wished."""
    up.post("/upload", b"no picture", target="0", name="folder/" * 20 + "n" * 200 + ".png")
    up.record("result", lambda found: "n" * 200 in found["key"])
    opened = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened.goto(up.console.url)
    card(opened, "n" * 200)
    wide = opened.evaluate("document.documentElement.scrollWidth")
    colour = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    opened.close()

    assert wide == width
    assert (int(colour[4:].partition(",")[0]) > 128) == (scheme == "light")


# A folder as Chromium gives it to a page: one file of it is good, one cannot be read.
DROP_FOLDER = """data => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const file = (name, read) => ({ name, isFile: true, fullPath: `/mixed/${name}`, file: read });
    const entries = [
        file("locked.png", (done, no) => no(new DOMException("it may not be read"))),
        file("open.png", (done) => done(new File([bytes], "open.png"))),
    ];
    const folder = { name: "mixed", isDirectory: true, fullPath: "/mixed",
        createReader: () => ({ readEntries: (done) => done(entries.splice(0, 1)) }) };
    DataTransferItem.prototype.webkitGetAsEntry = () => folder;
    const transfer = new DataTransfer();
    transfer.items.add(new File([], "mixed"));
    dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
}"""


def test_a_file_that_cannot_be_read_costs_no_other(page: Any) -> None:
    """It is named with what was wrong, and the rest of its folder is uploaded."""
    page.evaluate(DROP_FOLDER, base64.b64encode(sample("7-00000.png")).decode())
    card(page, "open.png")
    page.locator("#uploading", has_text="1 uploaded").wait_for()

    said = page.locator("#uploading").text_content()
    assert said == "1 uploaded\nmixed/locked.png: it may not be read"


def test_a_reason_is_told_in_the_words_of_the_page(chromium: Any, up: Running) -> None:
    """Those there are in Chinese; what is none of ours, whatever it is called, as it stands."""
    for code in ("not_an_image", "constructor", "no_reason"):
        document = rejected(f"{code}.png", code)
        up.bucket.put_object(f"output/digits/{code}.json", json.dumps(document))
    opened = chromium.new_page(locale="zh-CN")
    opened.goto(up.console.url)
    codes = ("not_an_image", "constructor", "no_reason")
    labels = [card(opened, f"{code}.png").locator(".label").text_content() for code in codes]
    opened.close()

    assert labels == ["不是图片", "constructor", "no reason"]


DRAWS = """() => {
    const begun = performance.now();
    window.draws = 0;
    new MutationObserver(() => draws++).observe(
        document.querySelector("#log ol"), { childList: true });
    window.told = () => [draws, performance.now() - begun];
}"""


def test_much_at_once_leaves_the_page_to_the_person(page: Any, up: Running) -> None:
    """It is drawn a few times a second however much is told, and shows the last of it."""
    page.evaluate(DRAWS)
    for number in range(2000):
        up.watch.line("fanlight-digits", f"line {number}")
        time.sleep(0.001)
    page.get_by_text("line 1999", exact=True).wait_for()
    draws, ms = page.evaluate("told()")

    assert 2 <= draws <= 2 + ms / 200


def test_pictures_are_loaded_where_they_are_seen(page: Any, up: Running) -> None:
    """Of thousands of results most pass by, and only those in sight ask for their picture."""
    up.bucket.put_object("elsewhere/seen.png", sample("7-00000.png"))
    names = [f"output/digits/seen/{number}.json" for number in range(100)]
    document = classified("seen.png", ("7", 0.5))
    document["source"] |= {"bucket": BUCKET, "key": "elsewhere/seen.png"}
    for name in names:
        document["source"]["version"] = name
        up.bucket.put_object(name, json.dumps(document))
    pictures = page.locator("a[title^='elsewhere/seen.png'] img")
    pictures.nth(99).wait_for(state="attached")
    page.reload()  # while they came, each was in sight for a moment
    pictures.nth(99).wait_for(state="attached")
    loads = "image => image.naturalWidth > 0"
    page.wait_for_function(loads, arg=pictures.first.element_handle())
    loaded = page.locator(".card img[src]").count()
    pictures.nth(99).scroll_into_view_if_needed()
    page.wait_for_function(loads, arg=pictures.nth(99).element_handle())
    up.bucket.batch_delete_objects(names)
    pictures.first.wait_for(state="detached")

    assert loaded < 50


def test_one_page_too_many_says_so(chromium: Any, up: Running) -> None:
    """What to do is said, and once another is closed it is live by itself."""
    with Console(up.cloud, Watch()) as console, ExitStack() as opened:
        for _ in range(MOST):
            next(opened.enter_context(listening(console.url)))
        page = chromium.new_page(locale="en-GB")
        page.goto(console.url)
        page.get_by_text("Too many pages are open here: close one").wait_for()
        opened.close()
        page.locator("#link[data-state=live]").wait_for()
        page.close()


def test_it_speaks_chinese_and_comes_back(chromium: Any, up: Running) -> None:
    """By the browser's language; and after the cloud was away it goes on with what is there."""
    opened = chromium.new_page(locale="zh-CN")
    with Console(up.cloud, Watch()) as console:
        opened.goto(console.url)
        opened.get_by_text("已连接").wait_for()
        port = int(console.url.rpartition(":")[2])
    opened.get_by_text("连接已断开").wait_for()
    watch = Watch()
    watch.line("fanlight-digits", "a new start")
    with Console(up.cloud, watch, port):
        opened.get_by_text("已连接").wait_for()
        opened.get_by_text("a new start").wait_for()
        words = opened.locator("h2").all_text_contents()
        opened.close()

    assert [word.split()[0] for word in words] == ["上传", "实例", "死信", "结果", "事件", "日志"]
