"""RAM policies from a template: what each of the four parties needs, and nothing else.

Actions and the spelling of resources come from Alibaba Cloud's own pages; "component" is the
published source of Serverless Devs' `fc3`:

[fc]     Function Compute 3.0, policies and sample policies
         https://help.aliyun.com/zh/functioncompute/fc/policies-and-sample-policies
[oss]    OSS, authorization syntax and elements
         https://www.alibabacloud.com/help/en/oss/user-guide/authorization-syntax-and-elements
[list]   OSS, a tutorial on letting a user list a folder: oss:ListObjects on the bucket, with a
         condition on the prefix that the request names
         https://help.aliyun.com/document_detail/66934.html
[exists] OSS, whether an object exists: oss:GetObject is all it takes. So no list permission is
         given for it. (Amazon S3 answers 403 for a missing key without one; OSS is not said to.)
         https://help.aliyun.com/en/oss/developer-reference/determine-whether-an-object-exists
[dest]   destinations of asynchronous invocations: what the function's role needs
         https://www.alibabacloud.com/help/en/fc/user-guide/result-callback
[yaml]   the component's pages on permissions for triggers, and those of its predecessor for logs
         https://github.com/devsapp/fc3/blob/master/docs/zh/yaml/triggers.md
         https://github.com/devsapp/fc/blob/main/docs/Others/authority/yaml.md
[logs]   the names of the log project and store that are made when none is given
         https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-the-logging-feature-1

None of it could be tried with an account: see `UNVERIFIED`.
"""

from tools.deployment.settings import Settings, settings_of
from tools.deployment.statements import (
    Document,
    allow,
    below,
    beside,
    distinct,
    document,
    lists,
    objects,
)
from tools.template import Function, Template, Trigger

DEFAULT_TRIGGER_ROLE = "aliyunosseventnotificationrole"
"""What the component passes to OSS for a trigger without `invocationRole`; it may invoke all."""

UNVERIFIED = {
    "functions": (
        "that OSS answers 404, not 403, for a missing key to one who has oss:GetObject alone, as "
        "its pages imply; `fanlight doctor` with the role's keys tells. If it does not, add "
        "oss:ListObjects on the bucket",
        "that the role needs log:PostLogStoreLogs; the platform's own role may do for logs",
        "that a sweep's listing meets its condition on oss:Prefix; `fanlight doctor` with the "
        "role's keys lists as it does",
    ),
    "trigger": ("whether OSS names the qualifier when it invokes; both spellings are allowed",),
    "deployer": (
        "fc:GetTempBucketToken, for uploading code: it is on no page of permissions",
        "that `s deploy` asks for nothing else; a refusal names the action and the resource",
    ),
    "operator": (),
}
"""By party: what no document settles, and only a deployment can."""


def trust(service: str) -> Document:
    """Who may act as a role: `fc.aliyuncs.com` or `oss.aliyuncs.com`."""
    return document(
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": [service]},
        }
    )


def functions_policy(template: Template, every: list[Settings]) -> Document:
    """For the role that `every` one of these functions acts as.

    Images are read, results read and written, letters written [oss]; a HEAD is a GetObject. Only a
    sweep lists, and only what it reads and writes [list]. The
    function that is told of failures is invoked as the role of the one that failed [dest].
    """
    told = sorted({one.function.on_failure or "" for one in every if _names_function(one)})
    return document(
        allow(["oss:GetObject"], below(one.input for one in every)),
        allow(["oss:GetObject", "oss:PutObject"], below(one.output for one in every)),
        *lists(place for one in every for place in one.lists),
        allow(["oss:PutObject"], below(one.failed for one in every)),
        allow(["oss:GetObject"], objects(a for one in every for a in one.archives)),
        allow(["fc:InvokeFunction"], [a for name in told for a in _runs(template, name)]),
        allow(
            ["log:PostLogStoreLogs"],
            distinct(_log(template, one.function)[1] for one in every if one.function.log_store),
        ),
    )


def trigger_policy(template: Template) -> Document:
    """For the role OSS acts as to fire triggers: to invoke these functions [fc]."""
    return document(
        allow(
            ["fc:InvokeFunction"],
            [
                arn
                for function in template.functions
                for qualifier in sorted({trigger.qualifier for trigger in function.triggers})
                for arn in _runs(template, function.name, qualifier)
            ],
        )
    )


def deployer_policy(template: Template) -> Document:
    """For who runs `s deploy` and `fanlight model publish`.

    Functions, their asynchronous configuration and their triggers [fc]; the roles to hand over and
    the bucket's notification rules [yaml]; logs, where the component makes them [yaml].
    """
    functions = [_function(template, function.name) for function in template.functions]
    triggers = [
        f"{_function(template, function.name)}/triggers/{name}"
        for function in template.functions
        for name in [trigger.name for trigger in function.triggers]
        + [timer.name for timer in function.timers]
    ]
    told = [one.function.on_failure or "" for one in settings_of(template) if _names_function(one)]
    archives = [a for one in settings_of(template) for a in one.archives]
    return document(
        allow(["fc:CreateFunction", "fc:GetFunction", "fc:UpdateFunction"], functions),
        allow(
            ["fc:GetFunctionAsyncInvokeConfig", "fc:PutFunctionAsyncInvokeConfig"],
            [arn for f in template.functions for arn in _runs(template, f.name)],
        ),
        # Who names a destination has to be allowed to invoke it.
        allow(["fc:InvokeFunction"], [a for n in sorted(set(told)) for a in _runs(template, n)]),
        allow(
            ["fc:GetConcurrencyConfig", "fc:PutConcurrencyConfig"],
            [_function(template, f.name) for f in template.functions if f.reserved is not None],
        ),
        allow(["fc:CreateTrigger", "fc:GetTrigger", "fc:UpdateTrigger"], triggers),
        allow(["fc:GetTempBucketToken"], ["*"]),  # no resource is documented for it
        _pass_roles(template),
        allow(
            [f"oss:{verb}BucketEventNotification" for verb in ("Delete", "Get", "Put")],
            distinct(f"acs:oss:*:*:{t.bucket}" for f in template.functions for t in f.triggers),
        ),
        *_make_logs(template),
        allow(["oss:GetObject", "oss:PutObject"], beside(archives)),
    )


def operator_policy(template: Template) -> Document:
    """For who runs `fanlight run`, `status` and `results`, with any engine.

    Images are read, results read and written, letters read and, once settled, deleted; all three
    are listed [list]. With --engine fc, functions that no trigger runs are invoked [fc].
    """
    every = settings_of(template)
    lanes = [one.name for one in every if one.input and not one.lists and not one.function.triggers]
    places = [place for one in every for place in (one.input, one.output, one.failed) if place]
    return document(
        allow(["oss:GetObject"], below(one.input for one in every)),
        allow(["oss:GetObject", "oss:PutObject"], below(one.output for one in every)),
        allow(["oss:DeleteObject", "oss:GetObject"], below(one.failed for one in every)),
        *lists(places),
        allow(["oss:GetObject"], objects(a for one in every for a in one.archives)),
        allow(["fc:InvokeFunction"], [arn for name in lanes for arn in _runs(template, name)]),
    )


def role_arn(template: Template, role: str) -> str:
    """A role by its ARN; the component takes a bare name too."""
    return role if role.startswith("acs:") else f"acs:ram::{template.account}:role/{role}"


def trigger_roles(template: Template) -> list[str]:
    """The ARN of each role that OSS acts as, or will once deployed."""
    return distinct(_trigger_role(template, t) for f in template.functions for t in f.triggers)


def _trigger_role(template: Template, trigger: Trigger) -> str:
    return role_arn(template, trigger.role or DEFAULT_TRIGGER_ROLE)


def _pass_roles(template: Template) -> Document | None:
    roles = [role_arn(template, function.role) for function in template.functions]
    statement = allow(["ram:PassRole"], distinct([*roles, *trigger_roles(template)]))
    condition = {"StringEquals": {"acs:Service": "fc.aliyuncs.com"}}
    return {**statement, "Condition": condition} if statement else None


def _make_logs(template: Template) -> list[Document | None]:
    auto = [_log(template, f) for f in template.functions if f.log_project == "auto"]
    stores = ["log:CreateIndex", "log:CreateLogStore", "log:GetIndex", "log:GetLogStore"]
    return [
        allow(["log:CreateProject", "log:GetProject"], distinct(project for project, _ in auto)),
        allow(stores, distinct(store for _, store in auto)),
    ]


def _log(template: Template, function: Function) -> tuple[str, str]:
    """Project and store as resources; those made have an id behind their name [logs]."""
    auto = function.log_project == "auto"
    project = f"serverless-{template.region}-*" if auto else function.log_project
    store = "default-logs" if auto else function.log_store
    project = f"acs:log:{template.region}:{template.account}:project/{project}"
    return project, f"{project}/logstore/{store}"


def _names_function(one: Settings) -> bool:
    return one.function.on_failure_arn.startswith("acs:fc:")


def _function(template: Template, name: str) -> str:
    return f"acs:fc:{template.region}:{template.account}:functions/{name}"


def _runs(template: Template, name: str, qualifier: str = "LATEST") -> list[str]:
    """Both spellings a request for a version of a function is checked against [fc]."""
    return [_function(template, name), f"{_function(template, name)}/{qualifier}"]
