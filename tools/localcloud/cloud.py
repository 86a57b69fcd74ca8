"""The local cloud: OSS, the triggers of a template, instances of its functions, their API."""

import json
import time
import uuid
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from fanlight.errors import ConfigError
from tools.deployment.ram import functions_policy
from tools.deployment.settings import Settings, settings_of
from tools.events import oss_event
from tools.localcloud.datafolder import DataFolder
from tools.localcloud.instance import Answer, Instance
from tools.localcloud.invoke_api import InvokeEndpoint
from tools.localcloud.invoker import Invoker
from tools.localcloud.options import Options
from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint
from tools.localcloud.waiting import Delivery, Invocation, Waiting
from tools.template import Function, Template

LOCAL_KEYS = Credentials("local-id", "local-secret")
"""What a person uses. They open nothing but this machine's own endpoint."""

_DEFAULT = Options()


class LocalCloud:
    """Everything a template describes, on this machine and for it alone, until `stop`."""

    def __init__(self, template: Template, options: Options = _DEFAULT) -> None:
        """Raises ConfigError if another local cloud has the folder `options.data`."""
        self.template, self._options = template, options
        self.keys = LOCAL_KEYS
        self._folder = DataFolder(options.data) if options.data else None
        if self._folder:
            self._folder.lock()
        self._roles = _role_keys(template)
        credentials = [self.keys, *self._roles.values()]
        self.endpoint = OssEndpoint(
            credentials,
            region=template.region,
            account=template.account,
            port=options.port,
            policies={} if options.permissive else self._policies(),
            on_created=self._created,
            data=self._folder.objects if self._folder else None,
        )
        self._waiting = Waiting(self._folder.queue if self._folder else None, options.clock)
        self._invokers = {function.name: self._invoker(function) for function in template.functions}
        self._invoke_api = InvokeEndpoint(
            self._invokers, self._waiting.add, self.endpoint.keys, options.invoke_port
        )

    @property
    def invoke_url(self) -> str:
        """The endpoint of the invoke API, to give to the SDK; meaningful once started."""
        return self._invoke_api.url

    def start(self) -> None:
        """Serve, with every bucket the template names, and run what waits from before.

        Raises OSError if a port is taken, ConfigError if the queue cannot be read.
        """
        with ExitStack() as undo:
            self._waiting.open()
            undo.callback(self._waiting.close)
            self.endpoint.start()
            undo.callback(self.endpoint.stop)
            self._invoke_api.start()
            undo.pop_all()
        for bucket in self.template.buckets:
            self.endpoint.create_bucket(bucket)
        for name, count in self._waiting.unfinished().items():
            rest = "" if name in self._invokers else ", but the template has no such function"
            self._options.on_line(name, f"{count} events wait from before{rest}")
        for invoker in self._invokers.values():
            invoker.start()

    def stop(self) -> None:
        """Take no more invocations, end the instances after their present requests, then OSS.

        What is stored and what waits is there again after `start`.
        """
        self._invoke_api.stop()
        for invoker in self._invokers.values():
            invoker.stop()
        self.endpoint.stop()

    def close(self) -> None:
        """Stop for good: let go of the folder, or forget what was kept without one."""
        self.stop()
        self.endpoint.close()
        self._waiting.close()
        if self._folder:
            self._folder.release()

    def __enter__(self) -> "LocalCloud":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def invoke(self, name: str, event: bytes) -> Answer:
        """Run a function on `event` and wait for its answer."""
        return self._named(name).call(event, str(uuid.uuid4()))

    def invoke_async(self, name: str, event: bytes, delay: float = 0.0) -> str:
        """Accept an event for a function, to run in `delay` seconds; returns the request id."""
        delivery = Delivery(self._named(name).function.name, event, delay=delay)
        self._waiting.add(delivery)
        return delivery.request_id

    def drain(self, timeout: float = 60) -> bool:
        """Wait until no event is queued or running, failures included; False if time ran out."""
        return self._waiting.drain(self._invokers, timeout)

    def _named(self, name: str) -> Invoker:
        try:
            return self._invokers[name]
        except KeyError:
            known = ", ".join(self._invokers)
            raise ConfigError(f"there is no function {name}; the template has {known}") from None

    def _policies(self) -> dict[str, list[dict[str, Any]]]:
        return {
            self._roles[role].access_key_id: [functions_policy(self.template, every)]
            for role, every in _acting_as(self.template).items()
        }

    def _invoker(self, function: Function) -> Invoker:
        options = self._options
        served = replace(function, runtime=options.runtime or function.runtime)

        def start() -> Instance:
            extra = {
                "FANLIGHT_OSS_ENDPOINT": self.endpoint.url,
                "FC_REGION": self.template.region,
                "FC_ACCOUNT_ID": self.template.account,
            }
            disks = self._folder.instances if self._folder else None
            return Instance(served, extra, options.python, options.on_line, disks)

        keys = partial(self._roles.__getitem__, _role(function))
        return Invoker(function, start, keys, self._waiting, self._failed, options)

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
        event = json.dumps(document).encode()
        self._waiting.add(*(
            Delivery(function.name, event)
            for function in self.template.functions
            for trigger in function.triggers
            if trigger.matches(made.bucket, made.name, made.key)
        ))  # fmt: skip

    def _failed(
        self, function: Function, invocation: Invocation, answer: Answer
    ) -> Delivery | None:
        """The failure document for the function's destination, if there is one."""
        if function.on_failure in self._invokers:
            document = _failure(self.template, function, invocation, answer)
            return Delivery(function.on_failure, json.dumps(document).encode())
        if function.on_failure:
            self._options.on_line(
                function.name, f"onFailure: there is no function {function.on_failure}"
            )
        return None


def _role(function: Function) -> str:
    """What a function acts as; one that the template gives no role stands for itself."""
    return function.role or function.name


def _role_keys(template: Template) -> dict[str, Credentials]:
    return {
        role: Credentials(f"role-id-{n}", f"role-secret-{n}", f"role-token-{n}")
        for n, role in enumerate(_acting_as(template))
    }


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
