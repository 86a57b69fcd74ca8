"""Whether a function's runtime and handlers are there, in the code that its package is made of."""

import ast
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from tools.packaging.imports import module_file
from tools.packaging.target import PYTHONS
from tools.template import SOURCE, Function

_RUNTIMES = tuple(f"python{version}" for version in PYTHONS)


def runs_ours(function: Function) -> bool:
    """Whether its code is this project's: a zip is made of it, and a folder is the user's own."""
    return function.code.suffix == ".zip" or function.code == SOURCE


def entry_problems(function: Function) -> Iterator[str]:
    """What keeps this project's code from being started; nothing is said of anybody else's."""
    if not runs_ours(function):
        return
    if function.runtime not in _RUNTIMES:
        yield (
            f"its runtime {function.runtime} is none that Fanlight runs on; write runtime: "
            f"{_RUNTIMES[0]}"
        )
    yield from modules(function, SOURCE)[1]


def modules(function: Function, source: Path) -> tuple[list[str], list[str]]:
    """The modules below `source` that the handlers name, and what is wrong with the others."""
    found, problems = list[str](), list[str]()
    for entry in (function.handler, function.initializer, function.pre_stop):
        if entry is None:
            continue
        module, _, name = entry.rpartition(".")
        file = module_file(source, module) if module else None
        if file is None:
            hint = _hint(module, [path.stem for path in source.glob("*.py")], "{}." + name)
            problems.append(
                f"handler {entry}: {source.name}/ has no {module or entry}.py; write "
                f"module.function{hint}"
            )
        elif name not in (defined := _functions(file)):
            hint = _hint(name, defined, module + ".{}")
            problems.append(f"handler {entry}: {file.name} has no function {name}{hint}")
        else:
            found.append(module)
    return found, problems


def _hint(word: str, known: list[str], spelled: str) -> str:
    near = get_close_matches(word, known, 1)
    return f"; did you mean {spelled.format(near[0])}?" if near else ""


def _functions(file: Path) -> list[str]:
    body = ast.parse(file.read_bytes()).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef)]
