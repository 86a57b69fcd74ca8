"""The local cloud: OSS, the triggers of a template, instances of its functions, their API."""

import json
import secrets
import time
import uuid
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType

from fanlight.errors import ConfigError
from tools.localcloud.chaos_http import Meddler
from tools.localcloud.created import created_event
from tools.localcloud.datafolder import DataFolder
from tools.localcloud.failure import failure_document
from tools.localcloud.instance import Answer, Instance
from tools.localcloud.invoke_api import InvokeEndpoint
from tools.localcloud.invoker import Invoker
from tools.localcloud.options import Options
from tools.localcloud.oss import Credentials, ObjectCreated, OssEndpoint
from tools.localcloud.roles import policies, role_keys, role_of
from tools.localcloud.timers import Timers
from tools.localcloud.waiting import Delivery, Invocation, Load, Waiting
from tools.template import Function, Template

LOCAL_KEYS = Credentials("local-id", "local-secret")
"""What a person uses. They open nothing but this machine's own endpoint."""

_DEFAULT = Options()
_LATE_SECONDS = 10.0
"""For which a cloud that stops waits for writes that land late."""


class LocalCloud:
    """Everything a template describes, on this machine and for it alone, until `stop`."""

    def __init__(self, template: Template, options: Options = _DEFAULT) -> None:
        """Raises ConfigError if another local cloud has the folder `options.data`."""
        self.template, self._options = template, options
        self.keys = LOCAL_KEYS
        self._folder = DataFolder(options.data) if options.data else None
        self._roles = role_keys(template)
        self._meddler = Meddler(options.chaos) if options.chaos else None
        with ExitStack() as undo:
            if self._folder:
                self._folder.lock()
                undo.callback(self._folder.release)
            self.endpoint = self._oss()
            undo.pop_all()
        queue = self._folder.queue if self._folder else None
        self._waiting = Waiting(queue, options.clock, options.on_news)
        self._invokers = {function.name: self._invoker(function) for function in template.functions}
        self._timers = Timers(template, self.invoke_async, options.on_line)
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
            wait = f"{count:,} events wait" if count > 1 else "1 event waits"
            self._options.on_line(name, f"{wait} from before{rest}")
        for invoker in self._invokers.values():
            invoker.start()
        self._timers.start()

    def stop(self) -> None:
        """Take no more invocations, end the instances after their present requests, then OSS.

        What is stored and what waits is there again after `start`.
        """
        self._timers.stop()
        self._invoke_api.stop()
        for invoker in self._invokers.values():
            invoker.stop()
        self.endpoint.stop()
        if self._meddler:
            self._meddler.settled(_LATE_SECONDS)

    def close(self) -> None:
        """Stop for good: let go of the folder, or forget what was kept without one."""
        self.stop()
        self.endpoint.close()
        self._waiting.close()
        if self._folder:
            self._folder.release()

    def __enter__(self) -> "LocalCloud":
        with ExitStack() as undo:
            undo.callback(self.close)
            self.start()
            undo.pop_all()
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
        """Wait until no event is queued or running, failures included; False if time ran out.

        Nor is a late write, which chaos makes, to come after it.
        """
        if self._meddler is None:
            return self._waiting.drain(self._invokers, timeout)
        until = time.monotonic() + timeout
        while True:
            begun = self._meddler.begun
            if not self._meddler.settled(until - time.monotonic()):
                return False
            if not self._waiting.drain(self._invokers, until - time.monotonic()):
                return False
            if self._meddler.begun == begun:
                return True

    def load(self) -> Load:
        """How many events wait or run, and how many there have been."""
        return self._waiting.load()

    def _oss(self) -> OssEndpoint:
        template, options = self.template, self._options
        return OssEndpoint(
            [self.keys, *self._roles.values()],
            region=template.region,
            account=template.account,
            port=options.port,
            policies={} if options.permissive else policies(template, options.policy),
            on_created=self._created,
            data=self._folder.objects if self._folder else None,
            clock=options.chaos.clock if options.chaos else time.time,
            meddle=self._meddler,
        )

    def _named(self, name: str) -> Invoker:
        try:
            return self._invokers[name]
        except KeyError:
            known = ", ".join(self._invokers)
            raise ConfigError(f"there is no function {name}; the template has {known}") from None

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
            return Instance(served, extra, options.python, options.on_line, disks, options.on_news)

        keys = partial(self._credentials, role_of(function))
        return Invoker(function, start, keys, self._waiting, self._failed, options)

    def _created(self, made: ObjectCreated) -> None:
        """One matching call, one event for each trigger that wants it."""
        event = created_event(self.template, made)
        self._waiting.add(*(
            delivery
            for function in self.template.functions
            for trigger in function.triggers
            if trigger.matches(made.bucket, made.name, made.key)
            for delivery in self._deliveries(function.name, f"{made.bucket}/{made.key}", event)
        ))  # fmt: skip
        if self._options.on_news:
            self._options.on_news(made)

    def _deliveries(self, function: str, about: str, event: bytes) -> list[Delivery]:
        """An event for a function: one delivery, unless chaos wants it otherwise."""
        chaos, name = self._options.chaos, f"{function} {about}"
        delays = chaos.deliveries(name) if chaos else [0.0]
        return [Delivery(function, event, self._request_id(name), delay) for delay in delays]

    def _request_id(self, name: str) -> str:
        """Under chaos, what befalls an invocation goes by its id, so that one tells its name."""
        chaos = self._options.chaos
        return chaos.request_id(name) if chaos else str(uuid.uuid4())

    def _credentials(self, role: str, request_id: str) -> Credentials:
        """What a role's function gets for an invocation, or to end with."""
        own, chaos = self._roles[role], self._options.chaos
        seconds = chaos.good_for(request_id) if chaos and request_id else None
        if seconds is None:
            return own
        token = f"{own.security_token}-{secrets.token_hex(8)}"
        brief = replace(own, security_token=token, expires=time.time() + seconds)
        self.endpoint.accept(brief)
        return brief

    def _failed(
        self, function: Function, invocation: Invocation, answer: Answer
    ) -> Delivery | None:
        """The failure document for the function's destination, if there is one."""
        if function.on_failure in self._invokers:
            document = failure_document(self.template, function, invocation, answer)
            request_id = self._request_id(f"{function.on_failure} {invocation.request_id[:18]}")
            return Delivery(function.on_failure, json.dumps(document).encode(), request_id)
        if function.on_failure:
            self._options.on_line(
                function.name, f"onFailure: there is no function {function.on_failure}"
            )
        return None
