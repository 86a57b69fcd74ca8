"""The page as a person uses it: opened from the disk in Chromium, with the network cut."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gallery.documents import letter, picture, rejected, result
from tools.gallery import write
from tools.places import Access, Side

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the browser extra")

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="apt install chromium"),
]

HOSTILE = "<img src=x onerror=alert(1)>.png"
KEYS = [
    HOSTILE, "</script><script>alert(1)</script>.png", "<!--<script>.png", "a\u2028b.png",
    "c\x1b[31m\n.png", "\u202egnp.exe", "half\udc80.png", "{n} $& {all}.png", "长" * 341,
    "\u05d0\u05d1 1.png",
]  # fmt: skip
SHOWN = {
    "a\u2028b.png": r"a\u2028b.png", "c\x1b[31m\n.png": r"c\x1b[31m\x0a.png",
    "\u202egnp.exe": r"\u202egnp.exe", "half\udc80.png": r"half\udc80.png",
}  # fmt: skip
"""How what cannot be seen, or would mislead, is shown."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of documents of all kinds, of a comparison and of many images."""
    folder = tmp_path_factory.mktemp("pages")
    picture(folder / "images", "blocked.png")
    picture(folder / "images", "cat.png")
    images = Side.images(str(folder / "images"), Access())
    documents = [
        *(result(key, key, 0.5) for key in KEYS),
        result("cat.png", "cat", 0.91),
        result("dog.png", "dog", 0.3),
        result("blocked.png", "nsfw", 0.97, decision="block"),
        result("point.png", embedding={"dim": 1280, "dtype": "float32", "base64": "AA=="}),
        rejected("note.txt", "not_an_image", "the bytes are not <b>those</b> of an image"),
        letter("late.png", "no answer <img src=x onerror=alert(2)>")
        | {"status": "failed", "letter": {"settled": True}},
    ]
    write(folder / "kinds.html", iter(documents), images, title=HOSTILE)
    ours = [result("cat.png", "cat", 0.9), result("dog.png", "dog"), result("c.png", "x")]
    theirs = [result("cat.png", "\u202etiger", 0.6), result("dog.png", "dog"), result("d.png", "x")]
    write(folder / "compared.html", iter(ours), images, title="compared", other=iter(theirs))
    many = (result(f"{n:05}.png", f"label {n % 3}", n / 5000) for n in range(5000))
    write(folder / "many.html", many, None, title="many")
    return folder


@contextmanager
def opened(browser: Any, page: Path, **settings: Any) -> Iterator[Any]:
    """The page in a window of its own; nothing may be asked for, complained of or popped up."""
    settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **settings}
    context = browser.new_context(offline=True, **settings)
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    told: list[str] = []
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: told.append(message.text))
    tab.on("pageerror", lambda error: told.append(str(error)))
    tab.on("dialog", lambda dialog: told.append(dialog.message))
    tab.goto(page.as_uri())
    yield tab
    context.close()
    assert told == []
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]


def keys(tab: Any) -> list[str]:
    """The keys of the cards, in order."""
    found: list[str] = tab.locator(".card .key").all_text_contents()
    return found


def count(tab: Any) -> str:
    return str(tab.locator("#count").text_content())


def test_hostile_names_are_text(browser: Any, folder: Path) -> None:
    """Keys, labels, messages and the title are read, not run, and what is unseen is spelled out."""
    with opened(browser, folder / "kinds.html") as tab:
        shown = keys(tab)
        expected = [SHOWN.get(key, key) for key in KEYS]
        assert set(expected) <= set(shown)
        assert tab.locator("h1").text_content() == HOSTILE
        assert tab.title() == HOSTILE
        tab.locator(".card", has_text=HOSTILE).first.click()
        assert tab.locator("#details-key").text_content() == HOSTILE
        assert tab.locator("#details .predictions th").all_text_contents() == [HOSTILE]
        assert tab.locator("img:not([src^='data:image/webp;base64,'])").count() == 0
        assert tab.locator("#facets .value", has_text=HOSTILE).count() == 1
        assert tab.evaluate("document.documentElement.scrollWidth") == 1280


def test_filters_find_what_they_say(browser: Any, folder: Path) -> None:
    """By status, label, reason, score and key; each counts what it would show beside the others."""
    with opened(browser, folder / "kinds.html") as tab:
        assert count(tab) == "16 images"
        tab.locator("#kinds .value", has_text="Failed").click()
        assert (keys(tab), count(tab)) == (["late.png"], "1 of 16 images")
        tab.locator("#kinds .value", has_text="Rejected").click()
        assert keys(tab) == ["late.png", "note.txt"]
        tab.locator("#facets .value", has_text="Not an image").click()
        assert keys(tab) == ["note.txt"]
        tab.locator("#clear").click()
        tab.locator("#facets .value", has_text="cat").click()
        assert keys(tab) == ["cat.png"]
        tab.locator("#facets .value", has_text="cat").click()
        tab.locator("#scores .bin").nth(18).click()
        assert keys(tab) == ["cat.png"]
        assert tab.locator("#facets .value", has_text="dog").locator(".n").text_content() == "0"
        tab.locator("#scores .bin").nth(18).click()
        tab.locator("#lowest").fill("0.2")
        tab.locator("#highest").fill("0.4")
        tab.locator("#highest").press("Enter")
        assert keys(tab) == ["dog.png"]
        tab.locator("#clear").click()
        tab.locator("#search").fill("ONERROR")
        assert keys(tab) == [HOSTILE]
        tab.locator("#search").fill("nowhere")
        assert tab.locator("#none").is_visible()


def test_scores_are_chosen_across_bars(browser: Any, folder: Path) -> None:
    """A line drawn from bar to bar chooses all between; Shift adds on, a single bar is undone."""
    with opened(browser, folder / "many.html") as tab:
        bins, lowest, highest = (tab.locator("#scores .bin"), tab.locator("#lowest"),
                                 tab.locator("#highest"))  # fmt: skip
        bins.nth(5).hover()
        tab.mouse.down()
        for bin_ in (4, 3, 2):
            bins.nth(bin_).hover()
        tab.mouse.up()
        assert (lowest.input_value(), highest.input_value()) == ("0.1", "0.3")
        assert count(tab) == "1,000 of 5,000 images"
        bins.nth(7).click(modifiers=["Shift"])
        assert (lowest.input_value(), highest.input_value()) == ("0.1", "0.4")
        bins.nth(19).click()
        assert (lowest.input_value(), highest.input_value()) == ("0.95", "")
        bins.nth(19).click()
        assert count(tab) == "5,000 images"


def test_the_least_and_the_most_sure_come_first(browser: Any, folder: Path) -> None:
    """What has no score comes last either way; by key is the order of the keys."""
    with opened(browser, folder / "kinds.html") as tab:
        assert keys(tab) == [SHOWN.get(key, key) for key in in_order()]
        tab.locator("#sort").select_option("least")
        assert keys(tab)[0] == "dog.png"
        assert set(keys(tab)[-3:]) == {"late.png", "note.txt", "point.png"}
        tab.locator("#sort").select_option("most")
        assert keys(tab)[:2] == ["blocked.png", "cat.png"]
        assert set(keys(tab)[-3:]) == {"late.png", "note.txt", "point.png"}


def in_order() -> list[str]:
    """All keys as JavaScript sorts them: by UTF-16 code units, lone halves of pairs included."""
    others = ["cat.png", "dog.png", "blocked.png", "point.png", "note.txt", "late.png"]
    return sorted([*KEYS, *others], key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def test_the_keyboard_is_enough(browser: Any, folder: Path) -> None:
    """Arrows move, Enter opens, arrows go on inside, Escape closes, / searches."""
    with opened(browser, folder / "many.html") as tab:
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowDown")
        columns = tab.evaluate("grid.columns")

        def focused(key: str) -> None:
            shown = "document.activeElement.querySelector('.key')?.textContent"
            # A function: the page's policy lets no text be evaluated when it is asked again.
            tab.wait_for_function(f"key => {shown} === key", arg=key)

        focused(f"{1 + columns:05}.png")
        tab.keyboard.press("Enter")
        tab.keyboard.press("ArrowRight")
        assert tab.locator("#details-key").text_content() == f"{2 + columns:05}.png"
        tab.keyboard.press("Escape")
        assert not tab.locator("#details").is_visible()
        focused(f"{2 + columns:05}.png")
        tab.keyboard.press("End")
        focused("04999.png")
        tab.keyboard.press("/")
        tab.keyboard.type("00042")
        assert keys(tab) == ["00042.png"]
        tab.keyboard.press("Escape")
        focused("00042.png")


def test_only_cards_in_view_are_elements(browser: Any, folder: Path) -> None:
    """Of five thousand images a few dozen are drawn, wherever the page is scrolled to."""
    with opened(browser, folder / "many.html") as tab:
        for place in (0, 0.5, 1):
            tab.evaluate(f"scrollTo(0, document.body.scrollHeight * {place})")
            # A browser tells of scrolling when it next draws.
            tab.wait_for_function(
                "place => Math.abs([...document.querySelectorAll('.cell')].at(-1)"
                ".getAttribute('aria-posinset') - 5000 * place) <= 60",
                arg=place,
            )
            assert 12 <= tab.locator(".cell").count() <= 80
        assert tab.locator(".cell").last.get_attribute("aria-posinset") == "5000"


def test_details_say_all_there_is(browser: Any, folder: Path) -> None:
    """Answer, reason, message, size, model and version; a dead letter says what came of it."""
    with opened(browser, folder / "kinds.html") as tab:
        tab.locator(".card", has_text="note.txt").click()
        text = tab.locator("#details").inner_text()
        assert "the bytes are not <b>those</b> of an image" in text
        assert "Not an image" in text
        tab.keyboard.press("Escape")
        tab.locator(".card", has_text="late.png").click()
        text = tab.locator("#details").inner_text()
        assert "no answer <img src=x onerror=alert(2)>" in text
        assert "innocent" in text
        assert "Settled since" in text
        tab.keyboard.press("Escape")
        tab.locator(".card", has_text="cat.png").click()
        text = tab.locator("#details").inner_text()
        for part in ("0.9100", "PNG · 300 × 200 · 2.0 KB", "m 1.0.0", "v1", "sha256:000"):
            assert part in text


def test_what_is_blocked_is_shown_on_request(browser: Any, folder: Path) -> None:
    """Its thumbnail is blurred until somebody asks for the picture, then it is not."""
    with opened(browser, folder / "kinds.html") as tab:
        card = tab.locator(".card", has_text="blocked.png")
        assert card.locator(".blurred").count() == 1
        assert tab.locator(".card .blurred").count() == 1
        card.click()
        assert tab.locator("#details .blurred").count() == 1
        tab.locator("#details .reveal").click()
        assert tab.locator("#details .blurred").count() == 0
        tab.keyboard.press("Escape")
        assert card.locator("img").count() == 1
        assert card.locator(".blurred").count() == 0


def test_a_comparison_shows_both_answers(browser: Any, folder: Path) -> None:
    """Side by side, on the card and in the details, and how many were compared."""
    with opened(browser, folder / "compared.html") as tab:
        assert keys(tab) == ["cat.png"]
        lines = tab.locator(".card .answer-line").all_inner_texts()
        assert [line.split() for line in lines] == [
            ["A", "cat", "0.90"], ["B", r"\u202etiger", "0.60"],
        ]  # fmt: skip
        told = tab.locator("#comparison").text_content()
        assert "disagree on 1 of the 2 images" in told
        assert "1 with a result of A only, 1 of B only" in told
        tab.locator(".card").click()
        scores = tab.locator("#details .predictions td.n").all_text_contents()
        assert scores == ["0.9000", "0.6000"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_scheme_and_can_be_switched(browser: Any, folder: Path, scheme: str) -> None:
    """Text stands out from its ground by 4.5 to 1 at least, in the scheme asked for and the other.

    Source of the ratio: WCAG 2.2, success criterion 1.4.3.
    """
    with opened(browser, folder / "kinds.html", color_scheme=scheme) as tab:
        for expected in (scheme, {"light": "dark", "dark": "light"}[scheme]):
            ground = lightness(tab, "body", "backgroundColor")
            assert (ground > 0.5) == (expected == "light")
            for selector, behind in [
                ("#count", "body"), ("#summary", "header"), (".card .key", ".card"),
                (".card .n", ".card"), (".absent .why", ".absent"), ("#kinds .n", "body"),
                (".card .failed", ".card"), (".card .rejected", ".card"),
            ]:  # fmt: skip
                pair = sorted([lightness(tab, selector, "color"),
                               lightness(tab, behind, "backgroundColor")])  # fmt: skip
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, selector
            tab.locator("#theme").click()


def lightness(tab: Any, selector: str, colour: str) -> float:
    """Relative luminance, 0 to 1. Source: WCAG 2.2, definition of relative luminance."""
    script = "([element, name]) => getComputedStyle(document.querySelector(element))[name]"
    text = tab.evaluate(script, [selector, colour])
    channels = [float(part) / 255 for part in text.removeprefix("rgb(").rstrip(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("name", ["kinds", "compared"])
def test_a_phone_needs_no_sideways_scrolling(browser: Any, folder: Path, name: str) -> None:
    """At 360 pixels the page, its filters and its details are as wide as the screen."""
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with opened(browser, folder / f"{name}.html", **phone) as tab:
        width = "Math.max(document.documentElement.scrollWidth, innerWidth)"
        assert tab.evaluate(width) == 360
        assert not tab.locator("#filters").is_visible()
        tab.locator("#filters-toggle").tap()
        assert tab.locator("#kinds").is_visible()
        assert tab.evaluate(width) == 360
        tab.locator("#filters-toggle").tap()
        tab.locator("#search").fill("长" if name == "kinds" else "cat")
        tab.locator(".card").tap()
        inside = "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])"
        assert tab.evaluate(f"{inside}(document.getElementById('details'))") == [360, 360]
        tab.locator("#close").tap()
        assert not tab.locator("#details").is_visible()


def test_chinese_has_every_word(browser: Any, folder: Path) -> None:
    """A browser in Chinese gets the page in Chinese, and no word is missing in either language."""
    with opened(browser, folder / "kinds.html", locale="zh-CN") as tab:
        assert count(tab) == "16 张图片"
        names = "(words) => JSON.stringify(words, (_, v) => typeof v === 'string' ? '' : v)"
        english, chinese = (
            json.loads(tab.evaluate(f"({names})(WORDS.{language})")) for language in ("en", "zh")
        )
        assert english == chinese
