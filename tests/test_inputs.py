"""What a template says of a place or a function that somebody names."""

from pathlib import Path

import pytest
from click import UsageError

from tests.test_settings import TEMPLATE
from tools.inputs import check_function, deployed_for, inputs, nothing_under, template_for

OTHERS = """
  sweep:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: sweep
      runtime: python3.12
      handler: sweep.handler
      code: ./build/digits.zip
      memorySize: 1536
      environmentVariables: {FANLIGHT_INPUT: 'oss://shop/in/'}
  broken:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: broken
      runtime: python3.12
      handler: other.handler
      code: ./build/digits.zip
      memorySize: 1536
      environmentVariables: {FANLIGHT_INPUT: 'shop/in'}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A classifier, a sweep, and something of somebody else's."""
    path = tmp_path / "mine.yml"
    path.write_text(TEMPLATE + OTHERS)
    return path


def test_inputs_are_those_of_classifiers(template: Path) -> None:
    """Each once, for a hint; a place of the template's needs none, and no template gives none."""
    hint = "nothing is under oss://b/x/; the inputs in mine.yml are oss://shop/in/"

    assert inputs(template) == ["oss://shop/in/"]
    assert nothing_under("oss://b/x/", template, known=False) == hint
    assert (
        nothing_under("oss://shop/in/", template, known=True) == "nothing is under oss://shop/in/"
    )
    assert nothing_under("oss://b/x/", None, known=False) == "nothing is under oss://b/x/"


def test_a_folder_has_no_template(template: Path) -> None:
    """Nothing is read for it."""
    assert template_for("photos", template) is None
    assert template_for("oss://b/x/", template) == template
    assert deployed_for("photos", None) is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("oss://shop/failed", r"holds dead letters.*: fanlight results oss://shop/results/ --sta"),
        ("oss://shop/failed/2026-11-26/", "holds dead letters"),
        ("oss://shop/results/", "holds results, no images; those are under oss://shop/in/"),
    ],
)
def test_what_functions_write_is_no_image(template: Path, source: str, message: str) -> None:
    """Whoever names it is told what it is, and no letter is ever taken for a picture."""
    with pytest.raises(UsageError, match=message):
        deployed_for(source, template)


def test_any_other_place_will_do(template: Path) -> None:
    """One of the template's, or one that it does not know."""
    known = deployed_for("oss://shop/in/a/", template)

    assert known is not None
    assert known.function == "digits"
    assert deployed_for("oss://shop/elsewhere/", template) is None


@pytest.mark.parametrize(
    ("name", "source", "out", "message"),
    [
        ("sweep", "oss://shop/in/", "oss://shop/results/", "its handler is sweep.handler"),
        ("broken", "oss://shop/in/", "oss://shop/results/", "its handler is other.handler"),
        ("digits", "oss://shop/other/", "oss://shop/results/", "works on oss://shop/in/, not on"),
        ("digits", "oss://shop/", "oss://shop/results/", "works on oss://shop/in/, not on"),
        ("digits", "oss://shop/in/", "oss://shop/out/", "writes to oss://shop/results/, not to"),
        ("digits", "oss://shop/in/a/", "oss://shop/results/", "writes to oss://shop/results/"),
    ],
)
def test_a_function_that_would_do_nothing_is_refused(
    template: Path, name: str, source: str, out: str, message: str
) -> None:
    """Its events would be taken and come to nothing, and a run wait for them in vain."""
    with pytest.raises(UsageError, match=message):
        check_function(name, source, out, template)


def test_a_function_that_does_the_work_is_not(template: Path) -> None:
    """Nor is one that the template does not have, whatever it does."""
    check_function("digits", "oss://shop/in/", "oss://shop/results/", template)
    check_function("digits", "oss://shop/in/a", "oss://shop/results/a/", template)
    check_function("unheard-of", "oss://b/x/", "oss://b/y/", template)
    check_function("digits", "oss://b/x/", "oss://b/y/", None)
