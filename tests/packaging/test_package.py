"""Real packages, for both Pythons, run by interpreters that have no library of their own."""

import email
import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fanlight.errors import ConfigError
from tools.commands.package import command
from tools.packaging.build import library_names
from tools.packaging.components import BACKENDS, IMAGES, NOT_TAKEN, OSS
from tools.packaging.pins import pinned, read_pins
from tools.packaging.target import PYTHONS, Target
from tools.packaging.trial import bare_python, find_python, tried, unpacked
from tools.packaging.trim import ANY, RULES
from tools.packaging.wheels import cache_folder, fetch
from tools.template import Template, project_template, read_template

FUNCTIONS = ("digits", "deadletter")
LIBRARIES = (*OSS, *IMAGES, *BACKENDS["litert"])


@dataclass(frozen=True)
class Made:
    """What one run of the command made, and the libraries it was made of."""

    target: Target
    libraries: dict[str, Path]
    template: Template
    template_file: Path
    out: Path

    def names(self, function: str) -> list[str]:
        with zipfile.ZipFile(self.out / f"{function}.zip") as package:
            return package.namelist()


def package(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture(scope="module", params=PYTHONS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    target = Target(request.param)
    try:
        libraries = fetch(
            pinned((*LIBRARIES, *BACKENDS["onnx"]), read_pins(target)),
            target,
            cache_folder(),
            lambda _line: None,
        )
    except ConfigError as error:
        pytest.skip(f"no wheels: {error}")
    folder = tmp_path_factory.mktemp(target.abi)
    template_file = folder / "template.yml"
    text = project_template().read_text().replace("python3.12", target.runtime)
    template_file.write_text(text)
    out = folder / "out"
    done = package(*FUNCTIONS, "--template", template_file, "--python", target.python, "--out", out)
    assert done.exit_code == 0, done.output
    described = read_template(template_file)
    functions = [f for f in described.functions if f.resource in FUNCTIONS]
    sweep = next(f for f in described.functions if f.resource == "digits-sweep")
    template = Template(
        tuple(replace(f, code=out / f.code.name) for f in [*functions, sweep]),
        described.region,
        described.account,
    )
    return Made(target, libraries, template, template_file, out)


def test_the_packages_run_without_any_library(made: Made, tmp_path: Path) -> None:
    """Unpacked, on an interpreter without site-packages, an upload is classified and filed."""
    if find_python(made.target.python) is None:
        pytest.skip(f"there is no Python {made.target.python}")
    python = bare_python(made.target.python, tmp_path)
    said: list[str] = []

    failures = tried(unpacked(made.template, tmp_path / "code"), str(python), said.append)
    assert failures == []
    assert said == [
        "  digits: 7-00000.png is classified 7",
        "  deadletter: a failure was filed",
        "  digits-sweep: it swept",
    ]


def test_digits_fits_everywhere(made: Made) -> None:
    """The package stays below the 100 MB that the smallest regions take."""
    assert (made.out / "digits.zip").stat().st_size <= 100_000_000


def test_the_same_again_is_the_same_bytes(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packaged a second time, with no registry to ask, each zip is the same file."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = package(*FUNCTIONS, "--template", made.template_file, "--python", made.target.python,
                   "--out", tmp_path)  # fmt: skip

    assert done.exit_code == 0, done.output
    for name in FUNCTIONS:
        pair = [folder / f"{name}.zip" for folder in (made.out, tmp_path)]
        assert pair[0].read_bytes() == pair[1].read_bytes()


def test_only_what_is_needed_is_inside(made: Made) -> None:
    """One model, no images where none are looked at, no caches, and crcmod with its extension."""
    digits, deadletter = made.names("digits"), made.names("deadletter")

    assert {name.split("/")[1] for name in digits if name.startswith("models/")} == {"digits"}
    tops = {name.partition("/")[0] for name in deadletter}
    assert not tops & {"numpy", "cv2", "PIL", "ai_edge_litert", "models", "classify.py"}
    for names in (digits, deadletter):
        assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []
        assert any(re.fullmatch(r"crcmod/_crcfunext\..*\.so", name) for name in names)


def test_each_library_keeps_its_licence(made: Made) -> None:
    """What is handed on is handed on with its licence."""
    names = made.names("digits")
    licensed = {canonicalize_name(name.split("-")[0]) for name in names
                if re.search(r"\.dist-info/.*(LICEN[CS]E|COPYING|NOTICE)", name)}  # fmt: skip

    # These two name theirs, Apache-2.0, in their metadata and bring no file.
    assert set(LIBRARIES) - licensed <= {"aliyun-python-sdk-core", "aliyun-python-sdk-kms"}


def test_every_requirement_is_met_or_left_out_for_a_reason(made: Made) -> None:
    """What a library's metadata asks for is in the package, at a fitting version, or listed."""
    pins = read_pins(made.target)
    for name, file in made.libraries.items():
        for requirement in requirements(file, made.target):
            wanted = canonicalize_name(requirement.name)
            assert wanted in made.libraries or wanted in NOT_TAKEN, f"{name} needs {requirement}"
            if wanted in made.libraries:
                assert requirement.specifier.contains(pins[wanted]), f"{name} needs {requirement}"


def test_every_rule_leaves_something_out(made: Made) -> None:
    """A rule for a library of the package that matches no file of it says nothing any more."""
    for rule in RULES:
        if rule.distribution in made.libraries:
            with zipfile.ZipFile(made.libraries[rule.distribution]) as wheel:
                assert any(re.search(rule.pattern, name) for name in wheel.namelist()), rule
    assert {rule.distribution for rule in RULES} <= {
        ANY, *LIBRARIES, *BACKENDS["onnx"], *library_names("tensorflow")}  # fmt: skip


def requirements(file: Path, target: Target) -> list[Requirement]:
    """What a wheel says it needs on the target; of sources nothing is known."""
    if file.suffix != ".whl":
        return []
    with zipfile.ZipFile(file) as wheel:
        (about,) = [n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(wheel.read(about))
    needed = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    return [r for r in needed if r.marker is None or r.marker.evaluate(target.markers)]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["digit"], "the template has no function digit; it has digits, digits-backfill"),
        (
            ["--libs", "tensorflow", "digits"],
            "--libs goes with neither FUNCTION nor --try",
        ),
        (["--python", "3.11"], "'3.11' is not one of '3.12', '3.10'"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], complaint: str) -> None:
    """Exit code 2, and what would have been right."""
    done = package(*arguments)

    assert done.exit_code == 2
    assert complaint in done.output


def test_a_refusal_makes_no_zip(tmp_path: Path) -> None:
    """A function for another Python is refused before anything is fetched or written."""
    done = package("digits", "--python", "3.10", "--out", tmp_path)

    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith("not ready:\n  digits: its runtime is python3.12;")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("made", [PYTHONS[0]], indirect=True)
def test_one_refusal_does_not_cost_the_others(made: Made, tmp_path: Path) -> None:
    """What can be deployed is made and tried; what cannot is named, and the command fails."""
    if find_python(made.target.python) is None:
        pytest.skip(f"there is no Python {made.target.python}")
    template = tmp_path / "template.yml"
    template.write_text(made.template_file.read_text().replace("classify.handler", "no.handler"))

    done = package("digits", "deadletter", "-t", template, "--out", tmp_path / "out", "--try")
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == (
        "not ready:\n"
        "  digits: handler no.handler: functions/ has no no.py; write module.function\n"
        "  digits-backfill: handler no.handler: functions/ has no no.py; write module.function"
    )
    assert "deadletter: a failure was filed" in done.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["deadletter.zip"]


def test_a_missing_package_is_explained(tmp_path: Path) -> None:
    """What has not been packaged cannot be tried; the message names the command."""
    template = read_template(project_template())
    nowhere = Template(
        tuple(replace(f, code=tmp_path / "no.zip") for f in template.functions), "", ""
    )

    with pytest.raises(ConfigError, match="run `fanlight package digits`"):
        unpacked(nowhere, tmp_path)
