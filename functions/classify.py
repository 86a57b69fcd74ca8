"""Function Compute entry points: classify what an event says has changed. Wiring only."""

import time

_BEGAN = time.perf_counter()

# The imports are part of a cold start, and timed as such. What is slow to import, all that knows
# pixels, is left to the initializer, which has downloads to begin first.
import gc  # noqa: E402
import os  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from contextlib import AbstractContextManager  # noqa: E402
from dataclasses import dataclass, field, replace  # noqa: E402
from functools import partial  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from fanlight.beginning import begun, connect  # noqa: E402
from fanlight.config import Config  # noqa: E402
from fanlight.log import Log, milliseconds  # noqa: E402
from fanlight.reconcile import Answer, Beside, Reconciler  # noqa: E402
from fanlight.retry import Retry  # noqa: E402
from fanlight.runtime import credentials, initializer_retry, memory, retry  # noqa: E402
from fanlight.store_oss import OssStore, connections  # noqa: E402
from fanlight.together import beside  # noqa: E402
from fanlight.work import handle  # noqa: E402

if TYPE_CHECKING:
    from fanlight.answer import Answerer

_IMPORTS = time.perf_counter() - _BEGAN


@dataclass
class Instance:
    """What lives as long as the instance: no credential is in it."""

    config: Config
    answerer: "Answerer"
    session: Any
    cold_start: dict[str, Any] | None
    beside: Beside = field(default_factory=lambda: beside(ThreadPoolExecutor(1)))


_instance: Instance | None = None


def initializer(context: Any) -> None:
    """Load the model and warm it up. A wrong setting fails here, with every problem named."""
    global _instance  # noqa: PLW0603 - the platform's contract: state between calls is a module's
    config = Config.from_environ(os.environ)
    session = connections()
    clock = time.perf_counter
    began = clock()
    with begun(config, _opener(config, context, session), initializer_retry()) as beginning:
        from fanlight.answer import Answerer, Choices
        from fanlight.model import Model
        from fanlight.rehearsal import rehearse
        from fanlight.warm_up import pictures, warm_up

        imported = clock()
        folder = beginning.model()
        fetched = clock()
        model = Model.load(folder)
        choices = Choices(config.limits, config.top_k, config.thresholds, config.oss_resize)
        answerer = Answerer(model, choices)
        loaded = clock()
    instance = Instance(config, answerer, session, None)
    samples = pictures()
    failure = warm_up(answerer, samples)
    rehearse(
        lambda session: reconciler(replace(instance, session=session), context, Retry.lasting(0)),
        samples[0],
    )
    if beginning.connected():
        connect(reconciler(instance, context, Retry.lasting(0)))
    instance.cold_start = {
        "imports_ms": milliseconds(_IMPORTS + imported - began + model.import_seconds),
        "fetch_ms": milliseconds(fetched - imported),
        "model_load_ms": milliseconds(model.load_seconds),
        "first_inference_ms": milliseconds(model.first_inference_seconds),
        "warm_up_ms": milliseconds(clock() - loaded),
        **({"warm_up_failed": failure} if failure else {}),
    }
    _instance = instance
    # What has been made so far stays: it took each full collection 18 ms to find that out.
    gc.freeze()


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Reconcile every key of the event; raises when something is left that a retry can mend."""
    log = Log(context.request_id)
    instance = ready(context, log)
    until = retry(context)
    apart = partial(_apart, instance.answerer, until)
    return handle(event, reconciler(instance, context, until), log, until.remaining, apart)


def pre_stop(context: Any) -> None:
    """Nothing is left to write: every result is stored before its handler returns."""
    Log(context.request_id)("stopping")


def ready(context: Any, log: Log) -> Instance:
    """The instance, for this and the other entry points of the package; logs its cold start."""
    if _instance is None:
        initializer(context)
    assert _instance is not None  # noqa: S101 - for the type checker
    if _instance.cold_start:
        log("cold start", **_instance.cold_start)
        _instance.cold_start = None
    return _instance


def reconciler(instance: Instance, context: Any, until: Retry) -> Reconciler:
    """How this invocation reconciles a key: with its credentials, and as long as it may last."""
    config = instance.config
    store = partial(_opener(config, context, instance.session), retry=until)
    return Reconciler(
        images=_images(instance, store),
        input=config.input,
        results=store(config.output.bucket),
        output=config.output,
        answer=instance.answerer,
        max_bytes=config.limits.max_bytes,
        beside=instance.beside,
    )


def _apart(answerer: "Answerer", until: Retry) -> AbstractContextManager[Answer]:
    from fanlight.apart import spared  # which an image alone has no use for

    # An image whose decoder hangs leaves its neighbours half of the time.
    return spared(answerer, lambda: until.remaining() / 2, memory(os.environ))


def _images(instance: Instance, store: "partial[OssStore]") -> OssStore:
    config = instance.config
    if not config.oss_resize:
        return store(config.input.bucket)
    from fanlight.preprocess import min_side
    from fanlight.store_resized import ResizedStore

    side = min_side(instance.answerer.model.bundle.input)
    return ResizedStore(config.input.bucket, side=side, **store.keywords)


def _opener(config: Config, context: Any, session: Any) -> "partial[OssStore]":
    """Stores are made for each invocation, because credentials rotate; connections are kept."""
    return partial(
        OssStore,
        endpoint=config.endpoint,
        region=config.region,
        credentials=credentials(context, os.environ),
        session=session,
    )
