"""One invocation's work: every key of an event reconciled, none at its neighbours' cost."""

import json
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from fanlight.errors import ConfigError, EventError, FanlightError, TransientError
from fanlight.event import Record, parse, why_ignored
from fanlight.log import Log, milliseconds
from fanlight.reconcile import Answer, Outcome, Reconciler
from fanlight.together import each, in_turns

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
    records: Sequence[Record],
    reconciler: Reconciler,
    log: Log,
    time_left: Callable[[], float],
) -> dict[str, Any]:
    """Reconcile every record's key, several at a time; the summary has one outcome a record.

    Records of one key share its outcome: the object is as it is for each of them. Raises Unfinished
    after the last one if any failed, and ConfigError at once.
    """
    alike: dict[Any, list[int]] = {}
    for index, record in enumerate(records):
        ignored = why_ignored(record, reconciler.input)
        alike.setdefault(record if ignored else record.key, []).append(index)
    if len(alike) > 1:  # what overlaps with another key needs no more requests to overlap
        reconciler = replace(reconciler, answer=in_turns(reconciler.answer), beside=None)
    outcomes: list[dict[str, Any]] = [{}] * len(records)
    do = partial(_timed, records, reconciler, time_left)
    groups = [tuple(indices) for indices in alike.values()]
    for indices, (outcome, trace) in each(do, groups, reconciler.threads):
        if trace:
            log("fault", key=outcome["key"], trace=trace)
        log("key", **outcome)
        for index in indices:
            outcomes[index] = dict(outcome)
    counts = dict(sorted(Counter(outcome["outcome"] for outcome in outcomes).items()))
    summary = {"counts": counts, "outcomes": outcomes}
    if "failed" in counts:
        raise Unfinished(summary)
    return summary


def _timed(
    records: Sequence[Record],
    reconciler: Reconciler,
    time_left: Callable[[], float],
    indices: tuple[int, ...],
) -> tuple[dict[str, Any], str]:
    """What became of records of one key, and where our own code failed, if it did."""
    started = time.perf_counter()
    outcome, trace = _one(records[indices[0]], reconciler, time_left)
    outcome["ms"] = milliseconds(time.perf_counter() - started)
    return outcome, trace


def _one(
    record: Record, reconciler: Reconciler, time_left: Callable[[], float]
) -> tuple[dict[str, Any], str]:
    if reason := why_ignored(record, reconciler.input):
        return {"key": record.key, "outcome": "ignored", "reason": reason}, ""

    def reconcile(key: str) -> Outcome:
        if time_left() <= 0:
            raise TransientError("no time was left to begin; raise the function's timeout")
        return reconciler.reconcile_spelled(key)

    return tried(reconcile, record.key)


def tried(reconcile: Callable[[str], Outcome], key: str) -> tuple[dict[str, Any], str]:
    """What became of a key, as `describe` says it, and where our own code failed, if it did.

    Only a ConfigError is raised: it would be the same for every key.
    """
    try:
        return describe(reconcile(key)), ""
    except ConfigError:
        raise
    except FanlightError as error:
        return {"key": key, "outcome": "failed", "reason": str(error)}, ""
    except Exception as error:  # noqa: BLE001 - a fault of ours in one image must not cost the others
        reason = f"{type(error).__name__}: {error}"
        return {"key": key, "outcome": "failed", "reason": reason}, traceback.format_exc()


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
