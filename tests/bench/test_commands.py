"""`fanlight bench` on the command line, in processes of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench.cold import BARE, COLUMNS, IN_HANDLER, IN_INITIALIZER

ROOT = Path(__file__).parents[2]


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "bench", *map(str, arguments)]
    path = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'functions'}"}
    return subprocess.run(command, env=os.environ | path, capture_output=True, text=True,
                          cwd=ROOT, timeout=600, check=False)  # fmt: skip


@pytest.mark.parametrize(("name", "rows"), [("warm", 3), ("stages", 2)])
def test_a_benchmark_prints_a_table_and_writes_json(tmp_path: Path, name: str, rows: int) -> None:
    """It ends with 0; every row of the document stands in the table."""
    run = bench(name, "--model", "digits", "--rounds", "2", "--json", tmp_path / "out.json")

    assert (run.returncode, run.stderr.strip()) == (0, name)
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert document["benchmark"] == name
    assert len(document["rows"]) == rows
    assert all(row["name"] in run.stdout for row in document["rows"])


def test_cold_says_what_it_skips(tmp_path: Path) -> None:
    """Each library has its rows, or a line that says why not; --check fails what is missed.

    All designs run to their end here: each gives the digit, and how long its parts took.
    """
    run = bench("cold", "--rounds", "1", "--check", "--json", tmp_path / "out.json")

    document = json.loads((tmp_path / "out.json").read_bytes())
    assert run.returncode == any(one["met"] is False for one in document["comparisons"])
    names = " ".join(row["name"] for row in document["rows"])
    assert "LiteRT" in names
    for library in ("ONNX", "TensorFlow"):
        assert (library in names) != (library in document["skipped"])
    assert all(name in run.stdout for name in document["skipped"])
    shared = set(COLUMNS) - {"fetch", "warm-up"}
    for row in document["rows"]:
        if row["name"] != BARE:
            ours = {"warm-up"} if row["name"].startswith("fanlight") else set()
            assert row["milliseconds"].keys() == shared | ours
    if "TensorFlow" in names:
        assert {IN_INITIALIZER, IN_HANDLER} <= {row["name"] for row in document["rows"]}


def test_a_model_that_is_none_is_refused() -> None:
    """A wrong name is wrong usage, said before anything is measured."""
    run = bench("warm", "--model", "nonesuch")

    assert run.returncode == 2
    assert "nonesuch is no model" in run.stderr
