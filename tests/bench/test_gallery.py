"""Pages of photographs: the photographs, making a page, and a visit in Chromium."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fanlight.config import Limits
from fanlight.errors import FanlightError
from fanlight.image import read_header
from tests.bench.test_commands import ROOT, bench
from tests.gallery.documents import result
from tools.bench.function import SMALL
from tools.bench.gallery import (
    BOUND,
    COLUMNS,
    MADE,
    UNIT,
    comparisons,
    filled,
    steps,
)
from tools.bench.pictures import photo
from tools.bench.results import Spent
from tools.bench.variants import fill_photographs, originals
from tools.bench.visited import ACTIONS, CARD, PAINT, PICTURE, Visit, visit
from tools.console.screenshot import browser
from tools.gallery import write
from tools.places import Access, Side
from tools.results.filter import Filter
from tools.results.read import results


def pieces(folder: Path, count: int) -> list[bytes]:
    fill_photographs(folder, [photo(200, 300), grey()], count)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def grey() -> bytes:
    shades = np.random.default_rng(1).integers(0, 256, (700, 900), np.uint8)
    return cv2.imencode(".jpg", cv2.blur(shades, (9, 9)))[1].tobytes()


def test_no_two_photographs_are_alike(tmp_path: Path) -> None:
    """Of one size whatever they are cut from, grey ones too, and the same each time."""
    made = pieces(tmp_path / "a", 9)

    sizes = [(found.width, found.height) for found in (read_header(one, Limits()) for one in made)]
    assert sizes == [SMALL] * 9
    assert len(set(made)) == 9
    assert pieces(tmp_path / "b", 9) == made


def test_photographs_of_a_folder_are_cut(tmp_path: Path) -> None:
    """Those that are pictures; a folder without any is an error."""
    (tmp_path / "a.jpg").write_bytes(photo(40, 30))
    (tmp_path / "b.txt").write_text("no picture")
    (tmp_path / "none").mkdir()

    assert originals(tmp_path) == [photo(40, 30)]
    with pytest.raises(FanlightError, match="there is no photograph below"):
        originals(tmp_path / "none")


def test_results_are_of_the_photographs_that_are_there(tmp_path: Path) -> None:
    """Each has one, current and whole, with scores and labels that differ."""
    (subject,) = filled(tmp_path, [photo(60, 40)], [20])

    images = Side.images(str(subject.photographs), Access())
    out = Side.results(str(subject.out), Access())
    told: list[str] = []
    rows = [found.row for found in results(out, Filter(), told.append)]

    assert told == []
    assert [(row["key"], row["version"]) for row in rows] == [
        (meta.key, meta.version) for meta in images.store.list("")
    ]
    assert len({row["score"] for row in rows}) == 20
    assert len({row["label"] for row in rows}) > 5


def test_a_page_without_all_its_pictures_has_no_figures(tmp_path: Path) -> None:
    """Making is measured with every thumbnail; one that cannot be made ends the benchmark."""
    (subject,) = filled(tmp_path, [photo(60, 40)], [3])

    taken = {what: subject.measure(what) for what in (BOUND, MADE)}

    assert all(one.seconds > 0 and one.peak > 10e6 for one in taken.values())
    assert taken[MADE].size == subject.page.stat().st_size
    (subject.photographs / "000001.jpg").write_bytes(b"no picture")
    with pytest.raises(FanlightError, match="with 2 pictures, and said: 3 images in "):
        subject.measure(MADE)
    with pytest.raises(FanlightError, match="thumbnails alone of 3 photographs failed"):
        subject.measure(BOUND)


def test_pages_are_held_against_the_bound_and_a_tenth() -> None:
    """Time by that of thumbnails alone; memory from size to size; how many cards there were."""
    made = {
        (100, BOUND): [Spent(1.0, 2.0, 50.0)],
        (100, MADE): [Spent(2.0, 3.0, 50.0)],
        (1_000, BOUND): [Spent(10.0, 20.0, 50.0)],
        (1_000, MADE): [Spent(12.0, 30.0, 60.0)],
    }

    told = comparisons(made, {1_000: [Visit({}, 1.0, None, 36)]})

    assert [(one.what, *one.values, one.met) for one in told] == [
        ("making the page, 1,000: time by the bound's", 1.2, None),
        ("making the page, 1,000: processors' time by the bound's", 1.5, None),
        ("making the page, 1,000 by 100: peak memory", 1.2, False),
        ("1,000: cards in the document at most", 36.0, None),
    ]


def test_without_a_browser_nothing_is_made() -> None:
    """The command says first what is missing, and how to get it."""
    command = [sys.executable, "-m", "tools", "bench", "gallery"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "functions")])
    run = subprocess.run(command, env=os.environ | {"PYTHONPATH": path, "PATH": ""}, cwd=ROOT,
                         capture_output=True, text=True, timeout=60, check=False)  # fmt: skip

    assert (run.returncode, run.stdout) == (1, "")
    assert "apt-get install chromium" in run.stderr or "pip install" in run.stderr


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="needs the browser extra")
    if not shutil.which("chromium"):
        pytest.skip("apt install chromium")
    with browser() as opened:
        yield opened


@pytest.mark.browser
def test_a_visit_waits_for_what_changes(chromium: Any, tmp_path: Path) -> None:
    """Every action has its time, pictures come no sooner than cards, and few cards are elements."""
    (subject,) = filled(tmp_path, [photo(60, 40)], [100])
    subject.measure(MADE)

    found = visit(chromium, subject.page, 100)

    assert list(found.waits) == [PAINT, CARD, PICTURE, *ACTIONS]
    assert 0 < found.waits[CARD][0] < found.waits[PICTURE][0]
    for name in ACTIONS:
        drawn, pictured = found.waits[name]
        assert 0 < drawn < (pictured or 0)
    assert found.heap > 1e5
    assert found.process is None or found.process > 10e6
    assert 12 <= found.cards < 60


@pytest.mark.browser
def test_a_visit_ends_where_nothing_changes(chromium: Any, tmp_path: Path) -> None:
    """A page whose cards have no pictures, or that is shorter than it is said to be."""
    page = tmp_path / "page.html"
    write(page, iter([result("a.png", "a")]), None, title="none")
    with pytest.raises(FanlightError, match="opening: the page showed nothing in 500 ms"):
        visit(chromium, page, 1, patience=500)

    (subject,) = filled(tmp_path, [photo(60, 40)], [100])
    subject.measure(MADE)
    with pytest.raises(FanlightError, match="scroll to the end: the page showed nothing"):
        visit(chromium, subject.page, 101, patience=2000)


@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
def test_the_command_makes_and_visits(tmp_path: Path) -> None:
    """Each page has its rows: how it was made, every wait, and what it holds."""
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "a.jpg").write_bytes(photo(60, 40))

    run = bench("gallery", tmp_path / "photographs", "--photographs", "100", "--rounds", "1",
                "--json", tmp_path / "out.json")  # fmt: skip

    assert (run.returncode, run.stderr.splitlines()) == (
        0, ["cutting 100 photographs out of 1", "gallery"],
    )  # fmt: skip
    document = json.loads((tmp_path / "out.json").read_bytes())
    names = [row["name"].removeprefix("100: ") for row in document["rows"]]
    assert names[:15] == [BOUND, MADE, PAINT, CARD, PICTURE, *ACTIONS]
    assert tuple(document["rows"][1][UNIT]) == COLUMNS[:4]
    assert len(names) in {15 + 1, 15 + 2}  # what the process holds is known where there is /proc
    assert steps([100], 1) == 3
