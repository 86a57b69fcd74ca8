"""template.yml: what the deployment component accepts, and what our own code needs it to say."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fanlight.config import Config, FailedConfig
from fanlight.errors import ConfigError
from fanlight.place import Place
from tools.localcloud.cloud import project_template
from tools.localcloud.template import read_template

SCHEMA = Path(__file__).parents[2] / "shared" / "data" / "fc3" / "schema.json"


def resources() -> dict[str, Any]:
    text = project_template().read_text()
    document = yaml.safe_load(text)
    for name, value in document["vars"].items():
        text = text.replace(f"${{vars.{name}}}", str(value))
    filled: dict[str, Any] = yaml.safe_load(text)["resources"]
    return filled


@pytest.mark.skipif(not SCHEMA.exists(), reason="the component's schema is not at hand")
@pytest.mark.parametrize("name", ["classify", "deadletter"])
def test_the_component_accepts_it(name: str) -> None:
    """Each function's properties, and each trigger, are valid by the component's own schema."""
    schema = json.loads(SCHEMA.read_text())
    props = resources()[name]["props"]

    jsonschema.validate(props, schema)
    for trigger in props.get("triggers", []):
        part = {**schema, "$ref": "#/definitions/IOssTriggerConfig"}
        jsonschema.validate(trigger["triggerConfig"], part)


def test_the_trigger_filters_what_the_function_reads() -> None:
    """The trigger's bucket and prefix are the function's input."""
    classify = read_template(project_template()).functions[0]

    places = [Place(trigger.bucket, trigger.prefix) for trigger in classify.triggers]

    assert places == [Place.parse(classify.environment["FANLIGHT_INPUT"])]


def test_the_settings_are_whole() -> None:
    """Both functions start with the settings the template gives them."""
    platform = {"FC_REGION": "cn-hangzhou"}
    classify, deadletter = read_template(project_template()).functions
    code = {"FC_FUNC_CODE_PATH": str(classify.code)}

    config = Config.from_environ({**platform, **code, **classify.environment})
    failed = FailedConfig.from_environ({**platform, **deadletter.environment})

    assert config.failed == failed.failed
    assert config.endpoint == "https://oss-cn-hangzhou-internal.aliyuncs.com"


def test_failures_go_to_the_function_that_files_them() -> None:
    """The failure destination names a function of the template."""
    template = read_template(project_template())

    names = [function.name for function in template.functions]

    assert template.functions[0].on_failure in names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("vars: {}", "resources is missing"),
        ("resources: {a: {component: fc3, props: {code: .}}}", "functionName is missing"),
        ("resources: {a: {component: fc3, props: {functionName: '${vars.x}'}}}", "x is missing"),
        ("[]", "is not a Serverless Devs 3 template"),
    ],
)
def test_a_bad_template_is_named(tmp_path: Path, text: str, message: str) -> None:
    """A template that cannot be used says which file and what it lacks."""
    path = tmp_path / "template.yml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message):
        read_template(path)
