"""Reports: the document and what is printed."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from fanlight.cores import cores
from tools.bench.machine import Machine, cpu_name, this_machine
from tools.bench.report import Comparison, Report, Row, document, lines, number, show, table

MACHINE = Machine("A CPU", 2, 4.0, "Linux 6", "3.12.1", {"numpy": "2.0"}, 0.5)
REPORT = Report(
    "cold",
    MACHINE,
    ("imports", "fetch", "total"),
    [Row("ours", {"imports": [0.1, 0.2, 0.3], "total": [1.0]}), Row("theirs", {"total": [5.0]})],
    [
        Comparison("theirs by ours", [5.0], at_least=5),
        Comparison("ours in all", [1.0], at_most=0.7),
        Comparison("by the way", [1.5]),
    ],
    {"ONNX": "it is not installed"},
    ["The cache is warm."],
)


def single(value: float) -> dict[str, object]:
    """The figures of one sample."""
    return {**dict.fromkeys(("median", "low", "high"), value), "count": 1, "samples": [value]}


def test_the_document_has_all_of_it() -> None:
    """Every sample, in milliseconds, with its median and quartiles, and the machine."""
    imports = {"median": 200.0, "low": 150.0, "high": 250.0, "count": 3,
               "samples": [100.0, 200.0, 300.0]}  # fmt: skip

    found = document(REPORT)

    assert json.loads(json.dumps(found)) == {
        "schema": "fanlight.bench/1",
        "benchmark": "cold",
        "machine": {"cpu": "A CPU", "cores": 2, "memory_gb": 4.0, "system": "Linux 6",
                    "python": "3.12.1", "versions": {"numpy": "2.0"}, "load": 0.5},
        "rows": [
            {"name": "ours", "milliseconds": {"imports": imports, "total": single(1000.0)}},
            {"name": "theirs", "milliseconds": {"total": single(5000.0)}},
        ],
        "comparisons": [
            {"what": "theirs by ours", "values": single(5.0), "at_least": 5, "at_most": None,
             "met": True},
            {"what": "ours in all", "values": single(1.0), "at_least": None,
             "at_most": 0.7, "met": False},
            {"what": "by the way", "values": single(1.5), "at_least": None,
             "at_most": None, "met": None},
        ],
        "skipped": {"ONNX": "it is not installed"},
        "notes": ["The cache is warm."],
    }  # fmt: skip


def test_a_report_may_have_another_unit() -> None:
    """Rates are shown and written as they are, under their own name."""
    rates = replace(REPORT, rows=[Row("ours", {"rate": [2000.0]})], columns=("rate",),
                    unit="images a second", times=1)  # fmt: skip
    out = io.StringIO()
    Console(file=out, width=80).print(table(rates))

    assert document(rates)["rows"] == [
        {"name": "ours", "images a second": {"rate": single(2000.0)}}
    ]
    assert out.getvalue().splitlines()[1].split() == ["ours", "2,000"]
    assert next(lines(rates)).startswith("\nimages a second: the median")


def test_the_table_has_medians_with_quartiles_below() -> None:
    """A cell that was not measured is empty, and a column that is all empty is left out."""
    out = io.StringIO()
    Console(file=out, width=80).print(table(REPORT))

    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["cold", "imports", "total"],
        ["ours", "200", "1,000"],
        ["150", "to", "250", "1,000", "to", "1,000"],
        ["theirs", "5,000"],
        ["5,000", "to", "5,000"],
    ]


def test_what_was_wanted_and_what_is_missing_is_said() -> None:
    """Below the table: each comparison with its verdict, what was skipped, the machine."""
    assert list(lines(REPORT))[1:] == [
        "theirs by ours: 5.00 (5.00 to 5.00), wanted at least 5: met",
        "ours in all: 1.00 (1.00 to 1.00), wanted at most 0.7: missed",
        "by the way: 1.50 (1.50 to 1.50)",
        "skipped: ONNX: it is not installed",
        "The cache is warm.",
        "A CPU, 2 cores, 4 GB, Linux 6, Python 3.12.1, numpy 2.0. Load at the start: 0.5.",
    ]


def test_what_is_shown_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`show` prints and writes the same report, into a folder that need not be there."""
    file = tmp_path / "new" / "cold.json"

    show(REPORT, file)

    assert json.loads(file.read_bytes()) == json.loads(json.dumps(document(REPORT)))
    assert capsys.readouterr().out.endswith(f"written: {file}\n")


@pytest.mark.parametrize(
    ("value", "shown"), [(1234.5, "1,234"), (123.4, "123"), (12.34, "12.3"), (0.123, "0.12")]
)
def test_numbers_have_about_three_digits(value: float, shown: str) -> None:
    """More would be noise."""
    assert number(value) == shown


def test_the_machine_is_named(tmp_path: Path) -> None:
    """CPU, cores and versions are those at hand; a file that does not name a CPU gives no name."""
    here = this_machine()
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: another\n")

    assert cpu_name(info) == "A CPU @ 2 GHz"
    assert cpu_name(tmp_path / "none") == ""
    assert here.cpu
    assert here.cores == cores() >= 1
    assert {"ai-edge-litert", "numpy", "oss2"} <= here.versions.keys()
