"""What the linters cannot say: each test has a sentence, none mocks, and packages have a map."""

import ast
import re
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


MAPPED = ["functions/fanlight", "tools", "tools/deployment", "tools/localcloud", "tools/packaging",
          "tools/prove", "tools/results", "tools/training"]  # fmt: skip


@pytest.mark.parametrize("folder", MAPPED)
def test_a_package_names_its_modules(folder: str) -> None:
    """The docstring in a package's `__init__` is a map: each module is on it, and none that is not.

    A module is on it, too, when the one that it is a part of is: `engine_fc` by `engine`.
    """
    root = TESTS.parent / folder
    there = {path.stem for path in root.iterdir() if path.is_dir() or path.suffix == ".py"}
    there -= {"__init__", "__main__", "__pycache__"}
    page = ast.get_docstring(ast.parse((root / "__init__.py").read_bytes()), clean=False) or ""
    column = re.findall(r"^    ([a-z_0-9]+(?:, [a-z_0-9]+)*)(?=  |$)", page, re.MULTILINE)
    named = {name for names in column for name in names.split(", ")}
    told = named | set(re.findall(r"`(?:tools\.)?(\w+)`", page))

    assert named - there == set()
    assert {name for name in there if not {name, name.partition("_")[0]} & told} == set()
