"""The account that a template names: roles, triggers and destinations are named by it."""

import re

from tools.template import Template

EXAMPLE = "1234567890123456"
"""The one that template.yml comes with, which is nobody's."""

_UNSET = "0"


def account_problems(template: Template) -> list[str]:
    """What cannot be an account's ID; empty too where the template names none."""
    account = template.account
    if account == _UNSET or re.fullmatch(r"[0-9]{16}", account):
        return []
    return [f"vars.account is {account!r}; an Alibaba Cloud account's ID has 16 digits, in quotes"]


def is_example(template: Template) -> bool:
    """Whether it is still the example's: good for the local cloud, and for nothing else."""
    return template.account == EXAMPLE
