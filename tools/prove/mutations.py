"""Breaks the code on purpose, one promise at a time, and sees a test fail for each.

usage: python -m tools.prove.mutations [WORD ...]

Each mutant is one replacement in a copy of the source tree. The tests named beside it pass on the
copy as it is, and have to fail on the mutant. One that keeps them from ever ending is found out
too, and told apart: a slow machine looks the same. WORD: only the mutants with it in their names.
Exit code 1 if one survives.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fanlight.errors import FanlightError
from tools.prove.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("functions", "tools", "tests", "events", "pyproject.toml", "template.yml")
LEAST_SECONDS, PATIENCE = 120.0, 3
"""For the tests of one mutant: so many times what all tests take without one, and at least that."""


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant. `killed_by`: the test that failed first; empty if none did.

    `limit`: seconds after which its tests were given up, before one had failed; None: they ended.
    """

    mutant: Mutant
    killed_by: str
    limit: float | None = None

    def __str__(self) -> str:
        told = self.killed_by or "SURVIVES"
        return told if self.limit is None else f"no end after {self.limit:.0f} s"


def mutated(mutant: Mutant, source: str) -> str:
    """The source with the replacement made; FanlightError if there is not one place for it."""
    if source.count(mutant.old) != 1:
        raise FanlightError(
            f"{mutant.name}: {mutant.path} has {source.count(mutant.old)} times, not once: "
            f"{mutant.old!r}"
        )
    return source.replace(mutant.old, mutant.new)


def judge(mutants: Iterable[Mutant], tree: Path, limit: float) -> Iterator[Verdict]:
    """Each mutant in turn, in the same copy of the sources, `tree`; `limit`: seconds for each."""
    for mutant in mutants:
        file = tree / mutant.path
        source = file.read_text("utf-8")
        file.write_text(mutated(mutant, source), "utf-8")
        try:
            verdict = Verdict(mutant, first_failure(tree, mutant.tests, limit))
        except subprocess.TimeoutExpired:
            verdict = Verdict(mutant, "", limit)
        finally:
            file.write_text(source, "utf-8")
        yield verdict


def first_failure(tree: Path, tests: Iterable[str], limit: float | None = None) -> str:
    """The first test that fails; empty if all pass.

    Raises FanlightError if they cannot be run, TimeoutExpired if they take longer than `limit`.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-rfE",
               "-p", "no:cacheprovider", *tests]  # fmt: skip
    # Compiled files go by time and size, which a mutant may share with what it is made of.
    environ = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'functions'}",
               "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    ran = subprocess.run(command, cwd=tree, env=environ, check=False, capture_output=True,
                         text=True, timeout=limit)  # fmt: skip
    if ran.returncode == 0:
        return ""
    found = re.search(r"^FAILED \S*?([^/\s]+::\S+)", ran.stdout, re.MULTILINE)
    if ran.returncode != 1 or not found:
        why = re.search(r"^ERROR.*", ran.stdout + ran.stderr, re.MULTILINE)
        told = why[0] if why else f"exit code {ran.returncode} of pytest"
        raise FanlightError(f"the tests cannot be run: {told}")
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


def check(mutants: list[Mutant]) -> int:
    """Judge them all, and say so; how many survive. FanlightError if that cannot be told."""
    verdicts = []
    with copy() as tree:
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        began = time.monotonic()
        if failed := first_failure(tree, tests):
            raise FanlightError(f"without any mutant there fails {failed}")
        took = time.monotonic() - began
        files = len({test.partition("::")[0] for test in tests})
        print(f"without a mutant, the named tests in {files} files pass", flush=True)
        for verdict in judge(mutants, tree, max(LEAST_SECONDS, PATIENCE * took)):
            verdicts.append(verdict)
            print(f"{verdict.mutant.name:<50}  {verdict}", flush=True)
    endless = sum(verdict.limit is not None for verdict in verdicts)
    survive = sum(not verdict.killed_by for verdict in verdicts) - endless
    print(f"{len(mutants)} mutants, {survive} survive, {endless} without an end")
    return survive


def main(arguments: list[str] | None = None, known: Sequence[Mutant] = MUTANTS) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.mutations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="WORD")
    words = parser.parse_args(arguments).words
    for word in words:
        if not any(word in one.name for one in known):
            parser.error(f"no mutant has {word!r} in its name")
    mutants = [one for one in known if not words or any(word in one.name for word in words)]
    try:
        return 1 if check(mutants) else 0
    except FanlightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
