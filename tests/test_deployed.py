"""What a template has deployed for a place."""

from pathlib import Path

import pytest

from fanlight.config import Limits
from fanlight.errors import ConfigError
from fanlight.place import Place, result_key
from fanlight.thresholds import Threshold
from tools.deployed import Deployed, deployed
from tools.template import SOURCE, project_template

TEMPLATE = """
resources:
  slow:
    component: fc3
    props: &props
      region: cn-shanghai
      functionName: slow
      runtime: python3.12
      handler: classify.handler
      code: ./build/digits.zip
      memorySize: 1536
      environmentVariables: &settings
        FANLIGHT_INPUT: oss://b/in/
        FANLIGHT_OUTPUT: oss://c/out/
        FANLIGHT_FAILED: oss://b/failed/
        FANLIGHT_MODEL: models/never-got
        FANLIGHT_MAX_BYTES: '1000'
        FANLIGHT_TOP_K: '2'
        FANLIGHT_OSS_RESIZE: 'on'
  sweep:
    component: fc3
    props:
      <<: *props
      functionName: sweep
      handler: sweep.handler
  fast:
    component: fc3
    props:
      <<: *props
      functionName: fast
      triggers:
        - triggerName: uploads
          triggerType: oss
          sourceArn: acs:oss:cn-shanghai:1:b
          triggerConfig:
            events: ['oss:ObjectCreated:PutObject']
            filter: {key: {prefix: in/, suffix: ''}}
  other:
    component: fc3
    props:
      <<: *props
      functionName: other
      environmentVariables:
        FANLIGHT_INPUT: oss://b/else/
        FANLIGHT_OUTPUT: oss://b/elsewhere/
        FANLIGHT_MODEL: oss://b/m.zip#sha256=DIGEST
        FANLIGHT_THRESHOLDS: '{"nsfw": {"review": 0.2, "block": 0.8}}'
""".replace("DIGEST", "0" * 64)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template of two tasks, one of which has a slower lane and a sweep."""
    path = tmp_path / "template.yml"
    path.write_text(TEMPLATE)
    return path


@pytest.mark.parametrize("source", ["oss://b/in/", "oss://b/in"])
def test_a_place_has_the_function_that_uploads_to_it_trigger(template: Path, source: str) -> None:
    """All settings are the function's, with its slower lane beside it, slash or no slash."""
    assert deployed(source, template) == Deployed(
        function="fast",
        code=SOURCE,
        model="models/never-got",
        out="oss://c/out/",
        failed="oss://b/failed/",
        region="cn-shanghai",
        limits=Limits(max_bytes=1000),
        top_k=2,
        thresholds=None,
        oss_resize=True,
        backfill="slow",
    )


def test_a_task_without_a_trigger_is_deployed_too(template: Path) -> None:
    """Events may come another way, and a task need have no slower lane, letters or limits."""
    found = deployed("oss://b/else/", template)

    assert found is not None
    assert (found.function, found.backfill, found.failed) == ("other", None, None)
    assert (found.limits, found.top_k, found.oss_resize) == (Limits(), None, False)
    assert found.thresholds == {"nsfw": Threshold(review=0.2, block=0.8)}
    assert found.model.startswith("oss://b/m.zip#sha256=")


def test_part_of_an_input_has_the_matching_part_of_the_output(template: Path) -> None:
    """A key below a part of an input has the result that the function gives it."""
    key = "in/2024/a/7.png"
    part = deployed("oss://b/in/2024", template)
    whole = deployed("oss://b/in/", template)
    assert part
    assert whole

    results = []
    for source, out in [("in/2024/", part.out), ("in/", whole.out)]:
        relative = Place("b", source).relative(key)
        assert relative
        results.append((Place.parse(out).bucket, result_key(relative, Place.parse(out))))

    assert part.out == "oss://c/out/2024/"
    assert results == [("c", "out/2024/a/7.png.json")] * 2


@pytest.mark.parametrize("source", ["oss://b/", "oss://c/in/", "oss://b/inside/", "pictures/", "."])
def test_what_no_function_reads_is_not_deployed(template: Path, source: str) -> None:
    """Nor what holds an input, another bucket, a name that begins alike, or a folder."""
    assert deployed(source, template) is None


def test_settings_that_cannot_be_read_are_named(template: Path) -> None:
    """A run must not go on with defaults where the function itself would not start."""
    template.write_text(TEMPLATE.replace("FANLIGHT_TOP_K: '2'", "FANLIGHT_TOP_K: many"))

    with pytest.raises(ConfigError, match="FANLIGHT_TOP_K: 'many'"):
        deployed("oss://b/in/", template)


def test_the_projects_own_tasks_are_found() -> None:
    """The template that ships names each task's model and places by the task."""
    found = deployed("oss://fanlight-demo/input/products/", project_template())

    assert found is not None
    assert (found.function, found.model) == ("fanlight-products", "models/products")
    assert found.out == "oss://fanlight-demo/output/products/"
