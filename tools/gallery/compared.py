"""The images that two models disagree on.

They do when the kind of answer differs (classified, rejected, an embedding, a moderation model's
decision) or the best label does. Scores alone, or why both were rejected, are no disagreement.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from fanlight.errors import ConfigError
from tools.gallery.cards import card, details, is_letter, key_of

Shown = tuple[dict[str, Any], dict[str, Any]]
"""A document as its card and its details, which are bounded, whatever the document is."""

Pair = tuple[dict[str, Any], Shown | None]
"""A document, and what is shown of the other model's for the same key."""


@dataclass
class Tally:
    """How many images have a result of both, and of one only. Complete when all are through.

    `seen`: is shown both answers for each image that has them.
    """

    seen: Callable[[Pair], None]
    both: int = 0
    here: int = 0
    there: int = 0

    def told(self) -> str:
        """How many could be compared, in a sentence."""
        text = f"compared: {self.both:,} that both have a result for"
        if self.here or self.there:
            text += f"; only here {self.here:,}, only in the other {self.there:,}"
        return text if self.both else f"{text}. Images are matched by their whole keys"


def disagreeing(
    documents: Iterator[dict[str, Any]], other: Iterator[dict[str, Any]], tally: Tally
) -> Iterator[Pair]:
    """Both answers for each image on which they disagree, in the order of `documents`.

    Matched by key. Dead letters are passed over: they are notes, and no model's answer. Listings
    may be in any order, so the others' answers wait in a temporary database, which SQLite keeps in
    memory while it is small and else on the disk; ConfigError when there is no room for it.
    """
    with closing(sqlite3.connect("")) as kept:
        try:
            total = _fill(kept, other)
            for document in documents:
                if is_letter(document):
                    continue
                rival = _taken(kept, _name(document))
                if rival is None:
                    tally.here += 1
                    continue
                tally.both += 1
                tally.seen((document, rival))
                if _answer(card(document)) != _answer(rival[0]):
                    yield document, rival
        except sqlite3.Error as error:
            raise ConfigError(
                f"{error}: results are compared in a temporary file; make room for it, or name "
                "another place with TMPDIR"
            ) from None
    tally.there = total - tally.both


def _fill(kept: sqlite3.Connection, other: Iterator[dict[str, Any]]) -> int:
    kept.execute("CREATE TABLE other (key BLOB PRIMARY KEY, shown TEXT) WITHOUT ROWID")
    shown = ((one, (card(one), details(one))) for one in other if not is_letter(one))
    rows = ((_name(one), json.dumps(pair)) for one, pair in shown)
    kept.executemany("INSERT OR REPLACE INTO other VALUES (?, ?)", rows)
    (total,) = kept.execute("SELECT count(*) FROM other").fetchone()
    return int(total)


def _taken(kept: sqlite3.Connection, name: bytes) -> Shown | None:
    row = kept.execute("SELECT shown FROM other WHERE key = ?", (name,)).fetchone()
    if not row:
        return None
    known, more = json.loads(row[0])
    return known, more


def _name(document: dict[str, Any]) -> bytes:
    return key_of(document).encode("utf-8", "surrogatepass")


def _answer(known: dict[str, Any]) -> tuple[str, str | None]:
    return known["kind"], known["label"]
