"""Breaks the code on purpose, one promise at a time, and sees a test fail for each.

usage: python -m tools.prove.mutations [WORD ...]

Each mutant is one replacement in a copy of the source tree. The tests named beside it pass on the
copy as it is, and have to fail on the mutant. WORD: only the mutants with it in their names. Exit
code 1 if one survives.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fanlight.errors import FanlightError
from tools.prove.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("functions", "tools", "tests", "events", "pyproject.toml", "template.yml")
TIMEOUT = 120
"""Seconds for the tests of one mutant. One that never ends is found out, too."""


@dataclass(frozen=True)
class Verdict:
    """Which test failed first; empty if none did."""

    mutant: Mutant
    killed_by: str
    seconds: float


def mutated(mutant: Mutant, source: str) -> str:
    """The source with the replacement made; FanlightError if there is not one place for it."""
    if source.count(mutant.old) != 1:
        raise FanlightError(
            f"{mutant.name}: {mutant.path} has {source.count(mutant.old)} times, not once:\n"
            f"{mutant.old}"
        )
    return source.replace(mutant.old, mutant.new)


def judge(mutants: Iterable[Mutant], tree: Path) -> Iterator[Verdict]:
    """Each mutant in turn, in the same copy of the sources, `tree`."""
    for mutant in mutants:
        file = tree / mutant.path
        source = file.read_text("utf-8")
        began = time.monotonic()
        file.write_text(mutated(mutant, source), "utf-8")
        try:
            failed = first_failure(tree, mutant.tests)
        finally:
            file.write_text(source, "utf-8")
        yield Verdict(mutant, failed, time.monotonic() - began)


def first_failure(tree: Path, tests: Iterable[str]) -> str:
    """The first test that fails; empty if all pass. FanlightError if they cannot be run."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-rfE",
               "-p", "no:cacheprovider", *tests]  # fmt: skip
    # Compiled files go by time and size, which a mutant may share with what it is made of.
    environ = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'functions'}",
               "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    try:
        ran = subprocess.run(command, cwd=tree, env=environ, check=False, capture_output=True,
                             text=True, timeout=TIMEOUT)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no end after {TIMEOUT} s"
    if ran.returncode == 0:
        return ""
    found = re.search(r"^FAILED \S*?([^/\s]+::\S+)", ran.stdout, re.MULTILINE)
    if ran.returncode != 1 or not found:
        raise FanlightError(f"the tests cannot be run:\n{ran.stdout}{ran.stderr}")
    return found[1]


@contextmanager
def copy() -> Iterator[Path]:
    """The source tree in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, tree / part,
                                ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
            else:
                shutil.copy(ROOT / part, tree / part)
        yield tree


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.mutations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="WORD")
    words = parser.parse_args(arguments).words
    mutants = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    survivors = 0
    with copy() as tree:
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        if failed := first_failure(tree, tests):
            raise FanlightError(f"without any mutant there fails {failed}")
        print(f"without a mutant, all tests of {len(tests)} files pass", flush=True)
        for verdict in judge(mutants, tree):
            survivors += not verdict.killed_by
            print(f"{verdict.mutant.name:<50}  {verdict.killed_by or 'SURVIVES'}", flush=True)
    print(f"{len(mutants)} mutants, {survivors} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
