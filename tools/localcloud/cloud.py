"""The local cloud: OSS, the triggers of a template, instances of its functions, their API."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from fanlight.errors import ConfigError
from tools.deployment.ram import functions_policy
from tools.deployment.settings import Settings, settings_of
from tools.events import oss_event
from tools.localcloud.instance import Answer, Instance, OnLine, default_python
from tools.localcloud.invoke_api import InvokeEndpoint
from tools.localcloud.invoker import Invocation, Invoker
from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint
from tools.template import Function, Template

LOCAL_KEYS = Credentials("local-id", "local-secret")
"""What a person uses. They open nothing but this machine's own endpoint."""


class LocalCloud:
    """Everything a template describes, on this machine and for it alone, until `stop`."""

    def __init__(  # noqa: PLR0913 - each has a default; together they are the cloud
        self,
        template: Template,
        *,
        instances: int = 2,
        port: int = 0,
        invoke_port: int = 0,
        python: str | None = None,
        runtime: str | None = None,
        on_line: OnLine = lambda _function, _line: None,
        first_pause: float = 1.0,
        idle_after: float = 300.0,
        permissive: bool = False,
    ) -> None:
        """`instances`: the most of one function. `runtime`: the contract, instead of its own.

        `idle_after`: seconds after which an instance without requests is ended.
        `port`, `invoke_port`: of the OSS endpoint and of the invoke API; 0 takes any that is free.
        A function may do in OSS what `fanlight policy` prints for its role; `permissive`: anything.
        """
        self.template = template
        self._on_line = on_line
        self.keys = LOCAL_KEYS
        roles = _acting_as(template)
        self._role_keys = {
            role: Credentials(f"role-id-{n}", f"role-secret-{n}", f"role-token-{n}")
            for n, role in enumerate(roles)
        }
        policies = {
            self._role_keys[role].access_key_id: [functions_policy(template, every)]
            for role, every in roles.items()
        }
        credentials = [self.keys, *self._role_keys.values()]
        self.endpoint = OssEndpoint(
            credentials,
            region=template.region,
            account=template.account,
            port=port,
            policies={} if permissive else policies,
            on_created=self._created,
        )
        self._invokers = {
            function.name: Invoker(
                function,
                self._starter(replace(function, runtime=runtime or function.runtime),
                              python or default_python()),
                partial(self._role_keys.__getitem__, _role(function)), self._failed,
                limit=instances, first_pause=first_pause, idle_after=idle_after)
            for function in template.functions
        }  # fmt: skip
        self._invoke_api = InvokeEndpoint(self._invokers, self.endpoint.keys, invoke_port)

    @property
    def invoke_url(self) -> str:
        """The endpoint of the invoke API, to give to the SDK; meaningful once started."""
        return self._invoke_api.url

    def start(self) -> None:
        """Serve, with every bucket the template names. Raises OSError if a port is taken."""
        self.endpoint.start()
        try:
            self._invoke_api.start()
        except OSError:
            self.endpoint.stop()
            raise
        for bucket in self.template.buckets:
            self.endpoint.create_bucket(bucket)

    def stop(self) -> None:
        """Take no more invocations, end the instances after their present requests, then OSS."""
        self._invoke_api.stop()
        for invoker in self._invokers.values():
            invoker.stop()
        self.endpoint.stop()

    def __enter__(self) -> "LocalCloud":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def invoke(self, name: str, event: bytes) -> Answer:
        """Run a function on `event` and wait for its answer."""
        answer: Future[Answer] = Future()
        self._named(name).submit(Invocation(event, answer))
        return answer.result()

    def invoke_async(self, name: str, event: bytes) -> str:
        """Accept an event for a function; returns the request id."""
        invocation = Invocation(event)
        self._named(name).submit(invocation)
        return invocation.request_id

    def drain(self, timeout: float = 60) -> bool:
        """Wait until nothing is queued or running, dead letters included; False if time ran out."""
        until = time.monotonic() + timeout
        # A function's failure may queue work for another: all have to be at rest in one pass.
        return all(
            invoker.drain(until - time.monotonic())
            for _ in self._invokers
            for invoker in self._invokers.values()
        )

    def _named(self, name: str) -> Invoker:
        try:
            return self._invokers[name]
        except KeyError:
            known = ", ".join(self._invokers)
            raise ConfigError(f"there is no function {name}; the template has {known}") from None

    def _created(self, made: ObjectCreated) -> None:
        """One matching call, one event for each trigger that wants it."""
        document = oss_event(
            made.bucket,
            made.key,
            name=made.name,
            size=made.size,
            etag=made.etag,
            mime_type=made.mime_type,
            user_meta=made.user_meta,
            region=self.template.region,
            account=self.template.account,
            request_id=made.request_id,
            position=made.position,
        )
        for function in self.template.functions:
            for trigger in function.triggers:
                if trigger.matches(made.bucket, made.name, made.key):
                    self.invoke_async(function.name, json.dumps(document).encode())

    def _starter(self, function: Function, python: str) -> Callable[[], Instance]:
        def start() -> Instance:
            extra = {
                "FANLIGHT_OSS_ENDPOINT": self.endpoint.url,
                "FC_REGION": self.template.region,
                "FC_ACCOUNT_ID": self.template.account,
            }
            return Instance(function, extra, python, self._on_line)

        return start

    def _failed(self, function: Function, invocation: Invocation, answer: Answer) -> None:
        if function.on_failure in self._invokers:
            document = _failure(self.template, function, invocation, answer)
            self.invoke_async(function.on_failure, json.dumps(document).encode())
        elif function.on_failure:  # the worker that tells of it goes on
            self._on_line(function.name, f"onFailure: there is no function {function.on_failure}")


def _role(function: Function) -> str:
    """What a function acts as; one that the template gives no role stands for itself."""
    return function.role or function.name


def _acting_as(template: Template) -> dict[str, list[Settings]]:
    """The functions of each role: they share its permissions, as they do once deployed."""
    roles: dict[str, list[Settings]] = {}
    for one in settings_of(template):
        roles.setdefault(_role(one.function), []).append(one)
    return roles


def _failure(
    template: Template, function: Function, invocation: Invocation, answer: Answer
) -> dict[str, Any]:
    """What the platform sends an `onFailure` destination."""
    arn = f"acs:fc:{template.region}:{template.account}:functions/{function.name}"
    return {
        "timestamp": int(time.time() * 1000),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn,
            "condition": "UnhandledInvocationError",
            "approximateInvokeCount": invocation.attempts,
        },
        "requestPayload": invocation.event.decode("utf-8", "replace"),
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": answer.payload,
    }
