"""Function Compute entry points: classify what an event says has changed. Wiring only."""

import time

_BEGAN = time.perf_counter()

# The imports are part of a cold start, and timed as such.
import os  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from typing import Any  # noqa: E402

import oss2  # noqa: E402

from fanlight import event as events  # noqa: E402
from fanlight.answer import Answerer  # noqa: E402
from fanlight.config import Config  # noqa: E402
from fanlight.errors import EventError  # noqa: E402
from fanlight.log import Log, milliseconds  # noqa: E402
from fanlight.model import Model  # noqa: E402
from fanlight.place import Place  # noqa: E402
from fanlight.reconcile import Reconciler  # noqa: E402
from fanlight.retry import Retry  # noqa: E402
from fanlight.runtime import credentials, retry  # noqa: E402
from fanlight.store_oss import OssStore  # noqa: E402
from fanlight.work import work  # noqa: E402

_IMPORTS = time.perf_counter() - _BEGAN


@dataclass
class _Instance:
    """What lives as long as the instance: no credential is in it."""

    config: Config
    answerer: Answerer
    session: oss2.Session = field(default_factory=oss2.Session)
    cold_start: dict[str, float] | None = None


_instance: _Instance | None = None


def initializer(context: Any) -> None:
    """Load the model. A wrong setting fails here, with every problem named."""
    global _instance  # noqa: PLW0603 - the platform's contract: state between calls is a module's
    config = Config.from_environ(os.environ)
    model = Model.load(config.model)
    answerer = Answerer(model, config.limits, config.top_k or model.bundle.top_k)
    cold_start = {
        "imports_ms": milliseconds(_IMPORTS),
        "model_load_ms": milliseconds(model.load_seconds),
        "first_inference_ms": milliseconds(model.first_inference_seconds),
    }
    _instance = _Instance(config, answerer, cold_start=cold_start)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Reconcile every key of the event; raises when something is left that a retry can mend."""
    if _instance is None:
        initializer(context)
    assert _instance is not None  # noqa: S101 - for the type checker
    log = Log(context.request_id)
    if _instance.cold_start:
        log("cold start", **_instance.cold_start)
        _instance.cold_start = None
    until = retry(context)
    reconciler = _reconciler(_instance, context, until)
    try:
        records = events.parse(event)
    except EventError as error:  # one bad record does not cost the others their results
        work(error.records, reconciler, log, until.remaining)
        raise
    return work(records, reconciler, log, until.remaining)


def pre_stop(context: Any) -> None:
    """Nothing is left to write: every result is stored before its handler returns."""
    Log(context.request_id)("stopping")


def _reconciler(instance: _Instance, context: Any, until: Retry) -> Reconciler:
    """Stores are made for each invocation, because credentials rotate; connections are kept."""
    config = instance.config
    keys = credentials(context, os.environ)

    def store(place: Place) -> OssStore:
        return OssStore(
            place.bucket,
            endpoint=config.endpoint,
            region=config.region,
            credentials=keys,
            retry=until,
            session=instance.session,
        )

    return Reconciler(
        images=store(config.input),
        input=config.input,
        results=store(config.output),
        output=config.output,
        answer=instance.answerer,
        max_bytes=config.limits.max_bytes,
    )
