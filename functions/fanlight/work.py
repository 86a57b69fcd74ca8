"""One invocation's work: every key of an event reconciled, none at its neighbours' cost."""

import json
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from fanlight.errors import ConfigError, EventError, FanlightError, TransientError
from fanlight.event import Record, parse, why_ignored
from fanlight.log import Log, milliseconds
from fanlight.reconcile import Answer, Outcome, Reconciler

LONGEST_ERROR = 300
"""Characters of one key's error in `Unfinished`, so that fifty still fit a dead letter."""


class Unfinished(TransientError):
    """Something is left to do, so the platform is to invoke again. Its text is JSON."""

    def __init__(self, summary: dict[str, Any]) -> None:
        """`summary` is that of `work`."""
        failed = [
            {"key": outcome["key"], "error": outcome["reason"][:LONGEST_ERROR]}
            for outcome in summary["outcomes"]
            if outcome["outcome"] == "failed"
        ]
        super().__init__(json.dumps({"counts": summary["counts"], "failed": failed}))


def handle(
    event: bytes,
    reconciler: Reconciler,
    log: Log,
    time_left: Callable[[], float],
    apart: Callable[[], AbstractContextManager[Answer]] | None = None,
) -> dict[str, Any]:
    """`work` on every record of an event; EventError, after the rest is done, for a bad one.

    `apart`: answers that no image can end the process of. Taken only where there are several
    records: alone an image has no neighbour whose result it could cost.
    """
    bad: EventError | None = None
    records: Sequence[Record]
    try:
        records = parse(event)
    except EventError as error:  # one bad record does not cost the others their results
        bad, records = error, error.records
    with apart() if apart and len(records) > 1 else nullcontext(reconciler.answer) as answer:
        summary = work(records, replace(reconciler, answer=answer), log, time_left)
    if bad:
        raise bad
    return summary


def work(
    records: Sequence[Record], reconciler: Reconciler, log: Log, time_left: Callable[[], float]
) -> dict[str, Any]:
    """Reconcile every record's key; the summary has one outcome a record.

    Raises Unfinished after the last one if any failed, and ConfigError at once.
    """
    outcomes = []
    for record in records:
        started = time.perf_counter()
        outcome = _one(record, reconciler, log, time_left)
        outcome["ms"] = milliseconds(time.perf_counter() - started)
        log("key", **outcome)
        outcomes.append(outcome)
    counts = dict(sorted(Counter(outcome["outcome"] for outcome in outcomes).items()))
    summary = {"counts": counts, "outcomes": outcomes}
    if "failed" in counts:
        raise Unfinished(summary)
    return summary


def _one(
    record: Record, reconciler: Reconciler, log: Log, time_left: Callable[[], float]
) -> dict[str, Any]:
    if reason := why_ignored(record, reconciler.input):
        return {"key": record.key, "outcome": "ignored", "reason": reason}
    try:
        if time_left() <= 0:
            raise TransientError("no time was left to begin; raise the function's timeout")
        return describe(reconciler.reconcile_spelled(record.key))
    except ConfigError:
        raise
    except FanlightError as error:
        return {"key": record.key, "outcome": "failed", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - a fault of ours in one image must not cost the others
        log("fault", key=record.key, trace=traceback.format_exc())
        reason = f"{type(error).__name__}: {error}"
        return {"key": record.key, "outcome": "failed", "reason": reason}


def describe(outcome: Outcome) -> dict[str, Any]:
    """An outcome in a few fields, for logs and summaries."""
    line: dict[str, Any] = {"key": outcome.key, "outcome": outcome.status,
                            "result": outcome.result_key}  # fmt: skip
    document = outcome.document or {}
    if document.get("predictions"):
        best = document["predictions"][0]
        line |= {"label": best["label"], "score": best["score"]}
    if "decision" in document:
        line["decision"] = document["decision"]
    if "reason" in document:
        line["reason"] = document["reason"]["code"]
    return line
