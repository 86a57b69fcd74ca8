"""The mutation check itself: its mutants still fit the code, and it can tell who survives."""

from collections import Counter
from pathlib import Path

import pytest

from fanlight.errors import FanlightError
from tools.prove.mutants import MUTANTS, Mutant
from tools.prove.mutations import LEAST_SECONDS, ROOT, Verdict, judge, main, mutated

BODY = """
from half import half

def test_half() -> None:
    assert half(4) == 2
"""
WRONG = Mutant("wrong", "half.py", "x / 2", "x / 4", ("test_half.py",))
AS_GOOD = Mutant("as good", "half.py", "x / 2", "x * 0.5", ("test_half.py",))


def halving(tree: Path) -> None:
    """Sources with one test, which notices the first of these mutants."""
    (tree / "functions").mkdir()
    (tree / "half.py").write_text("def half(x):\n    return x / 2\n")
    (tree / "test_half.py").write_text(BODY)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_code(mutant: Mutant) -> None:
    """What a mutant replaces is there once, the result is other Python, and its tests exist."""
    source = (ROOT / mutant.path).read_text("utf-8")

    made = compile(mutated(mutant, source), mutant.path, "exec")

    assert made != compile(source, mutant.path, "exec")
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (
            f"def {name}(" in (ROOT / file).read_text("utf-8") if name else (ROOT / file).is_file()
        )


def test_every_mutant_has_a_name_of_its_own() -> None:
    """One that is given on the command line is one mutant, and so is a line of what is printed."""
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1


def test_a_mutant_that_does_not_fit_is_named() -> None:
    """Code that has moved on is told of, not passed over."""
    with pytest.raises(
        FanlightError, match=r"^doubled: half\.py has 0 times, not once: 'return x'$"
    ):
        mutated(Mutant("doubled", "half.py", "return x", "return 2 * x", ()), "pass\n")


def test_survivors_are_told_from_the_killed(tmp_path: Path) -> None:
    """A mutant that a test notices has that test's name; afterwards the code is as it was."""
    halving(tmp_path)

    verdicts = list(judge([WRONG, AS_GOOD], tmp_path, LEAST_SECONDS))

    assert verdicts == [Verdict(WRONG, "test_half.py::test_half"), Verdict(AS_GOOD, "")]
    assert [str(verdict) for verdict in verdicts] == ["test_half.py::test_half", "SURVIVES"]
    assert "x / 2" in (tmp_path / "half.py").read_text()


def test_a_mutant_without_an_end_is_told_apart(tmp_path: Path) -> None:
    """It neither survives nor has a test that failed; afterwards the code is as it was."""
    halving(tmp_path)
    endless = Mutant("endless", "half.py", "return", "while True: pass\n    return", WRONG.tests)

    (verdict,) = judge([endless], tmp_path, 3.0)

    assert verdict == Verdict(endless, "", limit=3.0)
    assert str(verdict) == "no end after 3 s"
    assert "while" not in (tmp_path / "half.py").read_text()


def test_tests_that_cannot_run_are_no_verdict(tmp_path: Path) -> None:
    """A mutant that only breaks the import of a test has not been judged."""
    (tmp_path / "half.py").write_text("half = 1\n")
    (tmp_path / "test_half.py").write_text(BODY)
    mutant = Mutant("gone", "half.py", "half = 1", "", ("test_half.py",))

    with pytest.raises(FanlightError, match=r"^the tests cannot be run: ERROR test_half.py.*$"):
        list(judge([mutant], tmp_path, LEAST_SECONDS))


def test_a_word_that_fits_no_mutant_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever mistyped a name is told, instead of that nothing survives."""
    with pytest.raises(SystemExit, match="2"):
        main([MUTANTS[0].name, "no such thing"])

    assert capsys.readouterr().err.endswith("error: no mutant has 'no such thing' in its name\n")


def test_a_check_that_cannot_be_made_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with a mutant is said without a traceback, and is no success."""
    mutant = Mutant("gone", "functions/classify.py", "no such\ntext", "", ("tests/test_place.py",))

    assert main([], [mutant]) == 1

    told = capsys.readouterr()
    assert told.out == "without a mutant, the named tests in 1 files pass\n"
    assert told.err == (
        "error: gone: functions/classify.py has 0 times, not once: 'no such\\ntext'\n"
    )
