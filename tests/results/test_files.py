"""CSV and Parquet say what the JSON documents say: read back with DuckDB, field by field."""

import base64
import csv
import io
import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.results.made import FAILED, INPUT, Bucket, classified, failed, rejected
from tools.places import Side
from tools.results import csv as csv_form
from tools.results import parquet
from tools.results.columns import IMAGE, PREDICTION
from tools.results.filter import Filter
from tools.results.letters import Around, letters
from tools.results.read import Found, results
from tools.results.rows import image_rows, prediction_rows

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("=+-@'\",;\t\r\n\\/ \0\x1b\x7f\x9b\u202e＝\ud800\udcff"),
    ),
    max_size=12,
)
SCORES = st.floats(0, 1) | st.integers(0, 1)
LIGHT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # the tables of characters are made once
MODELS = [("a", 0.75), ("b", 0.25)]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A result or a dead letter with awkward texts."""
    key = draw(TEXTS)
    kind = draw(st.sampled_from(["classified", "moderation", "embedding", "rejected", "failed"]))
    if kind == "rejected":
        return rejected(key, draw(TEXTS), draw(TEXTS))
    if kind == "failed":
        named = draw(st.none() | st.just(key))
        error = {"type": draw(TEXTS), "message": draw(TEXTS)}
        event = draw(st.recursive(st.none() | st.integers() | TEXTS, st.lists, max_leaves=4))
        return failed(named, error=error, event=event, suspected=draw(st.booleans()))
    predictions = draw(st.lists(st.tuples(TEXTS, SCORES), min_size=1, max_size=3))
    more = {"decision": draw(st.sampled_from(["allow", "block"]))} if kind == "moderation" else {}
    return classified(key, *(() if kind == "embedding" else predictions), **more)


EVERY_KIND = [
    classified("7.png", ("7", 0.998), ("2", 0.002)),
    classified("sevens/=1+1.png", ("@SUM(1)", 1), decision="review"),
    classified("vector.jpg"),
    rejected("notes.txt", "not_an_image", "the bytes are not those\nof an image"),
    failed("late.png"),
    failed("\udcff.png", suspected=True, event="no JSON \ud800"),
    failed(None, event=None),
]


def stored(made: list[dict[str, Any]]) -> list[Found]:
    """The documents, put into a bucket and read again as the command does."""
    bucket = Bucket()
    for number, document in enumerate(made):
        if document["schema"] == "fanlight.failure/1":
            bucket.letter(f"2026-11-25/r-{number}.json", document)
        else:
            bucket.put(f"output/{number}.json", json.dumps(document).encode())
    around = Around(Side(bucket, FAILED), bucket.side, Side(bucket, INPUT))
    notes: list[str] = []
    found = [*results(bucket.side, Filter(), notes.append),
             *letters(around, Filter(), notes.append)]  # fmt: skip
    assert notes == []
    assert len(found) == len(made)
    return found


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    """The file's rows, as DuckDB reads them; a time in microseconds."""
    with duckdb.connect() as database:
        query = f"select * replace (epoch_us(modified) as modified) from read_parquet('{path}')"
        relation = database.sql(query)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def csv_rows(text: str) -> list[dict[str, Any]]:
    """The rows of a CSV, with the apostrophes taken away and everything given its type."""
    kinds = {column.name: column.type for column in IMAGE}

    def typed(name: str, cell: str) -> Any:
        kind = kinds[name]
        if kind in {"text", "json"}:
            cell = cell[1:] if cell.startswith("'") else cell
            return cell if kind == "text" or cell else None
        if not cell:
            return None
        if kind == "vector":
            data = base64.b64decode(cell)
            return list(struct.unpack(f"<{len(data) // 4}f", data))
        return json.loads(cell) if kind not in {"time", "date"} else cell

    lines = csv.reader(io.StringIO(text, newline=""))
    names = next(lines)
    return [{name: typed(name, cell) for name, cell in zip(names, line, strict=True)}
            for line in lines]  # fmt: skip


def document_of(row: dict[str, Any]) -> dict[str, Any]:
    """The JSON document that a row was made of; `""` and null are not told apart."""

    def text(name: str) -> Any:
        return unescaped(row[name])

    def unescaped(value: Any) -> Any:
        return json.loads(f'"{value}"') if row["escaped"] and value else value

    source = {"bucket": text("bucket"), "key": text("key")} if row["key"] else None
    if row["status"] == "failed":
        names = ("request_id", "function", "condition")
        return {
            "schema": "fanlight.failure/1", **{name: text(name) for name in names},
            "attempts": row["attempts"], "source": source, "suspected": row["suspected"],
            "error": {"type": text("reason"), "message": text("message")},
            "event": json.loads(row["event"] or "null"),
        }  # fmt: skip
    document: dict[str, Any] = {
        "schema": "fanlight.result/1",
        "status": row["status"],
        "source": {**(source or {}), "version": text("version"), "etag": text("etag"),
                   "size": row["size"]},
        "model": {"name": text("model"), "version": text("model_version"),
                  "digest": text("model_digest")},
        "recipe": text("recipe"),
    }  # fmt: skip
    if row["status"] == "rejected":
        return {**document, "reason": {"code": text("reason"), "message": text("message")}}
    document["source"].update({name: row[name] for name in ("format", "width", "height")})
    if row["decision"]:
        document["decision"] = row["decision"]
    if row["predictions"]:
        spelled = [{**item, "label": unescaped(item["label"])} for item in row["predictions"]]
        return {**document, "predictions": spelled}
    numbers = struct.pack(f"<{len(row['embedding'])}f", *row["embedding"])
    vector = {"dim": len(numbers) // 4, "dtype": "float32",
              "base64": base64.b64encode(numbers).decode()}  # fmt: skip
    return {**document, "embedding": vector}


def check_both(made: list[dict[str, Any]], folder: Path) -> None:
    """Documents -> files -> documents."""
    found = stored(made)
    rows = [one.row for one in found]
    # What letters add is told by columns of their own.
    added = {"status", "letter"}
    wanted = [
        {name: value for name, value in one.document.items()
         if one.row["status"] != "failed" or name not in added}
        for one in found
    ]  # fmt: skip
    path = folder / "rows.parquet"
    file = io.BytesIO()

    assert parquet.write(image_rows(rows), IMAGE, path) == len(made)
    assert csv_form.write(image_rows(rows), IMAGE, file) == len(made)

    assert [document_of(row) for row in parquet_rows(path)] == wanted
    assert [document_of(row) for row in csv_rows(file.getvalue().decode())] == wanted


def test_every_kind_of_document_comes_back_whole(tmp_path: Path) -> None:
    """Classified, moderated, embedded, rejected and failed: DuckDB gives back each field."""
    check_both(EVERY_KIND, tmp_path)


def test_what_only_the_place_knows_is_in_the_rows(tmp_path: Path) -> None:
    """When a document was written, under which key, and what became of a dead letter's image."""
    path = tmp_path / "rows.parquet"
    parquet.write(image_rows([one.row for one in stored(EVERY_KIND)]), IMAGE, path)

    first, *_, last = parquet_rows(path)

    assert (first["document"], first["modified"]) == ("output/0.json", 1_000_000_000)
    assert last["document"] == "failed/2026-11-25/r-6.json"
    assert str(last["date"]) == "2026-11-25"
    assert last["settled"] is None


@LIGHT
@given(made=st.lists(documents(), max_size=4))
def test_any_text_comes_back(
    made: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Formulas, quotes, line ends, control characters and halves of surrogate pairs included."""
    check_both(made, tmp_path_factory.mktemp("any"))


@LIGHT
@given(made=st.lists(documents(), min_size=1, max_size=4))
def test_nothing_in_a_csv_is_computed_or_steers(made: list[dict[str, Any]]) -> None:
    """No cell of text begins as a formula does; no control characters but tab and line end."""
    file = io.BytesIO()
    csv_form.write(image_rows([one.row for one in stored(made)]), IMAGE, file)

    text = file.getvalue().decode()
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]

    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r\n＝＋－＠")] == []
    assert [char for char in text if char < " " and char not in "\t\n"] == []
    assert not any("\x7f" <= char <= "\x9f" for char in text)


@pytest.mark.parametrize("begin", list("=+-@'\t\n＝＋－＠"))
def test_a_formula_is_text_and_comes_back(begin: str, tmp_path: Path) -> None:
    """Whatever a spreadsheet would compute has an apostrophe in front; numbers have none."""
    made = [classified("a", (f"{begin}1+1", 0.5)), rejected("b", begin, f"{begin}2")]
    file = io.BytesIO()

    csv_form.write(image_rows([one.row for one in stored(made)]), IMAGE, file)

    first, second = csv.DictReader(io.StringIO(file.getvalue().decode(), newline=""))
    assert (first["label"], first["score"]) == (f"'{begin}1+1", "0.5")
    assert (second["reason"], second["message"]) == (f"'{begin}", f"'{begin}2")
    check_both(made, tmp_path)


def test_a_tab_ends_no_cell(tmp_path: Path) -> None:
    """Nor a semicolon, for a spreadsheet that takes these for separators beside the comma."""
    made = [
        classified("a\t=1+1", ("b;=2+2", 0.5)),
        rejected("c", "\t", "d\t=3+3"),
        classified("e;f", ("g\th", 0.5)),
    ]
    file = io.BytesIO()

    csv_form.write(image_rows([one.row for one in stored(made)]), IMAGE, file)

    unquoted = re.sub(r'"(?:[^"]|"")*"', "", file.getvalue().decode())
    assert not set(unquoted) & set(";\t")
    check_both(made, tmp_path)


@pytest.mark.parametrize("delimiter", list(",;\t"))
@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "＝", '"=', '""='])
def test_no_cell_is_a_formula_wherever_cells_end(
    delimiter: str, begin: str, tmp_path: Path
) -> None:
    """Excel takes a semicolon where numbers have a comma, and a quote within its cell for text."""
    made = [
        classified(f"a;{begin}1;b", (f"c;{begin}1", 0.5)),
        rejected("d", f"e\t{begin}1", f"f\n{begin}1"),
        failed("g", event={"h": [f"i;{begin}1;", f"\t{begin}1"]}),
    ]
    file = io.BytesIO()

    csv_form.write(image_rows([one.row for one in stored(made)]), IMAGE, file)

    lines = csv.reader(io.StringIO(file.getvalue().decode(), newline=""), delimiter=delimiter)
    cells = [cell.lstrip('"') for line in lines for cell in line]
    assert [cell for cell in cells if cell[:1] in set("=+-@＝＋－＠")] == []
    check_both(made, tmp_path)


def test_one_row_a_prediction(tmp_path: Path) -> None:
    """Each prediction with its rank; a document without any has one row all the same."""
    path = tmp_path / "rows.parquet"
    rows = [one.row for one in stored(EVERY_KIND)]

    count = parquet.write(prediction_rows(rows), PREDICTION, path)

    told = [(row["status"], row["rank"], row["label"], row["score"]) for row in parquet_rows(path)]
    assert count == len(told) == 8
    assert told[:4] == [
        ("classified", 1, "7", 0.998),
        ("classified", 2, "2", 0.002),
        ("classified", 1, "@SUM(1)", 1.0),
        ("classified", None, None, None),
    ]
    assert {row[1:] for row in told[4:]} == {(None, None, None)}


def test_the_schema_does_not_depend_on_the_rows(tmp_path: Path) -> None:
    """No rows, rows of one kind and rows of all give files that can be read as one."""
    for name, made in [("none", []), ("few", [classified("a")]), ("all", EVERY_KIND)]:
        parquet.write(
            image_rows([one.row for one in stored(made)]), IMAGE, tmp_path / f"{name}.parquet"
        )

    none, few, every = (
        pq.read_schema(tmp_path / f"{name}.parquet") for name in ("none", "few", "all")
    )

    assert none.equals(few, check_metadata=True)
    assert none.equals(every, check_metadata=True)
    assert none.names == [column.name for column in IMAGE]
    assert none.field("embedding").type.value_type == "float"
    assert len(parquet_rows(tmp_path / "*.parquet")) == len(EVERY_KIND) + 1


def test_row_groups_follow_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written as they come, in groups; none is lost or doubled at a border."""
    monkeypatch.setattr(parquet, "_ROWS", 10)
    monkeypatch.setattr(parquet, "_CHARACTERS", 5_000)
    monkeypatch.setattr(parquet, "_GROUP", 4_000)
    found = stored([classified(f"{number:03}", *MODELS) for number in range(95)])
    event = {"long": "x" * 3_000}
    found += stored([failed(f"{number}", event=event) for number in range(5)])
    path = tmp_path / "rows.parquet"

    parquet.write(image_rows([one.row for one in found]), IMAGE, path)

    assert pq.ParquetFile(path).num_row_groups > 5
    assert [row["key"] for row in parquet_rows(path)] == [one.row["key"] for one in found]
    assert math.isclose(sum(row["score"] or 0 for row in parquet_rows(path)), 95 * 0.75)
