"""Function Compute entry points: classify what an event says has changed. Wiring only."""

import time

_BEGAN = time.perf_counter()

# The imports are part of a cold start, and timed as such.
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import oss2  # noqa: E402

from fanlight.answer import Answerer, Choices  # noqa: E402
from fanlight.apart import spared  # noqa: E402
from fanlight.config import Config  # noqa: E402
from fanlight.install import install  # noqa: E402
from fanlight.log import Log, milliseconds  # noqa: E402
from fanlight.model import Model  # noqa: E402
from fanlight.preprocess import min_side  # noqa: E402
from fanlight.reconcile import Reconciler  # noqa: E402
from fanlight.retry import Retry  # noqa: E402
from fanlight.runtime import credentials, initializer_retry, memory, retry  # noqa: E402
from fanlight.store_oss import OssStore  # noqa: E402
from fanlight.store_resized import ResizedStore  # noqa: E402
from fanlight.work import handle  # noqa: E402

_IMPORTS = time.perf_counter() - _BEGAN


@dataclass
class _Instance:
    """What lives as long as the instance: no credential is in it."""

    config: Config
    answerer: Answerer
    session: oss2.Session
    cold_start: dict[str, float] | None


_instance: _Instance | None = None


def initializer(context: Any, load: Callable[[Path], Model] = Model.load) -> None:
    """Load the model. A wrong setting fails here, with every problem named.

    `load` opens a bundle's folder; the platform leaves it as it is.
    """
    global _instance  # noqa: PLW0603 - the platform's contract: state between calls is a module's
    config = Config.from_environ(os.environ)
    session = oss2.Session()
    began = time.perf_counter()
    folder = _fetched(config, context, session)
    fetched = time.perf_counter()
    model = load(folder)
    choices = Choices(config.limits, config.top_k, config.thresholds, config.oss_resize)
    cold_start = {
        "imports_ms": milliseconds(_IMPORTS),
        "fetch_ms": milliseconds(fetched - began),
        "model_load_ms": milliseconds(model.load_seconds),
        "first_inference_ms": milliseconds(model.first_inference_seconds),
    }
    _instance = _Instance(config, Answerer(model, choices), session, cold_start)


def _fetched(config: Config, context: Any, session: oss2.Session) -> Path:
    """The model's folder. What lies in OSS is brought to this instance's disk first."""
    store = _opener(config, context, initializer_retry(), session)
    if config.libs:
        # Behind what the package brings itself, so that it never replaces any of it.
        sys.path.append(str(install(config.libs, store)))
    return config.model if isinstance(config.model, Path) else install(config.model, store)


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

    # An image whose decoder hangs leaves its neighbours half of the time.
    apart = partial(spared, _instance.answerer, lambda: until.remaining() / 2, memory(os.environ))
    return handle(event, _reconciler(_instance, context, until), log, until.remaining, apart)


def pre_stop(context: Any) -> None:
    """Nothing is left to write: every result is stored before its handler returns."""
    Log(context.request_id)("stopping")


def _reconciler(instance: _Instance, context: Any, until: Retry) -> Reconciler:
    config = instance.config
    store = _opener(config, context, until, instance.session)
    images: Callable[[str], OssStore] = store
    if config.oss_resize:
        side = min_side(instance.answerer.model.bundle.input)
        images = partial(ResizedStore, side=side, **store.keywords)
    return Reconciler(
        images=images(config.input.bucket),
        input=config.input,
        results=store(config.output.bucket),
        output=config.output,
        answer=instance.answerer,
        max_bytes=config.limits.max_bytes,
    )


def _opener(config: Config, context: Any, until: Retry, session: oss2.Session) -> partial[OssStore]:
    """Stores are made for each invocation, because credentials rotate; connections are kept."""
    return partial(
        OssStore,
        endpoint=config.endpoint,
        region=config.region,
        credentials=credentials(context, os.environ),
        retry=until,
        session=session,
    )
