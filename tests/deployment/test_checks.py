"""What is wrong with a template, over all its functions: each problem found, with its remedy."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.templates import (
    BUCKET,
    DIGITS,
    LETTERS,
    PROJECT,
    classifier,
    listener,
    template,
    told,
    trigger,
)
from tools.deployment.checks import problems
from tools.template import Function, Trigger
from tools.timer import Timer

PLACE = f"oss://{BUCKET}/"


def of(**changes: Any) -> list[str]:
    """The problems of one classify function, changed so."""
    return problems(template(classifier("a", "in/", "out/", **changes)))


def one(found: list[str]) -> str:
    (problem,) = found
    return problem


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"timeout": 86_401.0}, "timeout is 86401; use 1 to 86,400"),
        ({"initializer_timeout": 301.0}, "the initializer's timeout is 301; use 1 to 300"),
        ({"pre_stop_timeout": 91.0}, "preStop's timeout is 91; use 1 to 90"),
        ({"retries": 9}, "maxAsyncRetryAttempts is 9; use 0 to 8"),
        ({"max_age": 604_801.0}, "maxAsyncEventAgeInSeconds is 604801; use 1 to 604,800"),
        ({"memory_mb": 64, "cpu": 0.05}, "memorySize is 64; use 128 to 32,768"),
        ({"memory_mb": 1000, "cpu": 0.5}, "memorySize is 1000; use a multiple of 64"),
        ({"disk_mb": 1024}, "diskSize is 1024; use 512 or 10240"),
        ({"cpu": 0.99}, "cpu is 0.99; use 0.05 to 16 in steps of 0.05"),
        ({"cpu": 0.03}, "cpu is 0.03; use 0.05 to 16 in steps of 0.05"),
        ({"cpu": 2.0}, "cpu is 2 for memorySize 1536; each vCPU takes 1 to 4 GB: use memorySize "
                       "2048 to 8192, or another cpu"),
        ({"cpu": 0.2}, "cpu is 0.2 for memorySize 1536; each vCPU takes 1 to 4 GB: use memorySize "
                       "256 to 768, or another cpu"),
        ({"role": ""}, "role is not set; without one the function has no keys to reach OSS with"),
        ({"settings": {"FC_MINE": "1"}}, "environmentVariables: FC_MINE is the platform's own; "
                                         "rename it, FC_ is reserved"),
    ],
)  # fmt: skip
def test_beyond_the_platforms_limits(changes: dict[str, Any], says: str) -> None:
    """Each figure that Function Compute would refuse is named together with what it takes."""
    assert of(**changes) == [f"a: {says}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"timeout": 86_400.0, "initializer_timeout": 300.0, "pre_stop_timeout": 90.0, "retries": 8},
        {"memory_mb": 128, "cpu": 0.05},
        {"memory_mb": 4096, "cpu": 1.0, "disk_mb": 10_240},
        {"memory_mb": 32_768, "cpu": 16.0},
        {"cpu": 0.0},
    ],
)
def test_at_the_platforms_limits(changes: dict[str, Any]) -> None:
    """What is just allowed is no problem; without `cpu` the platform chooses."""
    assert of(**changes) == []


def test_the_environment_is_counted_in_bytes() -> None:
    """4,096 bytes of names and values are allowed; one more is not, nor as many characters."""
    used = sum(len(k) + len(v) for k, v in classifier("a", "in/", "out/").environment.items())
    left = 4096 - used - len("MORE")

    assert of(settings={"MORE": "x" * left}) == []
    assert "have 4,097 bytes, Function Compute takes 4,096" in one(
        of(settings={"MORE": "x" * (left + 1)})
    )
    assert "bytes, Function Compute takes 4,096" in one(of(settings={"MORE": "图" * (left // 2)}))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"FANLIGHT_MODEL": ""}, "FANLIGHT_MODEL is not set"),
        ({"FANLIGHT_MODEL": "oss://b/m.zip"}, "FANLIGHT_MODEL: 'oss://b/m.zip' is not a zip with"),
        ({"FANLIGHT_LIBS": "libs.zip"}, "FANLIGHT_LIBS: 'libs.zip' is not a zip with its digest"),
        ({"FANLIGHT_OUTPUT": "oss://b/o"}, "FANLIGHT_OUTPUT: 'oss://b/o' must end with a slash"),
        ({"FANLIGHT_OUTPUT": "oss://b/o*/"}, "FANLIGHT_OUTPUT: oss://b/o*/ holds * or ?, which a"),
        ({"FANLIGHT_MAX_PIXELS": "64M"}, "FANLIGHT_MAX_PIXELS: '64M' is not a whole number above"),
        ({"FANLIGHT_OSS_RESIZE": "True"}, "FANLIGHT_OSS_RESIZE: 'True' is neither on nor off"),
        ({"FANLIGHT_THRESHOLDS": "{"}, "FANLIGHT_THRESHOLDS: Expecting property name"),
        ({"FANLIGHT_OSS_ENDPOINT": "oss-x"}, "FANLIGHT_OSS_ENDPOINT: 'oss-x' must start with http"),
        ({"FANLIGHT_TOPK": "3"}, "FANLIGHT_TOPK is no setting; did you mean FANLIGHT_TOP_K?"),
        ({"FANLIGHT_ZEBRA_STRIPES": "3"}, "FANLIGHT_ZEBRA_STRIPES is no setting; take it out"),
    ],
)
def test_settings_that_cannot_be_read(settings: dict[str, str], says: str) -> None:
    """A function's setting that is missing or misspelled is named with the function."""
    assert one(of(settings=settings)).startswith(f"a: {says}")


def test_settings_are_those_that_the_functions_read() -> None:
    """Each one in the README's table may be set, and the model need not be here."""
    table = Path(__file__).parents[2] / "README.md"
    names = re.findall(r"^\| `(FANLIGHT_\w+)`", table.read_text("utf-8"), re.MULTILINE)
    values = {
        "FANLIGHT_MODEL": "models/elsewhere",
        "FANLIGHT_LIBS": f"oss://b/l.zip#sha256={'0' * 64}",
        "FANLIGHT_OSS_ENDPOINT": "https://oss",
        "FANLIGHT_THRESHOLDS": '{"nsfw": {"review": 0.2, "block": 0.8}}',
        "FANLIGHT_OSS_RESIZE": "on",
    }
    settings = {
        name: values.get(name, "1") for name in names if name.partition("_")[2] not in (
            "INPUT", "OUTPUT", "FAILED", "FC_ENDPOINT")
    }  # fmt: skip

    assert len(settings) == 9
    assert of(settings=settings) == []


def test_settings_of_somebody_elses_function() -> None:
    """What a function that is not this project's reads is its own affair."""
    theirs = listener("tell", "out/", environment={"FANLIGHT_TOPK": "3"})

    assert problems(template(theirs)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"handler": "clasify.handler"},
         "handler clasify.handler: functions/ has no clasify.py; write module.function; did you "
         "mean classify.handler?"),
        ({"handler": "classify.handel"},
         "handler classify.handel: classify.py has no function handel; did you mean "
         "classify.handler?"),
        ({"pre_stop": "classify.zzz"},
         "handler classify.zzz: classify.py has no function zzz"),
        ({"runtime": "python3.9"},
         "its runtime python3.9 is none that Fanlight runs on; write runtime: python3.12"),
    ],
)  # fmt: skip
def test_code_that_would_not_start(changes: dict[str, Any], says: str) -> None:
    """Handlers are in the code and the runtime is one it runs on; other code is not looked at."""
    assert of(**changes) == [f"a: {says}"]
    assert problems(template(listener("tell", "out/", runtime="nodejs20"))) == []


@pytest.mark.parametrize("account", ["123", "your-account", "12345678901234567"])
def test_what_can_be_no_account(account: str) -> None:
    """An account's ID has 16 digits; without one it is for `policy` to ask for it."""
    a = classifier("a", "in/", "out/")

    assert problems(replace(template(a), account=account)) == [
        f"vars.account is '{account}'; an Alibaba Cloud account's ID has 16 digits, in quotes"
    ]
    assert problems(replace(template(a), account="0")) == []


@pytest.mark.parametrize(
    ("fired", "says"),
    [
        (trigger("in/", events=("*",)),
         "fires for every part of a multipart upload; instead of ObjectCreated:* name PutObject,"),
        (trigger("in/", events=("PutObject", "UploadPart")),
         "fires for every part of a multipart upload; instead of ObjectCreated:UploadPart name"),
        (trigger("in/", events=("InitiateMultipartUpload",)), "fires for every part"),
        (replace(trigger("in/"), region="cn-beijing"),
         "its bucket is in cn-beijing, the function in cn-hangzhou; move one"),
        (trigger("in/x/"), f"is not FANLIGHT_INPUT {PLACE}in/;"),
        (trigger("in/", bucket="other"), f"is not FANLIGHT_INPUT {PLACE}in/;"),
        (trigger("in/", suffix=".jpg"), "has the suffix '.jpg'; write suffix: ''"),
    ],
)  # fmt: skip
def test_a_trigger_that_does_not_fit(fired: Trigger, says: str) -> None:
    """A trigger fires once an object, and for exactly what its function reads."""
    assert says in one(of(triggers=(fired,)))


def test_a_prefix_with_a_slash_in_front() -> None:
    """No key starts with a slash, so no object would fire the trigger."""
    found = problems(template(listener("tell", "/out/")))

    assert one(found).startswith(f"tell: trigger uploads on {PLACE}/out/: a prefix must not start")


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (trigger("x/"), trigger("x/y/"), True),
        (trigger("x/"), trigger("x/"), True),
        (trigger("x/"), trigger("y/"), False),
        (trigger("x/"), trigger("x/", bucket="other"), False),
        (trigger("x/", suffix=".png"), trigger("x/", suffix=".jpg"), False),
        (trigger("x/", suffix="g"), trigger("x/", suffix=".jpg"), True),
        (trigger("x/", events=("PutObject",)), trigger("x/", events=("CopyObject",)), False),
    ],
)
def test_overlapping_triggers(first: Trigger, second: Trigger, *, overlap: bool) -> None:
    """OSS refuses two triggers that one object would fire by one event."""
    found = problems(
        template(listener("p", "", triggers=(first,)), listener("q", "", triggers=(second,)))
    )

    assert [problem.startswith("p and q: the triggers on ") for problem in found] == [
        True
    ] * overlap


def test_eleven_triggers_of_a_bucket() -> None:
    """A bucket takes ten native triggers."""
    many = [classifier(f"f{n}", f"in/{n:02}/", f"out/{n:02}/") for n in range(11)]

    assert problems(template(*many[:10])) == []
    assert one(problems(template(*many))).startswith(
        f"bucket {BUCKET} has 11 triggers, OSS takes 10"
    )


def letters(prefix: str) -> Function:
    return replace(LETTERS, environment={"FANLIGHT_FAILED": PLACE + prefix})


@pytest.mark.parametrize(
    ("functions", "says"),
    [
        ((classifier("a", "in/", "b/x/"), classifier("b", "b/", "out/")),
         f"a writes to {PLACE}b/x/, and b takes what is below {PLACE}b/ for images"),
        ((classifier("a", "in/", ""), ), "loop: a -> a"),
        ((classifier("a", "in/", "out/"), letters("in/failed/")),
         f"fanlight-deadletter writes to {PLACE}in/failed/, and a takes what is below {PLACE}in/"),
        ((classifier("a", "a/", "out/"), classifier("b", "b/", "out/")),
         f"a and b both write below {PLACE}out/"),
        ((classifier("a", "a/", "out/"), classifier("b", "b/", "out/b/")),
         f"a and b both write below {PLACE}out/b/"),
        ((classifier("a", "in/", "out/"), letters("out/failed/")),
         f"a and fanlight-deadletter both write below {PLACE}out/failed/"),
        ((told(classifier("a", "in/", "out/"), "nobody"),),
         "a: onFailure names acs:fc:cn-hangzhou:1234567890123456:functions/nobody, which is no"),
        ((classifier("a", "in/", "out/"), classifier("a", "in2/", "out2/")),
         "a: two functions of the template have this functionName; rename one"),
    ],
)  # fmt: skip
def test_functions_that_get_in_each_others_way(functions: tuple[Function, ...], says: str) -> None:
    """Nobody's output is anybody's input, and no two write to the same place."""
    assert one(problems(template(*functions))).startswith(says)


def test_a_destination_elsewhere() -> None:
    """A destination of this name in another region is another function; a queue is none of ours."""
    a = told(classifier("a", "in/", "out/"), LETTERS.name)
    elsewhere = replace(a, on_failure_arn=a.on_failure_arn.replace("hangzhou", "beijing"))
    queue = replace(
        a, on_failure_arn="acs:mns:cn-hangzhou:1:/queues/q/messages", on_failure="messages"
    )

    assert problems(template(a, LETTERS)) == []
    assert problems(template(queue, LETTERS)) == []
    assert f"is elsewhere; write {a.on_failure_arn}" in one(problems(template(elsewhere, LETTERS)))


def sweeper(**changes: Any) -> Function:
    """A sweep over what the classifier `a` reads, on a timer."""
    every = (Timer("hourly", "@every 60m", enabled=True, payload=""),)
    return classifier(
        "sweep", "in/", "out/",
        **{"handler": "sweep.handler", "triggers": (), "timers": every, "retries": 0,
           "reserved": 1} | changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"timers": (Timer("t", "@every 30s", enabled=True, payload=""),)}, "is too often"),
        ({"timers": (Timer("t", "0 4 * * *", enabled=True, payload=""),)}, "'0 4 * * *' is no"),
        ({"retries": 3}, "maxAsyncRetryAttempts is 3; write 0"),
        ({"reserved": None}, "two sweeps would run at a time"),
        ({"reserved": 2}, "two sweeps would run at a time"),
        ({"environment": {}}, "FANLIGHT_INPUT is not set"),
    ],
)
def test_a_sweep_that_would_not_work(changes: dict[str, Any], says: str) -> None:
    """Its time, its retries and how many run at once are looked at before it is deployed."""
    assert says in problems(template(sweeper(**changes)))[0]


def test_two_that_do_the_same_work() -> None:
    """Of two that give the same results, one without a trigger is no problem: it sweeps."""
    a = classifier("a", "in/", "out/")

    assert problems(template(a, sweeper())) == []
    twice = problems(template(a, replace(a, resource="b", name="b")))
    assert [problem.partition(":")[0].partition(" both")[0] for problem in twice] == ["a and b"] * 2


def test_what_the_checks_read_of_the_template() -> None:
    """Role, size, logs, destination and the trigger's own names are read from template.yml."""
    fired = DIGITS.triggers[0]

    assert (DIGITS.role, DIGITS.cpu, DIGITS.disk_mb, DIGITS.pre_stop_timeout) == (
        "acs:ram::1234567890123456:role/fanlight",
        1.0,
        512,
        10.0,
    )
    assert (DIGITS.log_project, DIGITS.log_store) == ("auto", "auto")
    assert DIGITS.on_failure_arn.endswith(":functions/fanlight-deadletter")
    assert (LETTERS.on_failure_arn, LETTERS.cpu) == ("", 0.25)
    assert (fired.name, fired.qualifier, fired.region, fired.role) == (
        "uploads",
        "LATEST",
        "cn-hangzhou",
        "",
    )


def test_all_problems_at_once() -> None:
    """A template with several problems is told of every one."""
    digits = replace(
        DIGITS, timeout=0.0, role="", on_failure_arn="acs:fc:x:1:functions/y", on_failure="y"
    )
    found = problems(replace(PROJECT, functions=(digits, *PROJECT.functions[1:])))

    assert [problem.split(";")[0].split(" names")[0] for problem in found] == [
        "fanlight-digits: role is not set",
        "fanlight-digits: timeout is 0",
        "fanlight-digits: onFailure",
    ]
