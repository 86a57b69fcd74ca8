"""RAM policies for tests of what they allow."""

from typing import Any

REGION, ACCOUNT = "cn-hangzhou", "1234567890123456"
HOME = f"acs:oss:oss-{REGION}:{ACCOUNT}"
"""What the names of the account's own OSS resources begin with."""

Document = dict[str, Any]
Statement = tuple[str, list[str] | str, list[str] | str]
"""Effect, actions and resources."""

ALL: Statement = ("Allow", "oss:*", "*")


def policy(*statements: Statement) -> Document:
    return {
        "Version": "1",
        "Statement": [{"Effect": e, "Action": a, "Resource": r} for e, a, r in statements],
    }
