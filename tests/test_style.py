"""What the linters cannot say of the tests: each has a sentence, and none reaches for a mock."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_each_test_says_what_must_hold(name: str) -> None:
    """Every test has a docstring that is one sentence or two, and gives nothing back."""
    tree = ast.parse((TESTS / name).read_bytes())
    tests = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]  # fmt: skip

    silent = [test.name for test in tests if not (ast.get_docstring(test) or "").endswith(".")]

    assert tests
    assert silent == []
    assert [test.name for test in tests if ast.unparse(test.returns or test) != "None"] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_test_mocks(name: str) -> None:
    """Fakes are written out; nothing is imported from unittest.mock."""
    tree = ast.parse((TESTS / name).read_bytes())
    imported = {
        *(node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)),
        *(alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
          for alias in node.names),
    }  # fmt: skip

    assert not [module for module in imported if module.startswith("unittest")]
