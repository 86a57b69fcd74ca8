"""Results as a table to look at, in pieces, so that a million rows take no memory."""

import io
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import IO, TYPE_CHECKING, Any

from tools.results.read import Found
from tools.results.rows import Row
from tools.shown import ANY_WIDTH, console_for, shown

if TYPE_CHECKING:  # it takes longer to import than most commands take
    from rich.console import Console
    from rich.table import Table

_HEADER = ("image", "label", "score", "runners-up or reason")
_RUNNERS_UP = 2
"""Shown in the table; a result holds all."""

_GAP = 2
"""Spaces between columns."""

_LEAST = 20
"""Characters to which the last column may shrink; its text goes on below."""

_AT_ONCE = 1000
"""Rows whose columns are fitted together."""


def write(found: Iterable[Found], file: IO[bytes] | None) -> int:
    """Print every result, or write it to a file; how many there were.

    Later pieces have columns no narrower than earlier ones. Where there is no terminal, lines are
    as long as they have to be: whoever reads a pipe wants whole keys.
    """
    from rich.cells import cell_len
    from rich.table import Table

    text = io.TextIOWrapper(file, "utf-8", "backslashreplace") if file else None
    console = console_for(text)
    rows = (tuple(map(_plain, cells(one.row))) for one in found)
    widths = list(map(len, _HEADER))
    count = 0
    for piece in _pieces(rows):
        table = Table(*_HEADER, box=None, pad_edge=False, show_header=not count)
        sizes = [list(map(cell_len, row)) for row in piece]
        widths = [max(*found) for found in zip(widths, *sizes, strict=True)]
        fitted = _fitted(widths, console.width)
        for column, width in zip(table.columns, fitted, strict=False):
            column.width = width
        if fitted == widths:
            lines = map(_line, piece, sizes, repeat(widths))
            if console.width == ANY_WIDTH:  # one long reason would make all lines as long
                lines = map(str.rstrip, lines)
            if not count:
                _head(console, table, widths)
            console.out("\n".join(lines), highlight=False)
        else:
            for row in piece:
                table.add_row(*row)
            console.print(table)
        count += len(piece)
    if not count:
        console.print(Table(*_HEADER, box=None, pad_edge=False))
    if text:
        text.detach()  # which writes what is left, and leaves the file open
    return count


def _head(console: "Console", table: "Table", widths: list[int]) -> None:
    """The names of the columns; Rich makes them bold on a terminal."""
    if console.width == ANY_WIDTH:
        console.out(_line(_HEADER, list(map(len, _HEADER)), widths).rstrip(), highlight=False)
    else:
        console.print(table)


def cells(row: Row) -> tuple[str, str, str, str]:
    """One result in four columns."""
    key = "(no image)" if row["key"] is None else row["key"]
    if row["status"] == "failed":
        return key, _failed(row), "", f"{row['reason']}: {row['message']}{_tries(row)}"
    if row["status"] != "classified":
        return key, row["status"], "", f"{row['reason']}: {row['message']}"
    if row["embedding"] is not None:
        return key, "embedding", "", f"{len(row['embedding']) // 4} numbers"
    rest = ", ".join(
        f"{item['label']} {item['score']:.4f}"
        for item in row["predictions"][1 : 1 + _RUNNERS_UP]
    )  # fmt: skip
    label = f"{row['decision']}: {row['label']}" if row["decision"] else row["label"]
    return key, label, f"{row['score']:.4f}", rest


def _fitted(widths: list[int], room: int) -> list[int]:
    """The columns' widths, with what is too much taken from the last; none if that is too little.

    Then each piece is fitted for itself.
    """
    *others, last = widths
    rest = room - sum(others) - _GAP * len(others)
    return [*others, min(last, rest)] if rest >= _LEAST else []


def _line(row: tuple[str, ...], sizes: list[int], widths: list[int]) -> str:
    """A row whose texts all fit, as Rich would have it; Rich takes ten times as long."""
    cells = (text + " " * (width - size)
             for text, size, width in zip(row, sizes, widths, strict=True))  # fmt: skip
    return (" " * _GAP).join(cells)


def _failed(row: Row) -> str:
    if row["settled"]:
        return "failed, settled"
    return "failed, suspected" if row["suspected"] else "failed"


def _tries(row: Row) -> str:
    """How often, and when, as far as the letter tells."""
    tries = [f"{row['attempts']} attempts"] if row["attempts"] else []
    told = ", ".join([*tries, *([str(row["date"])] if row["date"] else [])])
    return f" ({told})" if told else ""


def _pieces(rows: Iterator[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    while piece := list(islice(rows, _AT_ONCE)):
        yield piece


def _plain(text: Any) -> str:
    return shown(str(text)).replace("\n", " ")
