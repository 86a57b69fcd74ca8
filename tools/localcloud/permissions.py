"""RAM policies as OSS applies them: what a request needs, and whether policies allow it.

Sources, Alibaba Cloud's own pages:

[rules]    OSS, RAM policy: a matching Deny wins, then a matching Allow, else the request is refused
           https://www.alibabacloud.com/help/en/oss/user-guide/how-oss-works-with-ram
[elements] OSS, authorization syntax and elements: the action of each operation, the spelling of
           resources, `*`
           https://www.alibabacloud.com/help/en/oss/user-guide/authorization-syntax-and-elements
[actions]  OSS, RAM policies: the same table, at greater length
           https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy-overview/
[operations] OSS API reference, "Permissions" on the page of each operation
           https://www.alibabacloud.com/help/en/oss/developer-reference/uploadpartcopy and others
[list]     OSS, a tutorial on letting a user list a folder: a condition on the prefix of a request
           https://help.aliyun.com/document_detail/66934.html

Only identity policies are known here: no bucket policy, no ACL, and of conditions only the one on
the prefix that a listing names. Whether OSS asks for a permission on a link's target as well is not
said there, only that it looks at the target's ACL.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fanlight.errors import ConfigError
from tools.localcloud.oss_request import copy_source, keys_to_delete
from tools.localcloud.oss_types import OssError, Request

_ELEMENTS = frozenset(["Effect", "Action", "Resource", "Condition"])
_PREFIX = "oss:Prefix"

# (level, method, the parameter that selects the operation), as in `oss_dialect`: the action
# [elements], [actions], [operations]. Whatever writes an object, appends to it, links to one or
# adds a part is oss:PutObject; HeadObject, GetObjectMeta and GetSymlink read with oss:GetObject.
ACTIONS = {
    ("service", "GET", ""): "oss:ListBuckets",
    ("bucket", "PUT", ""): "oss:PutBucket",
    ("bucket", "DELETE", ""): "oss:DeleteBucket",
    ("bucket", "GET", ""): "oss:ListObjects",
    ("bucket", "GET", "list-type"): "oss:ListObjects",
    ("bucket", "GET", "bucketInfo"): "oss:GetBucketInfo",
    ("bucket", "GET", "uploads"): "oss:ListMultipartUploads",
    ("bucket", "POST", ""): "oss:PutObject",
    ("bucket", "POST", "delete"): "oss:DeleteObject",
    ("object", "PUT", ""): "oss:PutObject",
    ("object", "GET", ""): "oss:GetObject",
    ("object", "HEAD", ""): "oss:GetObject",
    ("object", "HEAD", "objectMeta"): "oss:GetObject",
    ("object", "DELETE", ""): "oss:DeleteObject",
    ("object", "POST", "append"): "oss:PutObject",
    ("object", "PUT", "symlink"): "oss:PutObject",
    ("object", "GET", "symlink"): "oss:GetObject",
    ("object", "POST", "uploads"): "oss:PutObject",
    ("object", "PUT", "uploadId"): "oss:PutObject",
    ("object", "GET", "uploadId"): "oss:ListParts",
    ("object", "POST", "uploadId"): "oss:PutObject",
    ("object", "DELETE", "uploadId"): "oss:AbortMultipartUpload",
}


@dataclass(frozen=True)
class Statement:
    """One statement: what it says of which actions on which resources.

    `prefixes`: those of requests it speaks of; None where it speaks of all.
    """

    allows: bool
    actions: tuple[re.Pattern[str], ...]
    resources: tuple[re.Pattern[str], ...]
    prefixes: tuple[re.Pattern[str], ...] | None = None

    def applies(self, action: str, resource: str, prefix: str | None) -> bool:
        """Whether it speaks of this action on this resource, by a request that names `prefix`."""
        return (
            any(p.fullmatch(action) for p in self.actions)
            and any(p.fullmatch(resource) for p in self.resources)
            and (self.prefixes is None or any(p.fullmatch(prefix or "") for p in self.prefixes))
        )


Policy = tuple[Statement, ...]


def parse(document: Mapping[str, Any]) -> Policy:
    """Read a policy document; ConfigError names what is wrong or not supported in it."""
    if document.get("Version") != "1":
        raise ConfigError(f"policy: Version is {document.get('Version')!r}; it has to be '1'")
    unknown = sorted(document.keys() - {"Version", "Statement"})
    if unknown:
        raise ConfigError(f"policy: {', '.join(unknown)} is not supported; leave it out")
    statements = document.get("Statement")
    if not isinstance(statements, list):
        raise ConfigError("policy: Statement has to be a list")
    return tuple(_statement(statement) for statement in statements)


def allowed(
    policies: Sequence[Policy], action: str, resource: str, prefix: str | None = None
) -> bool:
    """By the rules of RAM [rules]: a Deny wins, and without an Allow there is nothing."""
    said = {s.allows for policy in policies for s in policy if s.applies(action, resource, prefix)}
    return said == {True}


def authorize(
    policies: Sequence[Policy] | None,
    needed: Sequence[tuple[str, str]],
    home: str,
    prefix: str | None = None,
) -> None:
    """Raise OSS's AccessDenied unless each needed (action, path) is allowed; None allows all.

    A path is `bucket`, `bucket/key` or `*`; `home` is `region:account`, as resources spell them.
    `prefix`: that of a listing.
    """
    if policies is None:
        return
    for action, path in needed:
        resource = f"acs:oss:{home}:{path}"
        if not allowed(policies, action, resource, prefix):
            # OSS's wording, and then what it does not tell.
            raise OssError(
                403,
                "AccessDenied",
                "You have no right to access this object because of bucket acl. "
                f"(No policy allows {action} on {resource}.)",
            )


def needs(route: tuple[str, str, str], request: Request) -> list[tuple[str, str]]:
    """The (action, path) pairs that a request needs, all of them.

    A copy, of an object or into a part, reads its source too; of a link that is followed only the
    link is asked for. Of several objects to delete each has to be allowed. For a
    PostObject, whose form names the key, call `authorize` with that key instead.
    """
    action = ACTIONS[route]
    if route == ("bucket", "POST", "delete"):
        return [(action, f"{request.bucket}/{key}") for key in keys_to_delete(request.body)]
    path = f"{request.bucket}/{request.key}" if request.key else request.bucket or "*"
    if action == "oss:PutObject" and "x-oss-copy-source" in request.headers:
        return [("oss:GetObject", "/".join(copy_source(request.headers))), (action, path)]
    return [(action, path)]


def _statement(document: Any) -> Statement:
    if not isinstance(document, Mapping):
        raise ConfigError("policy: a statement has to be an object")
    unknown = sorted(document.keys() - _ELEMENTS)
    if unknown:
        raise ConfigError(f"policy: {', '.join(unknown)} is not supported in a statement")
    if document.get("Effect") not in ("Allow", "Deny"):
        raise ConfigError("policy: Effect has to be Allow or Deny")
    return Statement(
        allows=document["Effect"] == "Allow",
        actions=_patterns(document, "Action"),
        resources=_patterns(document, "Resource"),
        prefixes=_prefixes(document["Condition"]) if "Condition" in document else None,
    )


def _prefixes(condition: Any) -> tuple[re.Pattern[str], ...]:
    """Of `{"StringLike": {"oss:Prefix": ["in/*"]}}` [list], and no other condition."""
    like = condition.get("StringLike") if isinstance(condition, Mapping) else None
    if not isinstance(like, Mapping) or set(condition) != {"StringLike"} or set(like) != {_PREFIX}:
        raise ConfigError(f"policy: Condition {condition!r} is not supported")
    return _patterns(like, _PREFIX)


def _patterns(document: Mapping[str, Any], name: str) -> tuple[re.Pattern[str], ...]:
    """Of a text or a list of texts: `*` is any text, `?` one character, the rest itself."""
    value = document.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise ConfigError(f"policy: {name} has to be a text or a list of texts")
    special = {"*": ".*", "?": "."}
    return tuple(
        re.compile("".join(special.get(char, re.escape(char)) for char in text), re.DOTALL)
        for text in texts
    )
