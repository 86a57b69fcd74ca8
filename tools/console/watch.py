"""Listens to a local cloud and writes down what a page shows of it."""

import json
import threading
import time
from collections import Counter
from itertools import count
from typing import Any

from fanlight import event as events
from fanlight.errors import EventError
from fanlight.failure import named_failures
from tools.console.documents import Documents
from tools.console.feed import Feed
from tools.localcloud.news import InstanceNews, InvocationNews
from tools.localcloud.oss_types import ObjectCreated

LONGEST = 2000
"""Characters of a log line, an error or a key."""
_LARGEST = 512 * 1024
"""Bytes of an event that is looked into; a synchronous one may have 32 MB."""


class Watch:
    """`news` and `line` are for the `Options` of the cloud; both return at once."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.documents: Documents | None = None
        self._numbers = count()
        self._totals: Counter[str] = Counter()
        self._lock = threading.Lock()

    def news(self, news: InvocationNews | InstanceNews | ObjectCreated) -> None:
        """See `Options.on_news`."""
        if isinstance(news, InvocationNews):
            self._invocation(news)
        elif isinstance(news, InstanceNews):
            self._instance(news)
        elif self.documents:
            self.documents.created(news.bucket, news.key)

    def line(self, function: str, text: str) -> None:
        """See `Options.on_line`."""
        number = str(next(self._numbers))
        self.feed.put("line", number, function=function, text=text[:LONGEST], at=time.time())

    def counts(self, unfinished: int) -> dict[str, int]:
        """How many are queued, running and so on. `unfinished`: that wait or run now."""
        with self._lock:
            totals = self._totals.copy()
        running = totals["running"] - totals["done"] - totals["failed"] - totals["retried"]
        ended = {state: totals[state] for state in ("done", "failed", "retried")}
        return {"queued": max(0, unfinished - running), "running": max(0, running), **ended}

    def _invocation(self, news: InvocationNews) -> None:
        with self._lock:
            self._totals[news.state] += 1
        fields: dict[str, Any] = {"state": news.state, "attempts": news.attempts}
        if news.state in ("done", "failed", "retried"):
            fields |= {"ms": round(news.ms, 1), "error": _error(news.error)}
        if self.feed.get("invocation", news.request_id) is None:
            fields |= {"function": news.function, "at": time.time(), **_about(news.event)}
        self.feed.put("invocation", news.request_id, **fields)
        if self.documents and news.state in ("done", "failed"):
            self.documents.ended(news.request_id, done=news.state == "done")

    def _instance(self, news: InstanceNews) -> None:
        if news.state == "ended":
            self.feed.remove("instance", news.instance)
            return
        now = time.time()
        before = self.feed.get("instance", news.instance)
        fields: dict[str, Any] = {"state": news.state}
        if before is None:
            fields |= {"function": news.function, "born": now, "served": 0}
        elif news.state == "busy":
            fields["served"] = before["served"] + 1
            if before["state"] == "cold":
                took = round((now - before["born"]) * 1000)
                fields["cold_ms"] = took or None  # without an initializer there is nothing to time
        self.feed.put("instance", news.instance, **fields)


def _about(event: bytes) -> dict[str, Any]:
    """The key of an event's first object, and how many it has; of none, a timer's name perhaps."""
    if len(event) > _LARGEST:
        return {"key": "", "keys": 0}
    try:
        records = events.parse(event)
    except EventError as error:
        records = list(error.records)
    if not records:
        if payload := _payload(event):
            return {**_about(payload), "letter": True}
        return {"key": "", "keys": 0, "timer": _timer(event)}
    return {"key": records[0].key[:LONGEST], "keys": len(records)}


def _timer(event: bytes) -> str:
    """The name of the trigger whose time has come; empty where it was no timer."""
    try:
        document = json.loads(event)
    except (ValueError, RecursionError):
        return ""
    named = isinstance(document, dict) and "triggerTime" in document
    return str(document.get("triggerName", ""))[:LONGEST] if named else ""


def _payload(event: bytes) -> bytes:
    """What the function was invoked with whose failure an event tells of."""
    try:
        payload = json.loads(event)["requestPayload"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return b""
    nested = isinstance(payload, str) and '"requestPayload"' in payload
    return payload.encode("utf-8", "replace") if isinstance(payload, str) and not nested else b""


def _error(payload: str) -> str:
    """The platform's document of a failure in one line; of several keys, each one's own."""
    if not payload:
        return ""
    try:
        document = json.loads(payload)
        kind, message = str(document["errorType"]), str(document["errorMessage"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return payload[:LONGEST]
    each = named_failures(message)
    return f"{kind}: {'; '.join(each.values()) or message}"[:LONGEST]
