"""template.yml: what the deployment component accepts, and what our own code needs it to say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fanlight.config import Config, FailedConfig
from fanlight.errors import ConfigError
from fanlight.place import Place
from tools.template import Function, from_source, project_template, read_template

SCHEMA = Path(__file__).parents[2] / "shared" / "data" / "fc3" / "schema.json"


TASKS = ("digits", "products", "moderation")
LANES = tuple(f"{task}-backfill" for task in TASKS)
SWEEPS = tuple(f"{task}-sweep" for task in TASKS)
TRIGGERS = {"oss": "IOssTriggerConfig", "timer": "ITimerTriggerConfig"}


def properties(name: str) -> dict[str, Any]:
    """What the deployment component is given for one function."""
    text = project_template().read_text().replace("${this.name}", name)
    for variable, value in yaml.safe_load(text)["vars"].items():
        text = text.replace(f"${{vars.{variable}}}", str(value))
    filled: dict[str, Any] = yaml.safe_load(text)["resources"][name]["props"]
    task = name.partition("-")[0]
    for key, value in filled.items():
        if value == f"${{resources.{task}.props.{key}}}":
            filled[key] = properties(task)[key]
    return filled


@pytest.mark.skipif(not SCHEMA.exists(), reason="the component's schema is not at hand")
@pytest.mark.parametrize("name", [*TASKS, *LANES, *SWEEPS, "deadletter"])
def test_the_component_accepts_it(name: str) -> None:
    """Each function's properties, and each trigger, are valid by the component's own schema."""
    schema = json.loads(SCHEMA.read_text())
    props = properties(name)

    jsonschema.validate(props, schema)
    for trigger in props.get("triggers", []):
        part = {**schema, "$ref": f"#/definitions/{TRIGGERS[trigger['triggerType']]}"}
        jsonschema.validate(trigger["triggerConfig"], part)


@pytest.mark.parametrize("name", TASKS)
def test_the_trigger_filters_what_the_function_reads(name: str) -> None:
    """Each trigger's bucket and prefix are its function's input, named after the task."""
    function = function_named(name)

    places = [Place(trigger.bucket, trigger.prefix) for trigger in function.triggers]

    assert places == [Place.parse(function.environment["FANLIGHT_INPUT"])]
    assert places == [Place("fanlight-demo", f"input/{name}/")]


def function_named(name: str) -> Function:
    functions = from_source(read_template(project_template())).functions
    return next(function for function in functions if function.resource == name)


def test_the_settings_are_whole() -> None:
    """Both functions start with the settings the template gives them."""
    platform = {"FC_REGION": "cn-hangzhou"}
    digits, deadletter = function_named("digits"), function_named("deadletter")
    code = {"FC_FUNC_CODE_PATH": str(digits.code)}

    config = Config.from_environ({**platform, **code, **digits.environment})
    failed = FailedConfig.from_environ({**platform, **deadletter.environment})

    assert config.failed == failed.failed
    assert config.endpoint == "https://oss-cn-hangzhou-internal.aliyuncs.com"


def test_tasks_share_all_but_what_they_state() -> None:
    """Two tasks of the template differ in name, places, model and memory alone."""
    digits, products = function_named("digits"), function_named("products")

    renamed = replace(
        digits,
        resource="products",
        name="fanlight-products",
        memory_mb=products.memory_mb,
        environment={
            name: value.replace("digits", "products") for name, value in digits.environment.items()
        },
        triggers=tuple(replace(item, prefix="input/products/") for item in digits.triggers),
    )

    assert products == renamed
    assert products.memory_mb != digits.memory_mb


@pytest.mark.parametrize("name", TASKS)
def test_a_model_is_moved_for_one_task(tmp_path: Path, name: str) -> None:
    """What a task's own FANLIGHT_MODEL line says is had by its three functions and no other."""
    text = project_template().read_text("utf-8")
    start = text.index(f"  {name}:\n")
    path = tmp_path / "template.yml"
    own = text[start:].replace("FANLIGHT_MODEL: models/${this.name}", "FANLIGHT_MODEL: moved", 1)
    path.write_text(text[:start] + own, "utf-8")

    moved = {
        function.resource
        for function in read_template(path).functions
        if function.environment.get("FANLIGHT_MODEL") == "moved"
    }

    assert moved == {name, f"{name}-backfill", f"{name}-sweep"}


@pytest.mark.parametrize("name", TASKS)
def test_the_slower_lane_is_the_task_without_its_trigger(name: str) -> None:
    """A task's second function differs in name, limit and trigger alone: results are the same."""
    task, lane = function_named(name), function_named(f"{name}-backfill")

    assert lane == replace(
        task,
        resource=f"{name}-backfill",
        name=f"fanlight-{name}-backfill",
        triggers=(),
        reserved=10,
    )
    assert task.reserved is None


@pytest.mark.parametrize("name", [*TASKS, *LANES])
def test_failures_go_to_the_function_that_files_them(name: str) -> None:
    """The failure destination names the dead-letter function of the template."""
    assert function_named(name).on_failure == function_named("deadletter").name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("vars: {}", "resources is missing"),
        ("resources: {a: {component: fc3, props: {code: .}}}", "functionName is missing"),
        (
            "resources: {a: {component: fc3, props: {functionName: '${vars.x}'}}}",
            "vars.x is missing",
        ),
        (
            "resources: {a: {component: fc3, props: {code: '${resources.b.props.code}'}}}",
            "resources.b.props.code is missing",
        ),
        ("[]", "it has no functions below resources"),
        ("buy milk", "it has no functions below resources"),
        ("resources: []", "it has no functions below resources"),
    ],
)
def test_a_bad_template_is_named(tmp_path: Path, text: str, message: str) -> None:
    """A template that cannot be used says which file and what it lacks."""
    path = tmp_path / "template.yml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message):
        read_template(path)
