"""What goes into each function's package, and who is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.packaging.components import BACKENDS, IMAGES, OSS
from tools.packaging.plan import Package, Plan, plan
from tools.packaging.target import Target
from tools.template import SOURCE, Function, project_template, read_template

REMOTE = "oss://b/m.zip#sha256=" + 64 * "0"
_ALL = {function.resource: function for function in read_template(project_template()).functions}


def function(which: str, **changes: Any) -> Function:
    """One of the template's functions; `environment` is added to its own."""
    given = _ALL[which]
    environment = {**given.environment, **changes.pop("environment", {})}
    return replace(given, environment=environment, **changes)


def planned(*functions: Function, python: str = "3.12", remote_format: str = "litert") -> Plan:
    return plan(functions, Target(python), SOURCE, remote_format=remote_format)


def test_a_function_gets_what_it_needs_and_no_more() -> None:
    """Digits takes its model, images and LiteRT; filing letters takes the OSS client alone."""
    digits, deadletter = function("digits"), function("deadletter")

    assert planned(digits, deadletter) == Plan([
        Package(digits, ("classify.py", "fanlight"),
                tuple(sorted({*OSS, *IMAGES, *BACKENDS["litert"]})), "models/digits"),
        Package(deadletter, ("deadletter.py", "fanlight"), tuple(sorted(OSS))),
    ])  # fmt: skip


def test_functions_of_one_zip_share_a_package() -> None:
    """Two functions of a task make one package; what one of them imports beyond it is in it."""
    digits, slower = function("digits"), function("digits-backfill")
    sweep, letters = function("digits-sweep"), function("deadletter", code=digits.code)
    alone = planned(digits).packages[0]

    assert planned(digits, slower) == Plan([alone])
    for pair in ((digits, sweep), (sweep, digits)):
        (package,) = planned(*pair).packages
        assert package.code == ("classify.py", "fanlight", "sweep.py")
    assert planned(slower, letters).problems == [
        "deadletter: its model is not that of digits-backfill, which has the same zip; write "
        "code: ./build/deadletter.zip in the template"
    ]
    other = function(
        "digits-backfill", handler="deadletter.handler", initializer="classify.handler"
    )
    assert planned(digits, other).packages == [
        replace(alone, code=("classify.py", "deadletter.py", "fanlight"))
    ]


@pytest.mark.parametrize(
    ("changes", "python", "problem"),
    [
        ({"runtime": "python3.10"}, "3.12",
         "its runtime is python3.10; package it with --python 3.10, or write "
         "runtime: python3.12 in the template"),
        ({"runtime": "python3.12"}, "3.10",
         "its runtime is python3.12; package it with --python 3.12, or write "
         "runtime: python3.10 in the template"),
        ({"runtime": "python3.9"}, "3.12",
         "its runtime python3.9 is none that Fanlight runs on; write runtime: python3.12 in the "
         "template"),
        ({"handler": "sort.handler"}, "3.12",
         "handler sort.handler: functions/ has no sort.py; write module.function"),
        ({"handler": "classify"}, "3.12",
         "handler classify: functions/ has no classify.py; write module.function"),
        ({"initializer": "classify.start"}, "3.12",
         "handler classify.start: classify.py has no function start"),
        ({"code": Path("build")}, "3.12",
         "code is build, no zip; write code: ./build/digits.zip in the template"),
        ({"environment": {"FANLIGHT_MODEL": "models/shoes"}}, "3.12",
         "models/shoes is not there; run `fanlight model get shoes`, or put a bundle of your own "
         "at functions/models/shoes"),
        ({"environment": {"FANLIGHT_MODEL": "../models/digits"}}, "3.12",
         "FANLIGHT_MODEL is not set to a folder of the code, such as models/digits, or "
         "oss://bucket/key.zip#sha256=..."),
        ({"environment": {"FANLIGHT_LIBS": "oss://b/libs.zip"}}, "3.12",
         "FANLIGHT_LIBS: 'oss://b/libs.zip' is not a zip with its digest; write "
         "oss://bucket/key.zip#sha256=<64 hexadecimal digits>, as `fanlight model publish` "
         "prints it"),
    ],
)  # fmt: skip
def test_what_cannot_be_deployed_is_refused_with_the_remedy(
    changes: dict[str, Any], python: str, problem: str
) -> None:
    """Each refusal names the function and what to change."""
    refused = planned(function("digits", **changes), python=python)

    assert refused == Plan([], [f"digits: {problem}"])


def test_all_problems_are_named_at_once() -> None:
    """Problems of several functions, and several of one, stand in one list; the rest goes on."""
    digits = function("digits", runtime="python3.9", handler="no.handler")
    products = function("products", environment={"FANLIGHT_MODEL": ""})
    deadletter = function("deadletter")

    made = planned(digits, products, deadletter)
    assert [p.function.resource for p in made.packages] == ["deadletter"]
    assert [problem.partition(" ")[0] for problem in made.problems] == [
        "digits:", "digits:", "products:"]  # fmt: skip


def test_a_model_in_oss_is_not_packaged() -> None:
    """Its format is that of the bundle of the same name here, and the plan says so."""
    digits = function("digits", environment={"FANLIGHT_MODEL": REMOTE})

    (package,) = planned(digits, remote_format="onnx").packages
    assert package.model is None
    assert set(package.libraries) == {*OSS, *IMAGES, *BACKENDS["litert"]}
    assert package.notes == (
        "the model is in OSS; taken to be of format litert, as digits here is",)  # fmt: skip


def test_an_unknown_model_in_oss_is_of_the_format_given() -> None:
    """Where there is no such bundle here, --format decides, and the plan says so."""
    own = function("digits", code=Path("own.zip"), environment={"FANLIGHT_MODEL": REMOTE})

    (package,) = planned(own, remote_format="onnx").packages
    assert set(package.libraries) == {*OSS, *IMAGES, *BACKENDS["onnx"]}
    assert package.notes == (
        "the model is in OSS; taken to be of format onnx (--format says so)",)  # fmt: skip


def test_tensorflow_needs_its_libraries_from_oss() -> None:
    """Without FANLIGHT_LIBS such a model is refused; with it, no back end is packaged."""
    model = {"FANLIGHT_MODEL": REMOTE}
    own = {"resource": "own", "code": Path("own.zip")}
    without = function("digits", **own, environment=model)
    complete = function("digits", **own, environment={**model, "FANLIGHT_LIBS": REMOTE})

    assert planned(without, remote_format="tensorflow").problems == [
        "own: its model needs TensorFlow, which no package can hold; run `fanlight package --libs "
        "tensorflow`, upload what it makes, and set FANLIGHT_LIBS in the template"
    ]
    (package,) = planned(complete, remote_format="tensorflow").packages
    assert set(package.libraries) == {*OSS, *IMAGES}


def test_code_that_imports_what_no_package_holds_is_refused(tmp_path: Path) -> None:
    """A new dependency of the functions is noticed here, not by the platform."""
    (tmp_path / "deadletter.py").write_text("import torch\ndef handler(event, context): ...\n")

    made = plan([function("deadletter")], Target("3.12"), tmp_path, remote_format="litert")
    assert made.problems == [
        "deadletter: its code imports torch, and no package holds that; add what provides it to "
        "tools/packaging/components.py"
    ]
