"""What a policy leaves out is refused: the evaluator, and the whole local cloud."""

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import oss2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from tests.localcloud.policies import ACCOUNT, ALL, HOME, REGION, Document, Statement, policy
from tools.commands.up import welcome
from tools.deployment.ram import functions_policy
from tools.deployment.settings import settings_of
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.permissions import allowed, parse
from tools.localcloud.roles import acting_as
from tools.samples import sample
from tools.template import Template, from_source, project_template, read_template

BUCKET = "fanlight-demo"
IN = {"oss:Prefix": ["in/*"]}

CONDITIONS: list[Any] = [
    None,
    "in/*",
    {},
    {"StringLike": {}},
    {"StringEquals": IN},
    {"StringLike": IN | {"acs:SourceIp": "1"}},
    {"StringLike": IN, "Bool": {"acs:SecureTransport": "true"}},
]
"""Those that the local cloud does not know."""


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], False),
        ([ALL], True),
        ([("Allow", ["oss:GetObject"], ["acs:oss:*:*:b/in/*"])], True),
        ([("Allow", "oss:Get*", f"acs:oss:*:{ACCOUNT}:b/in/?.png")], True),
        ([("Allow", "oss:Get?", "*")], False),
        ([("Allow", "oss:PutObject", "*")], False),
        ([("Allow", "oss:GetObject", "acs:oss:*:*:b")], False),
        ([("Allow", "oss:GetObject", "acs:oss:*:*:b/in")], False),
        ([("Allow", "oss:GetObject", "acs:oss:*:1:b/in/*")], False),
        ([("Allow", "oss:GetObject", "acs:oss:*:*:b/in/7xpng")], False),
        ([ALL, ("Deny", "oss:GetObject", "acs:oss:*:*:b/in/*")], False),
        ([ALL, ("Deny", "oss:GetObject", "acs:oss:*:*:b/out/*")], True),
        ([("Deny", "oss:PutObject", "*")], False),
    ],
)
def test_statements(statements: list[Statement], expected: bool) -> None:  # noqa: FBT001 - a case
    """Wildcards, a Deny that wins, and nothing without an Allow."""
    assert allowed([parse(policy(*statements))], "oss:GetObject", f"{HOME}:b/in/7.png") is expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("in/", True), ("in/a", True), ("in", False), ("inner/", False), ("", False), (None, False)],
)
def test_a_condition_on_the_prefix(prefix: str | None, expected: bool) -> None:  # noqa: FBT001 - a case
    """A listing is allowed of what its condition names, and a listing of everything is not."""
    statement = {"Effect": "Allow", "Action": "oss:ListObjects", "Resource": "acs:oss:*:*:b",
                 "Condition": {"StringLike": IN}}  # fmt: skip
    policies = [parse({"Version": "1", "Statement": [statement]})]

    assert allowed(policies, "oss:ListObjects", f"{HOME}:b", prefix) is expected


def test_a_deny_of_another_policy_wins() -> None:
    """The policies of one holder are read together."""
    both = [parse(policy(ALL)), parse(policy(("Deny", "oss:Put*", "*")))]

    assert [allowed(both, f"oss:{v}Object", f"{HOME}:b/k") for v in ("Get", "Put")] == [True, False]
    assert not allowed([], "oss:GetObject", f"{HOME}:b/k")


@given(st.text("ab*?.[\n", max_size=6), st.text("ab*?.[\n", max_size=6))
def test_patterns_match_as_defined(pattern: str, text: str) -> None:
    """The wildcards agree with the definition, letter by letter."""

    def matches(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return matches(p[1:], t) or (bool(t) and matches(p, t[1:]))
        return bool(t) and p[0] in ("?", t[0]) and matches(p[1:], t[1:])

    assert allowed([parse(policy(("Allow", "a", pattern)))], "a", text) == matches(pattern, text)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"Statement": []}, "Version is None"),
        ({"Version": "2", "Statement": []}, "Version is '2'"),
        ({"Version": "1", "Statement": {}}, "Statement has to be a list"),
        ({"Version": "1", "Statement": [], "Id": "x"}, "Id is not supported"),
        ({"Version": "1", "Statement": ["x"]}, "a statement has to be an object"),
        *(({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "a", "Resource": "*",
                                           name: {}}]}, f"{name} is not supported")
          for name in ("NotAction", "NotResource", "Principal")),
        *(({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "a", "Resource": "*",
                                           "Condition": condition}]}, "is not supported")
          for condition in CONDITIONS),
        (policy(("allow", "a", "*")), "Effect has to be Allow or Deny"),
        (policy(("Allow", [], "*")), "Action has to be"),
        ({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "a"}]}, "Resource has to be"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(document: Document, message: str) -> None:
    """A condition that was silently dropped would allow more than the policy does."""
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse(document)


@pytest.fixture
def described() -> Template:
    """The digits function and the one that files letters."""
    template = from_source(read_template(project_template()))
    classify, *_, deadletter = template.functions
    return replace(template, functions=(replace(classify, retries=0), deadletter))


class Ran:
    """What came of a good picture and of an event that is none."""

    def __init__(
        self, template: Template, *, permissive: bool = False, policy: Document | None = None
    ) -> None:
        lines: list[str] = []
        cloud = LocalCloud(template, Options(
            instances=1, first_pause=0.01, permissive=permissive, policy=policy,
            on_line=lambda _function, line: lines.append(line),
        ))  # fmt: skip
        with cloud:
            auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
            bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region=REGION)
            bucket.put_object("input/digits/7.png", sample("7.png"))
            cloud.invoke_async("fanlight-digits", b"not JSON")
            assert cloud.drain()
            keys = [item.key for item in oss2.ObjectIteratorV2(bucket, prefix="failed/")]
            self.letters = [json.loads(bucket.get_object(key).read()) for key in keys]
            self.result = bucket.object_exists("output/digits/7.png.json")
        self.said = "\n".join(lines)


@pytest.mark.parametrize("roles", [("one", "one"), ("one", "two"), ("", "")])
def test_the_printed_policies_are_enough(described: Template, roles: tuple[str, str]) -> None:
    """With a role for all, one for each, or none, a result and a letter are written."""
    functions = [replace(f, role=r) for f, r in zip(described.functions, roles, strict=True)]
    ran = Ran(replace(described, functions=tuple(functions)))

    assert ran.result
    assert [letter["error"]["type"] for letter in ran.letters] == ["EventError"]


def without_results(template: Template) -> Document:
    """A policy that lacks oss:GetObject on the results."""
    document = functions_policy(template, settings_of(template))
    for statement in document["Statement"]:
        if statement["Action"] == ["oss:GetObject", "oss:PutObject"]:
            statement["Action"] = ["oss:PutObject"]
    return document


def test_a_missing_permission_shows(described: Template) -> None:
    """Without reading results the function fails, saying what its role needs; permissive helps."""
    ran = Ran(described, policy=without_results(described))
    needs = "oss:GetObject and oss:PutObject on the output and failed prefixes"

    assert not ran.result
    (letter,) = [one for one in ran.letters if one["error"]["type"] == "ConfigError"]
    assert "AccessDenied" in letter["error"]["message"]
    assert needs in letter["error"]["message"]
    assert Ran(described, permissive=True).result


def test_roles_are_apart(described: Template) -> None:
    """Functions with a role each have keys each, with the policy of one function alone."""
    functions = [replace(f, role=f"acs:ram::1:role/{f.resource}") for f in described.functions]
    apart = replace(described, functions=tuple(functions))
    policies = [functions_policy(apart, [one]) for one in settings_of(apart)]

    groups = acting_as(apart)
    assert [functions_policy(apart, every) for every in groups.values()] == policies
    assert [len(every) for every in acting_as(described).values()] == [2]


def test_the_welcome_says_who_may(described: Template) -> None:
    """Whoever reads it knows whether a missing permission would show."""
    with closing(LocalCloud(described)) as cloud:
        assert "functions may do what fanlight policy prints" in welcome(cloud, Options())
        told = welcome(cloud, Options(policy=without_results(described)))
        assert "functions may do what --policy says\n" in told
        assert "anything in OSS (--permissive)" in welcome(cloud, Options(permissive=True))


def test_the_welcome_says_what_is_kept(described: Template) -> None:
    """It names the folder, or the option that keeps everything."""
    with closing(LocalCloud(described)) as cloud:
        assert "Buckets       gone when it stops, without --data DIR\n" in welcome(cloud, Options())
        assert "Buckets       kept in here\n" in welcome(cloud, Options(data=Path("here")))
