"""Rows as CSV (RFC 4180, UTF-8, lines that end with LF), safe to open in a spreadsheet.

A cell of text that a spreadsheet would compute gets an apostrophe in front, and so does one that
begins with an apostrophe: taking one away from every text that has it gives the text back.
Source: OWASP, "CSV Injection". Numbers are never changed, null is an empty cell and an empty text
is `""`.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from tools.results.columns import Column
from tools.results.rows import Row, json_text

_COMPUTED = re.compile(r"['=+\-@\t\r\n＝＋－＠]").match
# Spreadsheets may take a semicolon or a tab for the end of a cell, and compute what follows.
_QUOTED = re.compile(r'[",;\t\r\n]|^\s|\s$|^$').search


def write(rows: Iterable[Row], columns: tuple[Column, ...], file: IO[bytes]) -> int:
    """Write a header and every row; how many rows there were."""
    count = 0
    file.write((",".join(column.name for column in columns) + "\n").encode())
    for line in _lines(rows, columns):
        file.write(line.encode())
        count += 1
    return count


def _lines(rows: Iterable[Row], columns: tuple[Column, ...]) -> Iterator[str]:
    spelled = [(column.name, _SPELLED[column.type]) for column in columns]
    for row in rows:
        cells = ["" if row[name] is None else spell(row[name]) for name, spell in spelled]
        yield ",".join(cells) + "\n"


def _text(value: str) -> str:
    if _COMPUTED(value):
        value = f"'{value}"
    return '"' + value.replace('"', '""') + '"' if _QUOTED(value) else value


def _time(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SPELLED: dict[str, Callable[[Any], str]] = {
    "text": _text,
    "integer": str,
    "number": repr,
    "boolean": lambda value: "true" if value else "false",
    "time": _time,
    "date": str,
    "predictions": lambda value: _text(json_text(value)),
    "vector": lambda value: _text(base64.b64encode(value).decode()),
    "json": _text,
}
