"""A page of results in headless Chromium: what a visitor waits for, and what the page holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.errors import FanlightError

WINDOW = {"width": 1280, "height": 800}
"""CSS pixels."""

_PATIENCE = 60_000
"""Milliseconds for one action."""

PAINT, CARD, PICTURE = "first paint", "first card", "first card's picture"
END = "scroll to the end"

_CHOOSE = "{sort}.value = '%s'; {sort}.dispatchEvent(new Event('change'))"
_SEARCH = "{search}.value = '%s'; {search}.dispatchEvent(new Event('input'))"
ACTIONS = {
    "filter by a label": "document.querySelector('#facets .value').click()",
    "all labels again": "document.querySelector('#facets .value').click()",
    "filter by scores": "document.querySelectorAll('#scores .bin')[10].click()",
    "all scores again": "document.querySelectorAll('#scores .bin')[10].click()",
    "search keys": _SEARCH % "7.jpg",
    "all keys again": _SEARCH % "",
    "order by least sure": _CHOOSE % "least",
    "order by most sure": _CHOOSE % "most",
    "order by key": _CHOOSE % "key",
    END: "scrollTo(0, document.body.scrollHeight)",
}
"""What a visitor does, in this order, as a script."""

# Frames are asked for until something is there; the message after a frame comes when it has been
# drawn. Source: HTML Living Standard, section 8.1.7.3, "update the rendering" of the event loop.
_WATCHED = """(() => {
  const frame = () => new Promise((then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = then;
    port2.postMessage(0);
  }));
  const until = async (there) => {
    do await frame(); while (!there());
    return performance.now();
  };
  const inView = (image) => {
    const { top, bottom } = image.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const pictured = () => [...document.querySelectorAll(".card img")].filter(inView)
    .every((image) => image.complete && image.naturalWidth);
  const shown = () => document.getElementById("count").textContent +
    [...document.querySelectorAll(".card")].slice(0, 3).map((card) => card.title);
  const last = () => document.querySelector(".cell:last-child")?.getAttribute("aria-posinset");
  window.opened = (async () => [
    await until(() => document.querySelector(".card")),
    await until(() => document.querySelector(".card img")?.naturalWidth),
  ])();
  window.acted = async (act, end) => {
    const before = shown();
    const began = performance.now();
    act();
    const cards = await until(() => (end ? last() === end : shown() !== before));
    return [cards - began, (await until(pictured)) - began];
  };
})()"""

_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


@dataclass(frozen=True)
class Visit:
    """One visit of a page in a tab of its own.

    `waits`: milliseconds from the beginning until the cards were drawn, and until those in view had
    their pictures too. Bytes of live JavaScript objects (`heap`) and of the tab's process
    (`process`, None where there is no /proc), and how many `cards` were elements at most.
    """

    waits: dict[str, tuple[float, float | None]]
    heap: float
    process: float | None
    cards: int


def visit(chromium: Any, page: Path, count: int, patience: int = _PATIENCE) -> Visit:
    """Open a page of `count` images and do all ACTIONS, each within `patience` milliseconds.

    FanlightError when one does not end.
    """
    from playwright.sync_api import Error

    context = chromium.new_context(offline=True, viewport=WINDOW, locale="en-US")
    try:
        tab = context.new_page()
        tab.set_default_timeout(patience)
        tab.add_init_script(_WATCHED)
        tab.goto(page.as_uri())
        return _visited(chromium, tab, count, patience)
    except Error as error:
        raise FanlightError(f"{page.name} in Chromium: {error}") from None
    finally:
        context.close()


def _visited(chromium: Any, tab: Any, count: int, patience: int) -> Visit:
    card, picture = _ended(tab, "opened", "opening", patience)
    waits: dict[str, tuple[float, float | None]] = {
        PAINT: (tab.evaluate(_PAINTED), None),
        CARD: (card, None),
        PICTURE: (picture, None),
    }
    cards = 0
    for name, script in ACTIONS.items():
        act = script.format(sort="document.getElementById('sort')",
                            search="document.getElementById('search')")  # fmt: skip
        end = f"'{count}'" if name == END else "null"
        waits[name] = _ended(tab, f"acted(() => {{ {act} }}, {end})", name, patience)
        cards = max(cards, tab.locator(".cell").count())
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    told = session.send("Performance.getMetrics")["metrics"]
    heap = next(one["value"] for one in told if one["name"] == "JSHeapUsedSize")
    return Visit(waits, heap, max(_renderers(chromium), default=None), cards)


def _ended(tab: Any, promise: str, name: str, patience: int) -> tuple[float, float]:
    """The two figures that a promise of the page comes to, if it does."""
    limit = f"new Promise((then) => setTimeout(() => then(null), {patience}))"
    told = tab.evaluate(f"Promise.race([{promise}, {limit}])")
    if told is None:
        raise FanlightError(f"{name}: the page showed nothing in {patience:,} ms")
    return told[0], told[1]


def _renderers(chromium: Any) -> Iterator[float]:
    """Bytes in memory of each process that shows a page. Source: proc(5), VmRSS."""
    session = chromium.new_browser_cdp_session()
    for process in session.send("SystemInfo.getProcessInfo")["processInfo"]:
        status = Path(f"/proc/{process['id']}/status")
        if process["type"] != "renderer" or not status.is_file():
            continue
        for line in status.read_text().splitlines():
            if line.startswith("VmRSS:"):
                yield 1024 * float(line.split()[1])
    session.detach()
