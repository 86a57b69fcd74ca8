"""`fanlight policy`: least-privilege RAM policies, made from the template."""

import json
from pathlib import Path
from typing import Any

import click

from fanlight.errors import ConfigError
from tools.commands.template_option import template_option
from tools.deployment import ram
from tools.deployment.account import is_example
from tools.deployment.checks import problems
from tools.deployment.settings import Settings, settings_of
from tools.shown import shown
from tools.template import Template, read_template

ROLES = ("functions", "trigger", "deployer", "operator")
_USERS = {"deployer": ram.deployer_policy, "operator": ram.operator_policy}
"""Who has keys of their own: people and pipelines, which nobody acts as."""

LONGEST = 6144
"""Characters of a custom policy that RAM takes, without spaces."""


@click.command()
@template_option
@click.option("--role", type=click.Choice(ROLES), help="Print this policy alone.")
@click.option("--function", "name", metavar="NAME",
              help="Only what this function needs, for a role of its own.")  # fmt: skip
@click.option("--trust", is_flag=True, help="Print who may act as the role instead.")
def command(template: Path, role: str | None, name: str | None, *, trust: bool) -> int:
    """Print the permissions a deployment needs, and no others, as RAM policies.

    \b
    functions   the role the functions act as: read images, read and write results, write
                dead letters, read the very models named, hand on failures, write logs
    trigger     the role OSS acts as to invoke the functions that have a trigger
    deployer    the person or pipeline that runs `s deploy` and publishes models
    operator    who runs `fanlight run`, `status` and `results` on what is deployed

    \b
    fanlight policy --role functions > policy.json      a document for the RAM console
    fanlight policy --role functions --trust            the trust policy of that role
    fanlight policy --function fanlight-digits          a narrower one, for one function

    Standard output is JSON alone. Without --role it is one object with all of them and their
    trust policies. A template with a problem gets no policy, but the list of its problems.

    The actions come from Alibaba Cloud's documentation and were never tried with an account; what
    that leaves open is printed with them.
    """
    if name and role not in (None, "functions"):
        raise click.UsageError(f"--function narrows the functions' policy, not the {role}'s")
    if trust and role in _USERS:
        raise click.UsageError(f"the {role} is a user or a pipeline, not a role: nothing to trust")
    if trust and not (role or name):
        raise click.UsageError("--trust prints one document; say which with --role")
    described = _checked(template)
    if name or role == "functions":
        chosen = _chosen(described, name)
        document = _function_role(described, chosen)["trust" if trust else "policy"]
    elif role:
        document = _role(described, role)["trust" if trust else "policy"]
    else:
        roles = dict.fromkeys(one.function.role for one in settings_of(described))
        parties = [_function_role(described, _acting_as(described, arn)) for arn in roles]
        document = {
            "functions": parties,
            **{role: _role(described, role) for role in ("trigger", *_USERS)},
        }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    _explain(described, document, [role] if role else ["functions"] if name else list(ROLES))
    return 0


def _checked(path: Path) -> Template:
    template = read_template(path)
    found = problems(template)
    if template.account == "0":
        found.append(
            "vars.account is not set; write your account's ID, which resources are named by"
        )
    if found:
        raise ConfigError(
            f"{path} has problems; mend them first:" + "".join(f"\n  {p}" for p in found)
        )
    return template


def _chosen(template: Template, name: str | None) -> list[Settings]:
    every = settings_of(template)
    if name:
        chosen = [one for one in every if name in (one.name, one.function.resource)]
        if not chosen:
            known = ", ".join(one.name for one in every)
            raise click.UsageError(f"there is no function {name}; the template has {known}")
        return chosen
    roles = {one.function.role for one in every}
    if len(roles) > 1:
        raise click.UsageError(
            f"the functions have {len(roles)} roles; name one function with --function, or leave "
            "--role out for all"
        )
    return every


def _acting_as(template: Template, role: str) -> list[Settings]:
    return [one for one in settings_of(template) if one.function.role == role]


def _function_role(template: Template, every: list[Settings]) -> dict[str, Any]:
    return {
        "role": ram.role_arn(template, every[0].function.role),
        "functions": [one.name for one in every],
        "trust": ram.trust("fc.aliyuncs.com"),
        "policy": ram.functions_policy(template, every),
    }


def _role(template: Template, role: str) -> dict[str, Any]:
    if role in _USERS:
        return {"policy": _USERS[role](template)}
    return {
        "role": ram.trigger_roles(template),
        "trust": ram.trust("oss.aliyuncs.com"),
        "policy": ram.trigger_policy(template),
    }


def _explain(template: Template, document: dict[str, Any], parties: list[str]) -> None:
    """On standard error: what to do with it, and what it rests on."""
    notes = []
    if is_example(template):
        notes.append(
            f"vars.account is the example's, {template.account}; write your own account's ID: "
            "resources are named by it"
        )
    triggers = [trigger for function in template.functions for trigger in function.triggers]
    if not {"trigger", "deployer"}.isdisjoint(parties) and not all(
        trigger.role for trigger in triggers
    ):
        notes.append(
            "a trigger names no invocationRole, so `s deploy` takes or makes "
            "AliyunOSSEventNotificationRole, which may invoke every function; name a role with the "
            "trigger policy in template.yml instead, as acs:ram::<account>:role/<name>"
        )
    if len(json.dumps(document, separators=(",", ":"))) > LONGEST and "Version" in document:
        notes.append(
            f"RAM takes {LONGEST:,} characters a policy, this one is longer; give each function a "
            "role of its own with --function"
        )
    notes += [f"not verified: {text}" for party in parties for text in ram.UNVERIFIED[party]]
    for note in notes:
        click.echo(f"note: {shown(note)}", err=True)
