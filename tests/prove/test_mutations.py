"""The mutation check itself: its mutants still fit the code, and it can tell who survives."""

from pathlib import Path

import pytest

from fanlight.errors import FanlightError
from tools.prove.mutants import MUTANTS, Mutant
from tools.prove.mutations import ROOT, judge, mutated

BODY = """
from half import half

def test_half() -> None:
    assert half(4) == 2
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_code(mutant: Mutant) -> None:
    """What a mutant replaces is there once, the result is Python, and its tests exist."""
    source = (ROOT / mutant.path).read_text("utf-8")

    compile(mutated(mutant, source), mutant.path, "exec")

    assert all((ROOT / test).is_file() for test in mutant.tests)


def test_a_mutant_that_does_not_fit_is_named() -> None:
    """Code that has moved on is told of, not passed over."""
    with pytest.raises(
        FanlightError, match=r"^doubled: half\.py has 0 times, not once:\nreturn x$"
    ):
        mutated(Mutant("doubled", "half.py", "return x", "return 2 * x", ()), "pass\n")


def test_survivors_are_told_from_the_killed(tmp_path: Path) -> None:
    """A mutant that a test notices has that test's name; afterwards the code is as it was."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "half.py").write_text("def half(x):\n    return x / 2\n")
    (tmp_path / "test_half.py").write_text(BODY)
    mutants = [
        Mutant("wrong", "half.py", "x / 2", "x / 4", ("test_half.py",)),
        Mutant("as good", "half.py", "x / 2", "x * 0.5", ("test_half.py",)),
    ]

    verdicts = list(judge(mutants, tmp_path))

    assert [verdict.killed_by for verdict in verdicts] == ["test_half.py::test_half", ""]
    assert "x / 2" in (tmp_path / "half.py").read_text()


def test_tests_that_cannot_run_are_no_verdict(tmp_path: Path) -> None:
    """A mutant that only breaks the import of a test has not been judged."""
    (tmp_path / "half.py").write_text("half = 1\n")
    (tmp_path / "test_half.py").write_text(BODY)
    mutant = Mutant("gone", "half.py", "half = 1", "", ("test_half.py",))

    with pytest.raises(FanlightError, match="cannot be run"):
        list(judge([mutant], tmp_path))
