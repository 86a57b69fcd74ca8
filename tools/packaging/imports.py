"""What our own code imports, read from its source without running any of it."""

import ast
import sys
from pathlib import Path


def third_party(source: Path, modules: list[str]) -> tuple[set[str], set[str]]:
    """Follow the imports of `modules` inside the folder `source`.

    Returns our own modules that are reached (`fanlight.model`), and the top-level names of what
    is neither ours nor in the standard library (`cv2`). Imports inside functions count. Back ends
    are found by name at run time, so none is reached.
    """
    ours: set[str] = set()
    others: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in ours:
            continue
        if file := module_file(source, name):
            ours.add(name)
            waiting += _imported(file)
        elif not module_file(source, name.partition(".")[0]):
            others.add(name.partition(".")[0])
    return ours, others - sys.stdlib_module_names


def module_file(source: Path, name: str) -> Path | None:
    """The file of a module below `source`, if it is one of ours."""
    path = source.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _imported(file: Path) -> list[str]:
    """Every name that may be a module: of `from a import b` both `a` and `a.b`."""
    found = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
