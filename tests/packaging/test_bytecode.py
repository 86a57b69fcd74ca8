"""Bytecode in a package."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from fanlight.errors import ConfigError
from tools.packaging.bytecode import bytecode
from tools.packaging.target import Target
from tools.packaging.zipped import Entry, packed, write_zip

HERE = Target(sysconfig.get_python_version())
TAG = sys.implementation.cache_tag


def modules() -> list[Entry]:
    return [
        packed("own/__init__.py", "own 1", b"VALUE = 'from own'\n"),
        packed("own/template.py", "own 1", b"this is {{ no }} Python\n"),
        packed("entry.py", "fanlight", b"from own import VALUE\nprint(VALUE)\n"),
        packed("data.json", "fanlight", b"{}"),
    ]


def test_every_module_is_compiled() -> None:
    """Each belongs to its own component; what is no Python is passed over."""
    made = bytecode(modules(), Path(sys.executable), HERE)

    assert {entry.path: entry.component for entry in made} == {
        f"own/__pycache__/__init__.{TAG}.pyc": "own 1",
        f"__pycache__/entry.{TAG}.pyc": "fanlight",
    }


def test_the_same_source_gives_the_same_bytecode() -> None:
    """Neither the time nor the folder it was compiled in is part of it."""
    twice = [bytecode(modules(), Path(sys.executable), HERE) for _ in range(2)]

    assert [e.body() for e in twice[0]] == [e.body() for e in twice[1]]


def test_it_is_what_runs(tmp_path: Path) -> None:
    """Python takes the bytecode without looking at the source, and finds it right."""
    compiled = bytecode(modules(), Path(sys.executable), HERE)
    changed = [packed("own/__init__.py", "own 1", b"VALUE = 'compiled anew'\n"), *modules()[2:]]
    write_zip(tmp_path / "a.zip", [*changed, *compiled])
    unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    subprocess.run([sys.executable, "-c", unzip, tmp_path / "a.zip", tmp_path / "code"], check=True)

    run = f"import sys; sys.path.insert(0, {str(tmp_path / 'code')!r}); import entry"
    said = subprocess.run([sys.executable, "-I", "-c", run], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert said.stdout == "from own\n"


def test_another_python_is_refused() -> None:
    """An interpreter whose bytecode the target cannot load leaves nothing to package."""
    other = Target("3.10" if HERE.python == "3.12" else "3.12")

    with pytest.raises(ConfigError, match=f"cannot compile for Python {other.python}"):
        bytecode(modules(), Path(sys.executable), other)
