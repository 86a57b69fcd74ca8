"""Settings: the whole of them, or every problem at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.archive import Archive
from fanlight.config import Config, FailedConfig, Limits
from fanlight.errors import ConfigError
from fanlight.place import Place
from fanlight.thresholds import Threshold

CODE = Path(__file__).parents[1] / "functions"
LEAST = {
    "FANLIGHT_INPUT": "oss://pictures/input/",
    "FANLIGHT_OUTPUT": "oss://pictures/output/",
    "FANLIGHT_MODEL": "models/digits",
    "FC_FUNC_CODE_PATH": str(CODE),
    "FC_REGION": "cn-hangzhou",
}


def test_the_least_settings_have_defaults_for_the_rest() -> None:
    """Three settings are enough; the endpoint is the region's internal one."""
    assert Config.from_environ(LEAST) == Config(
        input=Place("pictures", "input/"),
        output=Place("pictures", "output/"),
        failed=None,
        model=CODE / "models/digits",
        libs=None,
        endpoint="https://oss-cn-hangzhou-internal.aliyuncs.com",
        region="cn-hangzhou",
        limits=Limits(max_bytes=33_554_432, max_pixels=64_000_000),
        top_k=None,
        thresholds=None,
    )


def test_every_setting_is_read() -> None:
    """Each setting that is given is the one that is used."""
    environ = {
        **LEAST,
        "FANLIGHT_OUTPUT": "oss://answers/",
        "FANLIGHT_FAILED": "oss://pictures/failed/",
        "FANLIGHT_OSS_ENDPOINT": "http://127.0.0.1:9000",
        "FANLIGHT_MAX_BYTES": "1000",
        "FANLIGHT_MAX_PIXELS": "2000",
        "FANLIGHT_TOP_K": "5",
        "FANLIGHT_MODEL": f"oss://models/m/a.zip#sha256={'0' * 64}",
        "FANLIGHT_LIBS": f"oss://models/l.zip#sha256={'1' * 64}",
        "FANLIGHT_THRESHOLDS": '{"nsfw": {"review": 0.2, "block": 0.8}}',
        "FANLIGHT_OSS_RESIZE": "on",
        "FANLIGHT_SWEEP_AFTER": "60",
    }

    assert Config.from_environ(environ) == Config(
        input=Place("pictures", "input/"),
        output=Place("answers", ""),
        failed=Place("pictures", "failed/"),
        model=Archive("models", "m/a.zip", "0" * 64),
        libs=Archive("models", "l.zip", "1" * 64),
        endpoint="http://127.0.0.1:9000",
        region="cn-hangzhou",
        limits=Limits(max_bytes=1000, max_pixels=2000),
        top_k=5,
        thresholds={"nsfw": Threshold(0.2, 0.8)},
        oss_resize=True,
        sweep_after=60,
    )


def test_nothing_set_names_everything_that_is_missing() -> None:
    """One error lists every missing setting, each with its remedy."""
    with pytest.raises(ConfigError) as caught:
        Config.from_environ({})

    assert str(caught.value) == (
        "wrong settings:\n"
        "  FANLIGHT_INPUT is not set; write oss://bucket/prefix/\n"
        "  FANLIGHT_OUTPUT is not set; write oss://bucket/prefix/\n"
        "  FANLIGHT_MODEL is not set; name a folder of the package, such as models/digits, "
        "or a zip in OSS, oss://bucket/key.zip#sha256=...\n"
        "  FC_REGION is not set; Function Compute sets it; elsewhere set it to the bucket's region"
    )


def test_every_wrong_setting_is_named_at_once() -> None:
    """One error lists every wrong setting, not only the first."""
    environ = {
        "FANLIGHT_INPUT": "pictures/input/",
        "FANLIGHT_OUTPUT": "oss://pictures/output",
        "FANLIGHT_FAILED": "oss://pictures//failed/",
        "FANLIGHT_MODEL": "models/none",
        "FANLIGHT_OSS_ENDPOINT": "oss-cn-hangzhou.aliyuncs.com",
        "FANLIGHT_MAX_BYTES": "-1",
        "FANLIGHT_MAX_PIXELS": "many",
        "FANLIGHT_TOP_K": "0",
        "FANLIGHT_OSS_RESIZE": "1",
        "FC_REGION": "cn-hangzhou",
    }

    with pytest.raises(ConfigError) as caught:
        Config.from_environ(environ)

    assert str(caught.value) == (
        "wrong settings:\n"
        "  FANLIGHT_INPUT: 'pictures/input/' is not a place; write oss://bucket/prefix/\n"
        "  FANLIGHT_OUTPUT: 'oss://pictures/output' must end with a slash: "
        "oss://pictures/output/\n"
        "  FANLIGHT_FAILED: 'oss://pictures//failed/': a prefix must not start with a slash\n"
        "  FANLIGHT_MODEL: models/none is not a model bundle, it has no model.json\n"
        "  FANLIGHT_OSS_ENDPOINT: 'oss-cn-hangzhou.aliyuncs.com' must start with https://\n"
        "  FANLIGHT_MAX_BYTES: '-1' is not a whole number above 0\n"
        "  FANLIGHT_MAX_PIXELS: 'many' is not a whole number above 0\n"
        "  FANLIGHT_TOP_K: '0' is not a whole number above 0\n"
        "  FANLIGHT_OSS_RESIZE: '1' is neither on nor off"
    )


@pytest.mark.parametrize("name", ["FANLIGHT_OUTPUT", "FANLIGHT_FAILED"])
@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (
            "oss://pictures/input/",
            "lies inside FANLIGHT_INPUT oss://pictures/input/; each file written there would "
            "trigger the function again",
        ),
        (
            "oss://pictures/input/results/",
            "lies inside FANLIGHT_INPUT oss://pictures/input/; each file written there would "
            "trigger the function again",
        ),
        (
            "oss://pictures/",
            "holds FANLIGHT_INPUT oss://pictures/input/; a file written there could trigger the "
            "function again",
        ),
    ],
)
def test_a_loop_is_refused_in_both_directions(name: str, place: str, problem: str) -> None:
    """What is written must never trigger the function that wrote it."""
    with pytest.raises(ConfigError) as caught:
        Config.from_environ({**LEAST, name: place})

    assert str(caught.value) == f"wrong settings:\n  {name}: {place} {problem}"


@pytest.mark.parametrize("place", ["oss://pictures/input2/", "oss://other/input/", "oss://other/"])
def test_what_only_looks_like_a_loop_is_allowed(place: str) -> None:
    """A sibling with a longer name, and another bucket, are somewhere else."""
    config = Config.from_environ({**LEAST, "FANLIGHT_OUTPUT": place})

    assert str(config.output) == place


@given(text=st.text())
def test_any_number_is_read_or_named(text: str) -> None:
    """Whatever stands where a number should, it is that number or a named problem."""
    try:
        config = Config.from_environ({**LEAST, "FANLIGHT_MAX_BYTES": text})
    except ConfigError as error:
        problem = str(error)
    else:
        problem = ""
    if problem:
        assert problem.startswith("wrong settings:\n  FANLIGHT_MAX_BYTES: ")
        return
    assert config.limits.max_bytes == (int(text) if text else 33_554_432)


def test_filing_needs_few_settings() -> None:
    """The dead-letter function asks only for what it uses, and names what is missing."""
    environ = {"FANLIGHT_FAILED": "oss://pictures/failed/", "FC_REGION": "cn-hangzhou"}

    assert FailedConfig.from_environ(environ) == FailedConfig(
        failed=Place("pictures", "failed/"),
        endpoint="https://oss-cn-hangzhou-internal.aliyuncs.com",
        region="cn-hangzhou",
    )
    with pytest.raises(ConfigError) as caught:
        FailedConfig.from_environ({})
    assert str(caught.value) == (
        "wrong settings:\n"
        "  FANLIGHT_FAILED is not set; write oss://bucket/prefix/\n"
        "  FC_REGION is not set; Function Compute sets it; elsewhere set it to the bucket's region"
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("FANLIGHT_MODEL", "oss://b/a.zip", "is not a zip with its digest"),
        ("FANLIGHT_MODEL", f"oss://b/a.zip#sha256={'A' * 64}", "is not a zip with its digest"),
        ("FANLIGHT_MODEL", f"oss://b/#sha256={'0' * 64}", "is not a zip with its digest"),
        ("FANLIGHT_MODEL", "models/" + "x" * 300, "is not a model bundle"),
        ("FANLIGHT_MODEL", "models/\0", "is not a model bundle"),
        ("FANLIGHT_LIBS", "libs.zip", "is not a zip with its digest"),
        ("FANLIGHT_THRESHOLDS", "{", "Expecting property name"),
        ("FANLIGHT_THRESHOLDS", "{}", "thresholds must read"),
        ("FANLIGHT_THRESHOLDS", "[1]", "thresholds must read"),
        ("FANLIGHT_THRESHOLDS", '{"a": {"review": 0.9, "block": 0.8}}', "not above block"),
        ("FANLIGHT_THRESHOLDS", '{"a": {"review": 0.1, "block": 1.8}}', "from 0 to 1"),
    ],
)
def test_what_comes_from_oss_and_decides_is_checked(name: str, value: str, problem: str) -> None:
    """A zip without its digest and thresholds that cannot be are wrong settings, by name."""
    with pytest.raises(ConfigError) as caught:
        Config.from_environ({**LEAST, name: value})

    assert f"  {name}: " in str(caught.value)
    assert problem in str(caught.value)
