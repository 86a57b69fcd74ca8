"""The file: whole or not there, self-contained, and whatever documents say is only data in it."""

import hashlib
import os
import re
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gallery.documents import DIGEST, RECIPE, Page, letter, picture, rejected, result
from tools.gallery import write
from tools.places import Access, Side

HOSTILE = [
    "<img src=x onerror=alert(1)>.png", "</script><script>alert(1)</script>", "<!--<script>",
    "]]>", "\u2028\u2029", "{n} $& {all}",
    "\x00\x1b[31m\r\n", "\u202egnp.exe", "half \udc80 \ud800", "&lt;&amp;", "é" * 511,
]  # fmt: skip


def written(path: Path, documents: list[dict[str, Any]], images: Path | None = None) -> Page:
    """The page of these documents, read back."""
    side = Side.images(str(images), Access()) if images else None
    assert write(path, iter(documents), side, title="t") == len(documents)
    return Page(path)


def test_a_page_holds_all_of_its_documents(tmp_path: Path) -> None:
    """Each has a card and details in its place, and a thumbnail or why there is none."""
    picture(tmp_path / "images", "a.png")
    documents = [
        result("a.png", "cat", 0.75),
        rejected("b.png", "corrupt", "cut short"),
        letter(None),
    ]

    page = written(tmp_path / "page.html", documents, tmp_path / "images")

    assert page.cards == [
        {"key": "a.png", "kind": "classified", "label": "cat", "score": 0.75, "reason": None},
        {"key": "b.png", "kind": "rejected", "label": None, "score": None, "reason": "corrupt"},
        {"key": "", "kind": "failed", "label": None, "score": None, "reason": "TimeoutError"},
    ]
    first = page.details(0)
    assert list(first["thumbnail"]) == ["webp"]
    assert first["predictions"] == [{"label": "cat", "score": 0.75}]
    assert page.details(1) == {
        "message": "cut short", "width": 300, "height": 200, "format": "png", "size": 2048,
        "bucket": "b", "version": "v1", "model": "m 1.0.0", "digest": DIGEST, "recipe": RECIPE,
        "thumbnail": {"code": "corrupt", "message": "cut short"},
    }  # fmt: skip
    assert page.details(2)["thumbnail"]["code"] == "no_key"
    assert page.data["about"] == [{"models": [["m 1.0.0"], []]}]


def test_many_cards_stand_in_several_blocks(tmp_path: Path) -> None:
    """None is lost or doubled where a block ends."""
    documents = [result(f"{number:04}.png", "cat") for number in range(600)]

    page = written(tmp_path / "page.html", documents)

    assert [card["key"] for card in page.cards] == [f"{number:04}.png" for number in range(600)]
    assert page.details(599)["thumbnail"] == {"code": "no_images"}


def test_a_comparison_holds_both_answers(tmp_path: Path) -> None:
    """Only what differs has a card; what both say of it is there, and how many were compared."""
    ours = [result("a", "cat"), result("b", "cat"), result("c", "cat")]
    theirs = [result("a", "cat"), result("b", "dog", 0.25), result("d", "cat")]
    for document in theirs:
        document["model"] = {"name": "n", "version": "2", "digest": DIGEST}

    shown = write(tmp_path / "p.html", iter(ours), None, title="t", other=iter(theirs))
    page = Page(tmp_path / "p.html")

    assert shown == 1
    assert page.cards == [
        {"key": "b", "kind": "classified", "label": "cat", "score": 0.5, "reason": None,
         "other": {"key": "b", "kind": "classified", "label": "dog", "score": 0.25,
                   "reason": None}},
    ]  # fmt: skip
    assert page.details(0)["other"]["model"] == "n 2"
    assert page.data["about"] == [
        {"models": [["m 1.0.0"], ["n 2"]], "compared": {"both": 2, "here": 1, "there": 1}}
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.text(st.characters()) | st.sampled_from(HOSTILE), min_size=5, max_size=5))
@example(["</script><script>alert(1)</script>"] * 5)
def test_whatever_documents_say_is_data(tmp_path: Path, texts: list[str]) -> None:
    """Keys, labels, codes, messages and titles come back as they were, and no element is made."""
    key, label, code, message, title = texts
    documents = [result(key, label or "x"), rejected(key, code or "x", message), letter(key)]

    write(tmp_path / "page.html", iter(documents), None, title=title)
    page = Page(tmp_path / "page.html")
    plain = written(
        tmp_path / "plain.html", [result("a", "b"), rejected("a", "b", "c"), letter("")]
    )

    assert [card["key"] for card in page.cards] == [key] * 3
    assert page.cards[0]["label"] == (label or "x")
    assert page.cards[1]["reason"] == (code or "x")
    assert page.details(1).get("message", "") == message
    assert page.tags == plain.tags


def test_the_policy_allows_this_page_only(tmp_path: Path) -> None:
    """Its scripts and its style by their hashes, pictures that stand in it, and nothing else."""
    page = written(tmp_path / "page.html", [])
    (policy,) = [
        attributes["content"] for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]  # fmt: skip

    def hashed(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; script-src {' '.join(map(hashed, page.scripts))}; "
        f"style-src {hashed(page.styles[0])}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert len(page.scripts) == 2
    assert len(page.styles) == 1


def test_the_page_names_no_other_place(tmp_path: Path) -> None:
    """No address is in it that a browser could ask, and no text is ever read as HTML."""
    page = written(tmp_path / "page.html", [])

    links = [value for _, attributes in page.tags for name, value in attributes.items()
             if name in ("src", "href", "action", "style") or name.startswith("on")]  # fmt: skip
    assert links == ["data:,"]
    code = "".join([*page.scripts, *page.styles])
    assert not re.search(r"https?:|url\(|@import|innerHTML|outerHTML|insertAdjacent|document\.write"
                         r"|\beval\b|new Function|fetch\(", code)  # fmt: skip


def test_an_interrupted_page_leaves_the_old_one(tmp_path: Path) -> None:
    """Ctrl-C half-way: the file is as it was, and nothing lies beside it."""
    path = tmp_path / "page.html"
    path.write_text("the old page")

    def interrupted() -> Iterator[dict[str, Any]]:
        yield from (result(f"{number}.png", "cat") for number in range(300))
        raise KeyboardInterrupt

    picture(tmp_path / "images", "0.png")
    side = Side.images(str(tmp_path / "images"), Access())
    with pytest.raises(KeyboardInterrupt):
        write(path, interrupted(), side, title="t")

    assert path.read_text() == "the old page"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["images", "page.html"]


def test_who_may_read_a_page_is_for_the_umask_to_say(tmp_path: Path) -> None:
    """As of any new file: the pictures in it may be nobody else's business."""
    for mask, mode in ((0o077, 0o600), (0o022, 0o644)):
        before = os.umask(mask)
        try:
            write(tmp_path / "page.html", iter([]), None, title="t")
        finally:
            os.umask(before)

        assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == mode


def test_a_page_cannot_be_written_where_there_is_no_folder(tmp_path: Path) -> None:
    """It is said at once, before anything is read."""
    documents = iter([result("a.png", "cat")])

    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "page.html", documents, None, title="t")

    assert len(list(documents)) == 1
