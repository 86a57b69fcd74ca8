"""The policies allow what happens and nothing beside it, by an evaluator of RAM's rules."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import oss2
import pytest
from click.testing import CliRunner

from tests.deployment.templates import BUCKET, DIGITS, LETTERS, PROJECT, template
from tools.commands.policy import command
from tools.deployment.ram import (
    deployer_policy,
    functions_policy,
    operator_policy,
    trigger_policy,
)
from tools.deployment.settings import settings_of
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.oss import OssEndpoint
from tools.samples import sample
from tools.template import Template, from_source, project_template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOME = "cn-hangzhou:1234567890123456"
FUNCTION = f"acs:fc:{HOME}:functions/fanlight-"
MODEL = f"oss://models/digits/1.0.0.zip#sha256={'0' * 64}"
LIBS = f"oss://models/libs.zip#sha256={'1' * 64}"

IN_OSS = replace(
    DIGITS,
    environment=DIGITS.environment | {"FANLIGHT_MODEL": MODEL, "FANLIGHT_LIBS": LIBS},
)
"""The digits function, with its model and libraries in a bucket of their own."""

SMALL = template(IN_OSS, LETTERS)

Request = tuple[str, str]
"""Action and resource."""


def allowed(policy: dict[str, Any], request: Request, **context: str) -> bool:
    """RAM's rules for identity policies: a Deny wins, without an Allow there is nothing."""
    assert policy["Version"] == "1"
    effects = {s["Effect"] for s in policy["Statement"] if applies(s, request, context)}
    return effects == {"Allow"}


def applies(statement: dict[str, Any], request: Request, context: dict[str, str]) -> bool:
    conditions = statement.get("Condition", {})
    assert set(conditions) <= {"StringEquals", "StringLike"}
    equal, like = (conditions.get(name, {}) for name in ("StringEquals", "StringLike"))
    assert set(statement) <= {"Effect", "Action", "Resource", "Condition"}
    return (
        any(matches(pattern, request[0]) for pattern in statement["Action"])
        and any(matches(pattern, request[1]) for pattern in statement["Resource"])
        and all(context.get(name) == value for name, value in equal.items())
        and all(
            any(matches(pattern, context.get(name, "")) for pattern in patterns)
            for name, patterns in like.items()
        )
    )


def matches(pattern: str, text: str) -> bool:
    """`*` stands for any text, `?` for one character, the rest for itself."""
    regex = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def oss(action: str, path: str) -> Request:
    return f"oss:{action}", f"acs:oss:oss-cn-hangzhou:1234567890123456:{path}"


def functions_of(described: Template, name: str = "") -> dict[str, Any]:
    every = [one for one in settings_of(described) if name in (one.name, "")]
    return functions_policy(described, every)


INPUT, OUTPUT, FAILED = (
    f"{BUCKET}/{place}" for place in ("input/digits", "output/digits", "failed")
)


@pytest.mark.parametrize(
    "request_",
    [
        oss("GetObject", f"{INPUT}/a/7.png"),
        oss("GetObject", f"{OUTPUT}/a/7.png.json"),
        oss("PutObject", f"{OUTPUT}/a/7.png.json"),
        oss("PutObject", f"{FAILED}/2026-01-01/id-0.json"),
        oss("GetObject", "models/digits/1.0.0.zip"),
        oss("GetObject", "models/libs.zip"),
        ("fc:InvokeFunction", f"{FUNCTION}deadletter"),
        ("fc:InvokeFunction", f"{FUNCTION}deadletter/LATEST"),
        ("log:PostLogStoreLogs",
         f"acs:log:{HOME}:project/serverless-cn-hangzhou-0a1b/logstore/default-logs"),
    ],
)  # fmt: skip
def test_functions_may_do_their_work(request_: Request) -> None:
    """Everything a function does is allowed to the role of all."""
    assert allowed(functions_of(SMALL), request_)


@pytest.mark.parametrize(
    "request_",
    [
        oss("PutObject", f"{INPUT}/7.png"),
        oss("DeleteObject", f"{INPUT}/7.png"),
        oss("DeleteObject", f"{OUTPUT}/7.png.json"),
        oss("GetObject", f"{BUCKET}/input/digits-private/7.png"),
        oss("GetObject", f"{BUCKET}/input/products/7.png"),
        oss("GetObject", f"{BUCKET}/input/"),
        oss("GetObject", f"other/{INPUT}/7.png"),
        oss("GetObject", "other/input/digits/7.png"),
        oss("GetObject", f"{FAILED}/2026-01-01/id-0.json"),
        oss("PutObject", f"{BUCKET}/output/products/7.png.json"),
        oss("ListObjects", BUCKET),
        oss("ListObjects", f"{INPUT}/"),
        oss("PutObjectAcl", f"{OUTPUT}/7.png.json"),
        oss("GetObject", "models/digits/1.0.1.zip"),
        oss("GetObject", "models/libs.zip.bak"),
        oss("PutObject", "models/digits/1.0.0.zip"),
        ("fc:InvokeFunction", f"{FUNCTION}digits"),
        ("fc:UpdateFunction", f"{FUNCTION}deadletter"),
        ("log:GetLogStoreLogs",
         f"acs:log:{HOME}:project/serverless-cn-hangzhou-0a1b/logstore/default-logs"),
        ("sts:AssumeRole", "acs:ram::1234567890123456:role/fanlight"),
    ],
)  # fmt: skip
def test_functions_may_do_nothing_else(request_: Request) -> None:
    """Neighbours, other buckets, deleting, listing, writing images: all refused."""
    assert not allowed(functions_of(SMALL), request_)


def test_a_function_with_a_role_of_its_own() -> None:
    """The narrower policy holds the one function's work and not its neighbour's."""
    digits, letters = (functions_of(SMALL, f"fanlight-{n}") for n in ("digits", "deadletter"))
    image = oss("GetObject", f"{INPUT}/7.png")
    letter = oss("PutObject", f"{FAILED}/2026-01-01/id-0.json")

    assert [allowed(digits, r) for r in (image, letter)] == [True, False]
    assert [allowed(letters, r) for r in (image, letter)] == [False, True]
    assert not allowed(letters, ("fc:InvokeFunction", f"{FUNCTION}deadletter"))


SWEEP = replace(
    next(function for function in PROJECT.functions if function.resource == "digits-sweep"),
    environment=DIGITS.environment | {"FANLIGHT_OUTPUT": "oss://results/digits/"},
)
"""The sweep of the digits, whose results are in another bucket."""


@pytest.mark.parametrize(
    ("bucket", "prefix", "expected"),
    [
        (BUCKET, "input/digits/", True),
        (BUCKET, "input/digits/a/", True),
        ("results", "digits/", True),
        (BUCKET, "", False),
        (BUCKET, "input/", False),
        (BUCKET, "input/products/", False),
        (BUCKET, "digits/", False),
        ("results", "input/digits/", False),
        ("models", "digits/", False),
    ],
)
def test_a_sweep_may_list_what_it_reads(bucket: str, prefix: str, expected: bool) -> None:  # noqa: FBT001 - a case
    """Its own two prefixes, each in its bucket, and no others; the function beside it none."""
    described = template(DIGITS, SWEEP)
    listing = {"oss:Prefix": prefix}

    sweep = functions_of(described, SWEEP.name)
    assert allowed(sweep, oss("ListObjects", bucket), **listing) is expected
    assert not allowed(functions_of(described, DIGITS.name), oss("ListObjects", bucket), **listing)


def test_a_sweep_may_do_what_classifying_takes() -> None:
    """It writes results and no letters, and the deployer may make its timer."""
    described = template(DIGITS, SWEEP)
    policy = functions_of(described, SWEEP.name)
    timer = f"{FUNCTION}digits-sweep/triggers/hourly"

    assert allowed(policy, oss("GetObject", f"{INPUT}/7.png"))
    assert allowed(policy, oss("PutObject", "results/digits/7.png.json"))
    assert not allowed(policy, oss("PutObject", f"{FAILED}/2026-01-01/id-0.json"))
    assert allowed(deployer_policy(described), ("fc:CreateTrigger", timer))
    assert not any("sweep" in arn for arn in trigger_policy(described)["Statement"][0]["Resource"])


def test_the_trigger_may_invoke_what_has_one() -> None:
    """OSS may invoke the functions with a trigger, and do nothing else with them."""
    policy = trigger_policy(SMALL)

    assert policy == {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["fc:InvokeFunction"],
                "Resource": [f"{FUNCTION}digits", f"{FUNCTION}digits/LATEST"],
            }
        ],
    }


ROLE = "acs:ram::1234567890123456:role/"
DEPLOYS = [
    *((f"fc:{verb}Function", f"{FUNCTION}{name}") for verb in ("Get", "Create", "Update")
      for name in ("digits", "deadletter")),
    *((f"fc:{verb}Trigger", f"{FUNCTION}digits/triggers/uploads")
      for verb in ("Get", "Create", "Update")),
    *((f"fc:{verb}FunctionAsyncInvokeConfig", f"{FUNCTION}digits/LATEST")
      for verb in ("Get", "Put")),
    ("fc:InvokeFunction", f"{FUNCTION}deadletter"),
    oss("PutBucketEventNotification", BUCKET),
    oss("GetBucketEventNotification", BUCKET),
    oss("PutObject", "models/digits/1.0.1.zip"),
    oss("PutObject", "models/libs.zip"),
    ("log:CreateProject", f"acs:log:{HOME}:project/serverless-cn-hangzhou-0a1b"),
]  # fmt: skip


def test_the_deployer_may_deploy() -> None:
    """What `s deploy` and publishing a model do is allowed, handing over both roles included."""
    policy = deployer_policy(SMALL)

    assert [r for r in DEPLOYS if not allowed(policy, r)] == []
    for role in ("fanlight", "aliyunosseventnotificationrole"):
        pass_role = ("ram:PassRole", ROLE + role)
        assert allowed(policy, pass_role, **{"acs:Service": "fc.aliyuncs.com"})
        assert not allowed(policy, pass_role, **{"acs:Service": "ecs.aliyuncs.com"})


@pytest.mark.parametrize(
    "request_",
    [
        ("fc:DeleteFunction", f"{FUNCTION}digits"),
        ("fc:UpdateFunction", f"acs:fc:{HOME}:functions/theirs"),
        ("fc:UpdateFunction", f"acs:fc:cn-beijing:{HOME[-16:]}:functions/fanlight-digits"),
        ("fc:InvokeFunction", f"{FUNCTION}digits"),
        ("ram:PassRole", f"{ROLE}admin"),
        ("ram:CreateRole", f"{ROLE}fanlight"),
        oss("PutBucketEventNotification", "other"),
        oss("PutBucketAcl", BUCKET),
        oss("GetObject", f"{INPUT}/7.png"),
        oss("PutObject", f"{INPUT}/7.png"),
        oss("PutObject", "models/other.zip"),
        oss("DeleteObject", "models/digits/1.0.0.zip"),
    ],
)
def test_the_deployer_may_do_nothing_else(request_: Request) -> None:
    """Nobody's images, no other function, no other role, nothing deleted."""
    assert not allowed(deployer_policy(SMALL), request_, **{"acs:Service": "fc.aliyuncs.com"})


def test_a_role_for_the_trigger_is_handed_over() -> None:
    """With `invocationRole` the deployer passes that role, not the one that may do all."""
    own = replace(IN_OSS, triggers=(replace(IN_OSS.triggers[0], role=f"{ROLE}fanlight-oss"),))
    passed = [
        role
        for role in ("fanlight-oss", "aliyunosseventnotificationrole")
        if allowed(
            deployer_policy(template(own, LETTERS)),
            ("ram:PassRole", ROLE + role),
            **{"acs:Service": "fc.aliyuncs.com"},
        )
    ]

    assert passed == ["fanlight-oss"]


def test_no_resource_is_everything() -> None:
    """`*` stands alone only for the one action that has no documented resource."""
    for policy in (functions_of(SMALL), trigger_policy(SMALL), deployer_policy(SMALL)):
        wide = [s["Action"] for s in policy["Statement"] if "*" in s["Resource"]]
        assert wide in ([], [["fc:GetTempBucketToken"]])
        assert not [a for s in policy["Statement"] for a in s["Action"] if "*" in a]


def test_logs_that_are_named() -> None:
    """A log store of one's own is written to by its name, and not made by the deployer."""
    own = replace(IN_OSS, log_project="mine", log_store="fanlight")
    described = template(own, replace(LETTERS, log_project="", log_store=""))
    store = f"acs:log:{HOME}:project/mine/logstore/fanlight"

    assert allowed(functions_of(described), ("log:PostLogStoreLogs", store))
    assert not allowed(functions_of(described), ("log:PostLogStoreLogs", f"{store}-2"))
    assert "log:" not in json.dumps(deployer_policy(described))


Seen = set[Request]
PUT = "oss:PutObject"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What is asked of a local OSS in the functions' name, as actions and resources."""
    found: Seen = set()
    serve = OssEndpoint._serve
    verbs = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}

    def listen(
        self: OssEndpoint, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if "role-id" in environ.get("HTTP_AUTHORIZATION", ""):
            bucket, slash, key = environ["PATH_INFO"].lstrip("/").partition("/")
            verb = verbs[environ["REQUEST_METHOD"]] if key else "ListObjects"
            found.add(oss(verb, f"{bucket}{slash}{key}"))
        return serve(self, environ, start_response)

    monkeypatch.setattr(OssEndpoint, "_serve", listen)
    return found


def test_what_functions_really_ask_for(seen: Seen) -> None:
    """Every request of a run, with a result, a rejection and a dead letter, is allowed."""
    described = template(replace(DIGITS, retries=0), LETTERS)
    with LocalCloud(from_source(described), Options(instances=1, first_pause=0.01)) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region=PROJECT.region)
        bucket.put_object("input/digits/a/7.png", sample("7.png"))
        bucket.put_object("input/digits/notes.txt", b"no picture")
        cloud.invoke_async("fanlight-digits", b"not JSON")
        assert cloud.drain()

    written = {resource.rpartition("/")[2] for action, resource in seen if action == PUT}
    assert {"7.png.json", "notes.txt.json"} < written
    assert any(f"{FAILED}/" in resource for action, resource in seen if action == PUT)
    assert [request for request in seen if not allowed(functions_of(described), request)] == []


def run(*arguments: str, path: Path | None = None) -> tuple[int, Any, str]:
    """Exit code, the JSON document, and what was said beside it."""
    result = CliRunner().invoke(
        command, ["-t", str(path or project_template()), *arguments], standalone_mode=False
    )
    if isinstance(result.exception, Exception):
        raise result.exception
    return result.return_value, json.loads(result.stdout), result.stderr


LANE = replace(DIGITS, resource="lane", name="fanlight-lane", triggers=(), reserved=3)
OPERATED = template(IN_OSS, LANE, LETTERS)


@pytest.mark.parametrize(
    ("request_", "prefix"),
    [
        (oss("GetObject", f"{INPUT}/7.png"), ""),
        (oss("GetObject", f"{OUTPUT}/7.png.json"), ""),
        (oss("PutObject", f"{OUTPUT}/7.png.json"), ""),
        (oss("GetObject", f"{FAILED}/2026-01-01/id-0.json"), ""),
        (oss("DeleteObject", f"{FAILED}/2026-01-01/id-0.json"), ""),
        (oss("GetObject", "models/digits/1.0.0.zip"), ""),
        (oss("ListObjects", BUCKET), "input/digits/"),
        (oss("ListObjects", BUCKET), "output/digits/a/"),
        (oss("ListObjects", BUCKET), "failed/2026-01-01/id-"),
        (("fc:InvokeFunction", f"{FUNCTION}lane/LATEST"), ""),
    ],
)  # fmt: skip
def test_the_operator_may_run_and_look(request_: Request, prefix: str) -> None:
    """A run by any engine, its progress and its results are allowed."""
    context = {"oss:Prefix": prefix} if prefix else {}

    assert allowed(operator_policy(OPERATED), request_, **context)


@pytest.mark.parametrize(
    ("request_", "prefix"),
    [
        (oss("PutObject", f"{INPUT}/7.png"), ""),
        (oss("DeleteObject", f"{INPUT}/7.png"), ""),
        (oss("DeleteObject", f"{OUTPUT}/7.png.json"), ""),
        (oss("PutObject", f"{FAILED}/2026-01-01/id-0.json"), ""),
        (oss("GetObject", f"{BUCKET}/input/digits-private/7.png"), ""),
        (oss("ListObjects", BUCKET), "input/"),
        (oss("ListObjects", BUCKET), ""),
        (("fc:InvokeFunction", f"{FUNCTION}digits"), ""),
        (("fc:InvokeFunction", f"{FUNCTION}deadletter"), ""),
        (("fc:UpdateFunction", f"{FUNCTION}lane"), ""),
    ],
)  # fmt: skip
def test_the_operator_may_do_nothing_else(request_: Request, prefix: str) -> None:
    """Images stay as they are, and what uploads trigger is not run by hand."""
    assert not allowed(operator_policy(OPERATED), request_, **{"oss:Prefix": prefix})


def test_the_deployer_may_set_the_limit_of_a_lane() -> None:
    """Reserved instances are an extra call, allowed for the functions that have them."""
    policy = deployer_policy(OPERATED)

    for verb in ("Get", "Put"):
        assert allowed(policy, (f"fc:{verb}ConcurrencyConfig", f"{FUNCTION}lane"))
        assert not allowed(policy, (f"fc:{verb}ConcurrencyConfig", f"{FUNCTION}digits"))


def test_the_command_prints_one_document() -> None:
    """With --role, standard output is that policy, and what is not verified is beside it."""
    code, document, said = run("--role", "trigger")

    assert (code, document) == (0, trigger_policy(PROJECT))
    assert "AliyunOSSEventNotificationRole, which may invoke every function" in said
    assert run("--role", "deployer")[1] == deployer_policy(PROJECT)
    code, document, said = run("--role", "operator")
    assert (code, document) == (0, operator_policy(PROJECT))
    assert said == (
        "note: vars.account is the example's, 1234567890123456; write your own account's ID: "
        "resources are named by it\n"
    )
    assert run("--role", "functions")[1] == functions_of(PROJECT)
    assert run("--function", "digits")[1] == functions_of(PROJECT, "fanlight-digits")


def test_the_command_prints_all() -> None:
    """Without --role it is one object, with each role's trust policy."""
    _, document, _ = run()

    assert document == {
        "functions": [
            {
                "role": f"{ROLE}fanlight",
                "functions": [function.name for function in PROJECT.functions],
                "trust": run("--role", "functions", "--trust")[1],
                "policy": functions_of(PROJECT),
            }
        ],
        "trigger": {
            "role": [f"{ROLE}aliyunosseventnotificationrole"],
            "trust": run("--role", "trigger", "--trust")[1],
            "policy": trigger_policy(PROJECT),
        },
        "deployer": {"policy": deployer_policy(PROJECT)},
        "operator": {"policy": operator_policy(PROJECT)},
    }


def test_a_policy_that_is_too_long(tmp_path: Path) -> None:
    """RAM takes 6,144 characters; what is longer is printed, and said to be too long."""
    path = tmp_path / "template.yml"
    text = project_template().read_text("utf-8")
    path.write_text(text.replace("input: input/", f"input: {'i' * 2000}/"), "utf-8")
    too_long = "RAM takes 6,144 characters a policy, this one is longer; give each function a role"

    assert too_long in run("--role", "functions", path=path)[2]
    assert too_long not in run("--role", "functions")[2]


def test_who_may_act_as_a_role() -> None:
    """Function Compute as the functions' role, OSS as the trigger's, nobody else."""
    for party, service in (("functions", "fc.aliyuncs.com"), ("trigger", "oss.aliyuncs.com")):
        assert run("--role", party, "--trust")[1] == {
            "Version": "1",
            "Statement": [
                {
                    "Action": "sts:AssumeRole",
                    "Effect": "Allow",
                    "Principal": {"Service": [service]},
                }
            ],
        }


def test_functions_with_roles_of_their_own(tmp_path: Path) -> None:
    """Each role gets what its functions need; --role functions alone would be ambiguous."""
    path = tmp_path / "template.yml"
    text = project_template().read_text("utf-8")
    others, _, last = text.rpartition("acs:ram::${vars.account}:role/${vars.role}")
    path.write_text(f"{others}letters{last}", "utf-8")

    _, document, _ = run(path=path)

    assert [(p["role"], len(p["functions"])) for p in document["functions"]] == [
        (f"{ROLE}fanlight", 9),
        (f"{ROLE}letters", 1),
    ]
    with pytest.raises(click.UsageError, match="2 roles; name one function with --function"):
        run("--role", "functions", path=path)


def test_a_template_with_problems_gets_no_policy(tmp_path: Path) -> None:
    """All problems are named instead, and nothing is printed."""
    path = tmp_path / "template.yml"
    text = project_template().read_text("utf-8")
    path.write_text(text.replace("output: output/", "output: input/"), "utf-8")

    result = CliRunner().invoke(command, ["-t", str(path)], standalone_mode=False)

    assert result.stdout == ""
    said = str(result.exception)
    assert [f"loop: fanlight-{name} -> fanlight-{name}:" in said for name in
            ("digits", "products", "moderation")] == [True] * 3  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("--role", "deployer", "--trust"),
        ("--role", "operator", "--trust"),
        ("--trust",),
        ("--role", "trigger", "--function", "digits"),
        ("--function", "nobody"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    """Options that do not go together are refused as usage, exit code 2."""
    with pytest.raises(click.UsageError):
        run(*arguments)
