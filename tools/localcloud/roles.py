"""What the functions of a local cloud act as, and the access keys that stand for it."""

from collections.abc import Mapping
from typing import Any

from tools.deployment.ram import functions_policy
from tools.deployment.settings import Settings, settings_of
from tools.localcloud.credentials import Credentials
from tools.template import Function, Template


def role_of(function: Function) -> str:
    """What a function acts as; one that the template gives no role stands for itself."""
    return function.role or function.name


def role_keys(template: Template) -> dict[str, Credentials]:
    """The access key of each role, by its name."""
    return {
        role: Credentials(f"role-id-{n}", f"role-secret-{n}", f"role-token-{n}")
        for n, role in enumerate(acting_as(template))
    }


def policies(
    template: Template, given: Mapping[str, Any] | None
) -> dict[str, list[Mapping[str, Any]]]:
    """By access key id, what its role may do: the policy `given` for all, or each one's own."""
    keys = role_keys(template)
    return {
        keys[role].access_key_id: [given or functions_policy(template, every)]
        for role, every in acting_as(template).items()
    }


def acting_as(template: Template) -> dict[str, list[Settings]]:
    """The functions of each role: they share its permissions, as they do once deployed."""
    roles: dict[str, list[Settings]] = {}
    for one in settings_of(template):
        roles.setdefault(role_of(one.function), []).append(one)
    return roles
