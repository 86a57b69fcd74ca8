"""Function Compute entry points of a timer: find and mend what no event has. Wiring only."""

import os
import time
from dataclasses import replace
from functools import partial
from typing import Any, cast

import classify
from fanlight.log import Log
from fanlight.retry import Retry
from fanlight.runtime import memory, retry
from fanlight.store import Meta
from fanlight.store_oss import OssStore
from fanlight.sweeping import Sweep
from fanlight.together import in_turns

_PATIENCE = 10.0
"""Seconds for which a request is repeated: what fails for longer is left to the next sweep."""

_DECODING = 30.0
"""Seconds for one image at most. Decoding one at the pixel limit takes a few."""

_RESERVE = 30.0
"""Seconds before the end in which no key is begun: longer than OSS may leave a request waiting."""


def initializer(context: Any) -> None:
    """As that of `classify`, of which this is another way in."""
    classify.initializer(context)


def pre_stop(context: Any) -> None:
    """As that of `classify`."""
    classify.pre_stop(context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Sweep once, within the function's timeout. What the event says makes no difference.

    Keys that fail are not raised: a retry would find what the next sweep does.
    """
    from fanlight.apart import spared  # knows pixels: imported by the initializer, not before

    log = Log(context.request_id)
    instance = classify.ready(context, log)
    until = retry(context)
    ends = until.deadline()
    each = Retry(lambda: min(time.monotonic() + _PATIENCE, ends))
    reserve = min(_RESERVE, until.remaining() / 6)
    with spared(
        # Of several that hang at the end each has half of the time that the last one has left.
        instance.answerer, lambda: min(_DECODING, until.remaining() / 2), memory(os.environ)
    ) as answerer:  # fmt: skip
        reconciler = replace(
            classify.reconciler(instance, context, each),
            answer=in_turns(answerer),
            beside=None,
        )
        sweep = Sweep(
            reconciler,
            cast("OssStore", reconciler.images),
            cast("OssStore", reconciler.results),
            log,
            time_left=lambda: until.remaining() - reserve,
            settled=partial(_settled, time.time(), instance.config.sweep_after),
        )
        return sweep.run()


def _settled(now: float, after: int, image: Meta) -> bool:
    """Whether an image is old enough, by this machine's clock and OSS's time for it.

    Clocks that differ by seconds make no difference to an hour's sweep: a key that is reconciled
    beside its event costs two requests. A time far ahead is one of a clock gone wrong.
    """
    return abs(now - image.modified) >= after
