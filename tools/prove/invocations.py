"""What the platform runs: one attempt of an invocation, through the code that is deployed."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import deadletter
from fanlight.errors import FanlightError
from fanlight.event import Record
from fanlight.log import Log
from fanlight.place import Place
from fanlight.reconcile import Read, Reconciler
from fanlight.store import Object
from fanlight.work import Unfinished, handle, work
from tools.prove.fates import Cloud
from tools.prove.puppet import Killed, Puppet
from tools.prove.truth import FAILED, INPUT, OUTPUT, answer_of, recipe_of

ATTEMPTS = {"classify": 4, "deadletter": 9, "run": 1_000_000}
"""As template.yml has them; a person runs `fanlight run` until it says that nothing is left."""


@dataclass
class Invocation:
    """One event for one function. `late`: its writes still to land; `stalled`: it is slow."""

    name: str
    function: str
    event: bytes
    attempts: int = 0
    late: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)
    puppet: Puppet | None = None
    model: str = ""
    stalled: bool = False


class Quiet(Log):
    """Keeps nothing but the faults of the code itself."""

    def __call__(self, message: str, **fields: Any) -> None:
        """See `Log`."""
        if message == "fault":
            raise Killed(f"a fault: {fields['trace']}")


class _Kept:
    """One read, carried out when its answer is asked for if not before."""

    def __init__(self, read: Read) -> None:
        self._read, self._answer = read, Future[Object | None]()

    def fetch(self) -> None:
        """Its answer, or its error, stays."""
        try:
            self._answer.set_result(self._read())
        except FanlightError as error:
            self._answer.set_exception(error)

    def __call__(self) -> Object | None:
        if not self._answer.done():
            self.fetch()
        return self._answer.result()


def started(
    cloud: Cloud, invocation: Invocation, model: str, image_first: Callable[[], bool]
) -> Puppet:
    """The next attempt, stopped at its first operation.

    One operation is carried out at a time, so of two that are under way together `image_first` is
    asked which comes first; so are the keys of an event, which share nothing.
    """
    invocation.attempts += 1
    invocation.model = model
    log = Quiet(invocation.name)

    def beside(read: Read) -> Read:
        kept = _Kept(read)
        if not image_first():
            kept.fetch()
        return kept

    def classify(puppet: Puppet) -> Any:
        store, retry = cloud.store(puppet)
        name = cloud.plain.name
        reconciler = Reconciler(store, Place(name, INPUT), store, Place(name, OUTPUT),
                                answer_of(model), 100, beside=beside, threads=1)  # fmt: skip
        return handle(invocation.event, reconciler, log, retry.remaining)

    def file(puppet: Puppet) -> Any:
        return deadletter.file(invocation.event, cloud.store(puppet)[0], FAILED, log)

    def run(puppet: Puppet) -> Any:
        """As `fanlight run --only older-recipe` does: the same core, told the recipe."""
        store, retry = cloud.store(puppet)
        name = cloud.plain.name
        reconciler = Reconciler(store, Place(name, INPUT), store, Place(name, OUTPUT),
                                answer_of(model), 100, recipe_of(model), threads=1)  # fmt: skip
        keys = [meta.key for meta in store.list(INPUT)]
        records = [Record(name, key, "ObjectCreated:PutObject") for key in keys]
        return work(records, reconciler, log, retry.remaining)

    return Puppet({"classify": classify, "deadletter": file, "run": run}[invocation.function])


def failure(invocation: Invocation, error: BaseException) -> bytes:
    """What the platform sends to the destination of a failure. A kill names no key."""
    kind = "ProcessExited" if isinstance(error, Killed) else type(error).__name__
    document = {
        "requestContext": {
            "requestId": invocation.name,
            "functionArn": f"acs:fc:cn-hangzhou:1:functions/{invocation.function}",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": invocation.attempts,
        },
        "requestPayload": invocation.event.decode(),
        "responsePayload": json.dumps({"errorType": kind, "errorMessage": str(error)}),
    }
    return json.dumps(document).encode()


def keys_to_tell_of(invocation: Invocation, error: BaseException) -> set[str]:
    """The keys that a letter has to name: those the failure names, or else all of the event."""
    if isinstance(error, Unfinished):
        return {failed["key"] for failed in json.loads(str(error))["failed"]}
    records = json.loads(invocation.event)["events"]
    return {record["oss"]["object"]["key"] for record in records}
