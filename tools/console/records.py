"""What a page shows of the documents in a bucket. Nothing in them is taken for granted."""

import json
from contextlib import closing
from typing import Any

from fanlight import failure, result
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import OssError

_LARGEST = 1024 * 1024
"""Bytes of a document; a longer one is none of ours."""
_LONGEST = 1000
"""Characters of a message."""
_BEST = 3


def document(store: Store, bucket: str, key: str) -> dict[str, Any] | None:
    """The result or dead letter of that key; None where there is neither."""
    try:
        stored, body = store.get(bucket, key)
    except OssError:
        return None
    with closing(body):
        data = body.read() if stored.size <= _LARGEST else b""
    found = result.from_bytes(data)
    if found is not None:
        return found
    try:
        other = json.loads(data)
        return other if other["schema"] == failure.SCHEMA else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def result_record(document: dict[str, Any]) -> dict[str, Any]:
    """Of a result: which image, and the answer in short."""
    source = document["source"]
    record: dict[str, Any] = {
        "bucket": source.get("bucket"),
        "key": source["key"],
        "version": source["version"],
        "status": document["status"],
        "model": document["model"]["name"],
        "decision": document.get("decision"),
    }
    if document["status"] == "rejected":
        reason = document["reason"]
        return record | {"reason": reason["code"], "message": str(reason.get("message"))[:_LONGEST]}
    if "embedding" in document:
        return record | {"dim": document["embedding"].get("dim")}
    best = [item for item in document["predictions"] if isinstance(item, dict)][:_BEST]
    return record | {"top": [[item.get("label"), item.get("score")] for item in best]}


def letter_record(document: dict[str, Any]) -> dict[str, Any] | None:
    """Of a dead letter: which image, if any, whose failure and why. None for what is no letter."""
    try:
        source = document["source"]
        error = document["error"]
        return {
            "source": source and {name: str(source[name]) for name in ("bucket", "key")},
            "function": str(document["function"]).rpartition("/")[2],
            "attempts": int(document["attempts"]),
            "suspected": bool(document["suspected"]),
            "error": f"{error['type']}: {error['message']}"[:_LONGEST],
        }
    except (TypeError, KeyError, ValueError):
        return None
