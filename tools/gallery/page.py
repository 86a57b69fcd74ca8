"""The page, written as the thumbnails come: memory does not grow with their number.

One file that asks for nothing: its policy allows its own script and style, known by their hashes,
and pictures that stand in it. All that documents say is JSON in blocks that no browser runs.
"""

import hashlib
import html
import json
import secrets
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from string import Template
from typing import Any, BinaryIO

from tools.gallery.cards import card, details, key_of, model_of
from tools.gallery.compared import Pair, Tally, disagreeing
from tools.gallery.thumbnails import Thumbnail, Wanted, thumbnails
from tools.places import Side
from tools.shown import shown

_HERE = Path(__file__).parent
_SCRIPTS = ("show.js", "grid.js", "filters.js", "details.js", "gallery.js")
_DATA = "<!-- data -->"

_BLOCK = 256
"""Cards in one JSON block."""

_MODELS = 10
"""Names that the page lists."""


def write(  # noqa: PLR0913 - what a page is made of, and who is told
    path: Path,
    documents: Iterator[dict[str, Any]],
    images: Side | None,
    *,
    title: str,
    other: Iterator[dict[str, Any]] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Write the page of these results and dead letters to `path`; how many images it shows.

    `images`: where thumbnails are made from. `other`: results of another model; only images on
    which the two disagree are shown, as `compared` says; `tell` gets how many were compared. The
    file is there whole or not at all. OSError when it cannot be written; ConfigError when the
    images' store refuses.
    """
    about = _About()
    pairs: Iterator[Pair] = ((document, None) for document in documents)
    if other is not None:
        about.tally = Tally(about.learn)
        pairs = disagreeing(documents, other, about.tally)
    head, tail = _page(title)
    with _replacing(path) as file, closing(_illustrated(pairs, images)) as rows:
        file.write(head.encode())
        for block in _blocks(rows, about):
            file.write(block)
        file.write(about.block())
        file.write(tail.encode())
    if about.tally:
        tell(about.tally.told())
    return about.count


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end; Ctrl-C leaves things as they were.

    Who may read it is for the umask to say: there are pictures in it.
    """
    half = path.with_name(f".gallery.{secrets.token_hex(8)}")
    try:
        with half.open("xb") as file:
            yield file
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def _page(title: str) -> tuple[str, str]:
    """What comes before the data, and after it."""
    style = (_HERE / "gallery.css").read_text("utf-8")
    words = (_HERE / "words.js").read_text("utf-8")
    script = "".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS)
    text = Template((_HERE / "page.html").read_text("utf-8")).substitute(
        policy=f"default-src 'none'; script-src {_hash(words)} {_hash(script)}; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'",
        title=html.escape(shown(title).replace("\n", " ")),
        style=style,
        words=words,
        script=script,
    )
    head, _, tail = text.partition(_DATA)
    return head, tail


def _hash(text: str) -> str:
    """As a policy names a script. Source: Content Security Policy Level 3, section 2.3.1."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _About:
    """What is known of all images when the last one is through."""

    def __init__(self) -> None:
        self.count = 0
        self.tally: Tally | None = None
        self._models: tuple[dict[str, None], dict[str, None]] = {}, {}

    def learn(self, pair: Pair) -> None:
        """Remember the models' names."""
        document, rival = pair
        names = model_of(document), rival[1].get("model") if rival else None
        for name, models in zip(names, self._models, strict=True):
            if name and len(models) < _MODELS:
                models[name] = None

    def block(self) -> bytes:
        known: dict[str, Any] = {"models": [list(models) for models in self._models]}
        if tally := self.tally:
            known["compared"] = {"both": tally.both, "here": tally.here, "there": tally.there}
        return _block('id="about"', known)


Row = tuple[Pair, Thumbnail]


def _illustrated(pairs: Iterator[Pair], images: Side | None) -> Generator[Row, None, None]:
    if images is None:
        yield from ((pair, Thumbnail(code="no_images")) for pair in pairs)
        return
    begun: deque[Pair] = deque()

    def wanted() -> Iterator[Wanted | Thumbnail]:
        for pair in pairs:
            begun.append(pair)
            yield _wanted(pair[0])

    with closing(thumbnails(wanted(), images)) as made:
        for thumbnail in made:
            yield begun.popleft(), thumbnail


def _wanted(document: dict[str, Any]) -> Wanted | Thumbnail:
    """Nothing is read that a decoder has refused already, or that has no name."""
    known, more = card(document), details(document)
    if not known["key"]:
        return Thumbnail(code="no_key", message="the event named no object")
    if known["kind"] == "rejected" and known["reason"] != "nothing_found":
        return Thumbnail(code=known["reason"], message=more.get("message", ""))
    return Wanted(key_of(document), more.get("bucket", ""), more.get("version", ""))


def _blocks(rows: Iterator[Row], about: _About) -> Iterator[bytes]:
    """Each row's details as a block of its own, then the cards of all of them in one."""
    while some := list(islice(rows, _BLOCK)):
        cards = []
        for (document, rival), thumbnail in some:
            known, more = card(document), details(document)
            more["thumbnail"] = {name: value for name, value in vars(thumbnail).items() if value}
            if rival:
                known["other"], more["other"] = rival
            cards.append(known)
            yield _block(f'id="i{about.count}"', more)
            about.learn((document, rival))
            about.count += 1
        yield _block('class="cards"', cards)


def _block(attribute: str, document: Any) -> bytes:
    """JSON in a script that no browser runs: in ASCII, and no `<`, which could end the script.

    Half surrogate pairs and U+2028 are escaped as well. Source: HTML Living Standard, section
    4.12.1.3, restrictions for contents of script elements.
    """
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")
    return f'<script type="application/json" {attribute}>{text}</script>\n'.encode()
