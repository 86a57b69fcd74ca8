"""What each function's package is made of, decided before anything is downloaded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from fanlight.archive import Archive
from fanlight.bundle import Bundle
from fanlight.errors import ConfigError
from fanlight.place import SCHEME
from tools.deployment.entry import modules
from tools.packaging.components import BACKENDS, PROVIDERS
from tools.packaging.imports import third_party
from tools.packaging.target import PYTHONS, Target
from tools.template import Function

NEEDS_MODEL = "fanlight.model"
"""Code that imports this module classifies; what does not needs neither model nor images."""


@dataclass(frozen=True)
class Package:
    """`code`: paths below the source. `model` too; None where it lies in OSS, or none is needed."""

    function: Function
    code: tuple[str, ...]
    libraries: tuple[str, ...]
    model: str | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Plan:
    """What can be packaged, and what keeps the other functions from it, each with its remedy."""

    packages: list[Package] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan(
    functions: Iterable[Function], target: Target, source: Path, *, remote_format: str
) -> Plan:
    """Plan a package for each zip that functions name as their code, most often one a function.

    `remote_format`: of models in OSS that are not here too.
    """
    made, refused = Plan(), set[Path]()
    for function in functions:
        reading = _Reading(function, source)
        reading.problems += _runtime_problems(function, target)
        package = reading.package(remote_format)
        shared = next((p for p in made.packages if p.function.code == function.code), None)
        if shared and shared.model != package.model:
            reading.problems.append(
                f"its model is not that of {shared.function.resource}, which has the same zip; "
                f"write code: ./build/{function.resource}.zip in the template"
            )
        if reading.problems:
            made.problems += [f"{function.resource}: {problem}" for problem in reading.problems]
            refused.add(function.code)
        elif shared:
            made.packages[made.packages.index(shared)] = _together(shared, package)
        else:
            made.packages.append(package)
    # A zip that lacks the code of one of its functions would be deployed to that all the same.
    made.packages = [p for p in made.packages if p.function.code not in refused]
    return made


def _together(one: Package, other: Package) -> Package:
    """One zip for two functions."""
    return replace(
        one,
        code=tuple(sorted({*one.code, *other.code})),
        libraries=tuple(sorted({*one.libraries, *other.libraries})),
        notes=tuple(dict.fromkeys([*one.notes, *other.notes])),
    )


def _runtime_problems(function: Function, target: Target) -> Iterator[str]:
    runtime = function.runtime
    if runtime not in [f"python{version}" for version in PYTHONS]:
        yield (f"its runtime {runtime} is none that Fanlight runs on; "
               f"write runtime: {target.runtime} in the template")  # fmt: skip
    elif runtime != target.runtime:
        yield (f"its runtime is {runtime}; package it with --python "
               f"{runtime.removeprefix('python')}, or write runtime: {target.runtime} in the "
               "template")  # fmt: skip


class _Reading:
    """One function: what it needs, and what is wrong with it."""

    def __init__(self, function: Function, source: Path) -> None:
        self._function, self._source = function, source
        self._settings = function.environment
        self.problems: list[str] = []
        self._notes: list[str] = []

    def package(self, remote_format: str) -> Package:
        """Complete only if `problems` is empty afterwards."""
        if self._function.code.suffix != ".zip":
            self.problems.append(
                f"code is {self._function.code.name}, no zip; write "
                f"code: ./build/{self._function.resource}.zip in the template"
            )
        entries, problems = modules(self._function, self._source)
        self.problems += problems
        ours, others = third_party(self._source, entries)
        libraries = self._libraries(others)
        model = None
        if NEEDS_MODEL in ours:
            model, model_format = self._model(remote_format)
            libraries |= BACKENDS[model_format]
            self._check_libs(model_format)
        code = sorted({_top(self._source, name) for name in ours})
        return Package(
            self._function, tuple(code), tuple(sorted(libraries)), model, tuple(self._notes)
        )

    def _libraries(self, imported: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for module in sorted(imported):
            if module in PROVIDERS:
                found |= PROVIDERS[module]
            else:
                self.problems.append(
                    f"its code imports {module}, and no package holds that; add what provides it "
                    "to tools/packaging/components.py"
                )
        return found

    def _model(self, remote_format: str) -> tuple[str | None, str]:
        """The model's folder in the package, None if it lies in OSS; and its format."""
        text = self._settings.get("FANLIGHT_MODEL", "")
        if text.startswith(SCHEME):
            self._parse("FANLIGHT_MODEL", text)
            return None, self._remote(remote_format)
        path = PurePosixPath(text)
        if not text or path.is_absolute() or ".." in path.parts:
            self.problems.append(
                "FANLIGHT_MODEL is not set to a folder of the code, such as models/digits, or "
                "oss://bucket/key.zip#sha256=..."
            )
        elif not (self._source / path).is_dir():
            self.problems.append(
                f"{text} is not there; run `fanlight model get {path.name}`, or put a bundle of "
                f"your own at {self._source.name}/{text}"
            )
        else:
            try:
                return path.as_posix(), Bundle.read(self._source / path).format
            except ConfigError as error:
                self.problems.append(str(error))
        return None, remote_format

    def _remote(self, remote_format: str) -> str:
        here = self._source / "models" / self._function.code.stem
        try:
            known = Bundle.read(here).format
        except ConfigError:
            self._notes.append(
                f"the model is in OSS; taken to be of format {remote_format} (--format says so)"
            )
            return remote_format
        self._notes.append(
            f"the model is in OSS; taken to be of format {known}, as {here.name} here is"
        )
        return known

    def _check_libs(self, model_format: str) -> None:
        libs = self._settings.get("FANLIGHT_LIBS", "")
        if libs:
            self._parse("FANLIGHT_LIBS", libs)
        elif model_format == "tensorflow":
            self.problems.append(
                "its model needs TensorFlow, which no package can hold; run `fanlight package "
                "--libs tensorflow`, upload what it makes, and set FANLIGHT_LIBS in the template"
            )

    def _parse(self, setting: str, text: str) -> None:
        try:
            Archive.parse(text)
        except ConfigError as error:
            self.problems.append(f"{setting}: {error}")


def _top(source: Path, module: str) -> str:
    """The file or the folder right below `source` that a module is in."""
    top = module.partition(".")[0]
    return top if (source / top).is_dir() else f"{top}.py"
