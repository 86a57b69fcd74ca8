"""docs/results.md: its commands and queries work as they are shown, and its table is true."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fanlight.document import to_bytes
from tests.results.made import classified, rejected
from tools.commands.results import command
from tools.results.columns import EVERY, IMAGE, PREDICTION

PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text("utf-8")
QUERIES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ \.venv/bin/fanlight results (.*)$", PAGE, re.MULTILINE)


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where the page's commands have been typed, each as it stands."""
    folder = tmp_path / "photos-results"
    folder.mkdir()
    documents = [classified(f"{n}.png", (str(n % 4), 0.9 - n / 100), ("x", n / 100))
                 for n in range(10)]  # fmt: skip
    documents.append(rejected("notes.txt"))
    for document in documents:
        (folder / f"{document['source']['key'][6:]}.json").write_bytes(to_bytes(document))
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS:
        assert command.main(shlex.split(line), standalone_mode=False) == 0
    return tmp_path


def asked(query: str, folder: Path) -> str:
    """What a block of Python prints, run as a program in a folder."""
    done = subprocess.run([sys.executable, "-c", query], cwd=folder, capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_write_their_files(answers: Path) -> None:
    """Each form that the page shows is there, and says the same of the same images."""
    assert {path.name for path in answers.iterdir()} == {
        "photos-results", "results.csv", "results.parquet", "predictions.parquet", "page.html"
    }  # fmt: skip
    assert len((answers / "results.csv").read_text().splitlines()) == 12
    assert "notes.txt" in (answers / "page.html").read_text()


def test_the_duckdb_queries_answer_as_shown(answers: Path) -> None:
    """Run without a change, they count labels and find the least sure."""
    counts, second = (asked(query, answers) for query in QUERIES if "import duckdb" in query)

    def cells(table: str) -> list[list[str]]:
        rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines()]
        return [row for row in rows if row][2:]

    assert cells(counts) == [["0", "3", "0.82"], ["1", "3", "0.81"], ["2", "2", "0.84"]]
    assert cells(second) == [[f"input/{n}.png", "x", f"0.0{n}"] for n in (9, 8, 7)]


def test_the_pandas_example_runs(answers: Path) -> None:
    """Run without a change, it reads both forms."""
    (query,) = (query for query in QUERIES if "import pandas" in query)

    told = asked(query, answers)

    assert "classified    10" in told
    assert "notes.txt" in told


def test_every_column_is_explained() -> None:
    """The page's table is the columns' own description, name by name."""
    lines = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)

    assert lines == [
        (column.name, column.type, ", ".join(f"`{place}`" for place in column.places), column.about)
        for column in EVERY
    ]
    assert {*IMAGE, *PREDICTION} == set(EVERY)


def test_the_escape_shown_is_the_one_used() -> None:
    """A name whose first byte is FF is spelled as the page says."""
    assert json.dumps("\udcff.png") in PAGE
