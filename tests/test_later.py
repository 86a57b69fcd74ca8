"""Modules left for their first use: nothing but that is different."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fanlight.later import left_for_later

PACKAGE = "left_for_later_here"
HEAVY = f"{PACKAGE}.heavy"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with `heavy`, which three modules import in their ways."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name, text in {
        "__init__": "",
        "heavy": "WORD = 'real'\ndef word():\n    return WORD\n",
        "whole": f"from {PACKAGE} import heavy\ndef use():\n    return heavy.word()\n",
        "part": f"from {HEAVY} import WORD\n",
        "broken": f"from {PACKAGE} import heavy\nraise ValueError('broken')\n",
    }.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def imported(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


@pytest.mark.usefixtures("package")
def test_it_is_imported_when_it_is_used() -> None:
    """What has the stand-in works as if it had the module, which is imported then."""
    with left_for_later([HEAVY]):
        whole = imported("whole")
    before = HEAVY in sys.modules

    assert whole.use() == "real"
    assert (before, HEAVY in sys.modules) == (False, True)


@pytest.mark.usefixtures("package")
def test_others_get_the_module_itself() -> None:
    """Whoever imports it afterwards, by any way, finds no stand-in."""
    with left_for_later([HEAVY]):
        whole = imported("whole")

    heavy = imported("heavy")

    assert heavy is not whole.heavy
    assert heavy.__file__
    assert heavy.__file__.endswith("heavy.py")
    assert importlib.import_module(PACKAGE).heavy is heavy
    assert whole.heavy.word is heavy.word


@pytest.mark.usefixtures("package")
def test_names_are_taken_from_the_module_itself() -> None:
    """Where a name is imported from it, it is imported there and then."""
    with left_for_later([HEAVY]):
        part = imported("part")
        there = HEAVY in sys.modules

    assert part.WORD == "real"
    assert there
    assert sys.modules[HEAVY].__file__


@pytest.mark.usefixtures("package")
def test_what_has_been_imported_stays() -> None:
    """A module that is there already is used as it is, and is there afterwards."""
    heavy = imported("heavy")
    with left_for_later([HEAVY]):
        whole = imported("whole")

    assert whole.heavy is heavy
    assert sys.modules[HEAVY] is heavy


@pytest.mark.usefixtures("package")
def test_a_failing_import_leaves_nothing() -> None:
    """The library's own error comes out, and no stand-in stays behind."""
    with pytest.raises(ValueError, match="broken"), left_for_later([HEAVY]):
        imported("broken")

    assert HEAVY not in sys.modules


def test_what_is_not_installed_is_told_at_its_use() -> None:
    """A module that does not exist fails as it would have, but when it is used."""
    with left_for_later(["no_such_module_here"]):
        import no_such_module_here  # type: ignore[import-not-found]

    with pytest.raises(ModuleNotFoundError, match="no_such_module_here"):
        no_such_module_here.anything()
