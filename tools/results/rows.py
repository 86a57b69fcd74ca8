"""Documents as flat rows, with every value checked to be of its column's type."""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timezone
from typing import Any

from tools.results.columns import IMAGE, Column

Row = dict[str, Any]
"""Column name -> value: str, int, float, bool, datetime, date, a list of predictions, the bytes of
a vector, or None."""

_AS_IT_IS = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

_EMPTY: Row = {column.name: None for column in IMAGE}


def _by_part() -> dict[str, list[tuple[Column, str]]]:
    """Names at a document's top -> the columns they hold, and the name inside; empty: itself.

    A document has few of the parts there are, and each is looked up once for all its columns. First
    places come first, since the first that is there counts.
    """
    found: dict[str, list[tuple[Column, str]]] = {}
    for rank in range(max(len(column.places) for column in IMAGE)):
        for column in IMAGE:
            if rank < len(column.places):
                part, _, inside = column.places[rank].partition(".")
                found.setdefault(part, []).append((column, inside))
    return found


_PARTS = _by_part()
_TEXTS = [column.name for column in IMAGE if column.type == "text"]
_MATCHED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
    r'|[;\t\n]"*[=+\-@＝＋－＠]'
).search
"""Halves of surrogate pairs, which UTF-8 has not, and what would steer a terminal.

And a formula behind what ends a cell where a spreadsheet does not go by commas, as Excel in much of
Europe: quotes that do not begin its cell are text to it.
"""


def _awkward(text: str) -> bool:
    """Whether a text cannot be written as it is.

    Most can: what is printable has no controls and no halves of pairs, which takes a sixth of the
    pattern's time to see.
    """
    return not (text.isprintable() and ";" not in text) and _MATCHED(text) is not None


_INTEGERS = 1 << 63

_NO_PREDICTION: dict[str, Any] = {"index": None, "label": None, "score": None}


class Odd(ValueError):
    """A document with a field that is not of its schema's type; the text says which."""


def row_of(document: dict[str, Any], key: str, modified: float) -> Row:
    """One row for a result or a dead letter. `key` and `modified` are the document's own."""
    row = _EMPTY.copy()
    for part, columns in _PARTS.items():
        if (value := document.get(part)) is not None:
            _fill(row, part, value, columns)
    if row["predictions"]:
        best = row["predictions"][0]
        row["label"], row["score"] = best["label"], best["score"]
    row["document"] = key
    row["modified"] = _time(modified)
    row["escaped"] = False
    return row


def image_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """One row an image, ready to be written as UTF-8."""
    return map(_writable, rows)


def prediction_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """One row a prediction, ready to be written as UTF-8; without any, one row all the same."""
    for row in image_rows(rows):
        for rank, prediction in enumerate(row["predictions"] or (_NO_PREDICTION,), start=1):
            yield {**row, "rank": rank if row["predictions"] else None, **prediction}


def json_text(value: Any) -> str:
    """JSON that is valid UTF-8, and has no control characters and no formula behind a `;`."""
    text = _AS_IT_IS.encode(value)
    return _spelled(value) if _awkward(text) else text


def _spelled(value: Any) -> str:
    return json.dumps(value).replace(";", r"\u003b")


def _writable(row: Row) -> Row:
    """The same row; one whose texts cannot all be written has each as JSON would spell it."""
    predictions = row["predictions"] or ()
    labels = [item["label"] for item in predictions]
    texts = [*(row[name] for name in _TEXTS), *labels]
    if not any(text and _awkward(text) for text in texts):
        return row
    escaped = {name: row[name] and _spelled(row[name])[1:-1] for name in _TEXTS}
    spelled = [{**item, "label": _spelled(item["label"])[1:-1]} for item in predictions]
    return {**row, **escaped, "predictions": spelled or None, "escaped": True}


def _fill(row: Row, part: str, value: Any, columns: list[tuple[Column, str]]) -> None:
    """Put what a part of a document says into its columns; Odd for a value of another type."""
    names = value if isinstance(value, dict) else {}
    for column, inside in columns:
        found = names.get(inside) if inside else value
        if found is None or row[column.name] is not None:
            continue
        try:
            row[column.name] = _CHECKS[column.type](found)
        except (TypeError, ValueError, KeyError, OverflowError, RecursionError):
            place = f"{part}.{inside}" if inside else part
            raise Odd(f"{place} is not what a result has there") from None


def _time(seconds: float) -> datetime | None:
    """Null for 0, which is not known, and for what no calendar has: a file's time can be any."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or not -_INTEGERS <= value < _INTEGERS:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) not in {int, float} or not math.isfinite(value):
        raise TypeError
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _predictions(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise TypeError
    return [
        {"index": _integer(item["index"]), "label": _text(item["label"]),
         "score": _number(item["score"])}
        for item in value
    ]  # fmt: skip


def _vector(value: Any) -> bytes:
    """The little-endian float32 values of an embedding."""
    try:
        data = base64.b64decode(_text(value["base64"]), validate=True)
    except binascii.Error:
        raise ValueError from None
    if value["dtype"] != "float32" or len(data) != 4 * _integer(value["dim"]):
        raise ValueError
    return data


_CHECKS = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "predictions": _predictions,
    "vector": _vector,
    "json": json_text,
}
