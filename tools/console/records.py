"""What a page shows of the documents in a bucket. Nothing in them is taken for granted."""

from contextlib import closing
from typing import Any

from fanlight import result
from fanlight.reconcile import RESULT_LIMIT
from tools.letters import LETTER_LIMIT, letter_in
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import OssError

_LONGEST = 1023
"""Characters of a text, which is what a key of OSS has at most."""
_TOO_LARGE = 2**53
"""From here on a page's numbers are not exact."""
_BEST = 3


def document(store: Store, bucket: str, key: str) -> dict[str, Any] | None:
    """The result or dead letter of that key; None where there is neither."""
    try:
        stored, body = store.get(bucket, key)
    except OssError:
        return None
    with closing(body):
        data = body.read() if stored.size <= LETTER_LIMIT else b""
    return (result.from_bytes(data) if len(data) <= RESULT_LIMIT else None) or letter_in(data)


def own_event(letter: dict[str, Any]) -> Any:
    """The event of a letter, less its neighbours' records: they have letters of their own."""
    event, source = letter.get("event"), letter.get("source")
    if not isinstance(event, dict) or not isinstance(source, dict):
        return event
    records = event.get("events")
    every = records if isinstance(records, list) else []
    own = [record for record in every if _key_of(record) == source.get("key")]
    return {**event, "events": own} if own else event


def _key_of(record: Any) -> Any:
    try:
        return record["oss"]["object"]["key"]
    except (TypeError, KeyError):
        return None


def result_record(document: dict[str, Any]) -> dict[str, Any]:
    """Of a result: which image, and the answer in short.

    `top`: pairs of label and score, best first. Scores are None where there is no number.
    """
    source = document["source"]
    record: dict[str, Any] = {
        "bucket": _text(source.get("bucket")),
        "key": _text(source["key"]),
        "version": _text(source["version"]),
        "status": document["status"],
        "model": _text(document["model"]["name"]),
        "decision": _text(document.get("decision")) or None,
    }
    if document["status"] == "rejected":
        reason = document["reason"]
        return record | {"reason": _text(reason["code"]), "message": _text(reason.get("message"))}
    if "embedding" in document:
        return record | {"dim": _number(document["embedding"].get("dim"))}
    best = [item for item in document["predictions"] if isinstance(item, dict)][:_BEST]
    top = [[_text(item.get("label")), _number(item.get("score"))] for item in best]
    return record | {"top": top}


def letter_record(document: dict[str, Any]) -> dict[str, Any] | None:
    """Of a dead letter from `letter_in`: which image, if any, whose failure and why.

    None where a letter lacks what else it is to have.
    """
    source, error, attempts = document["source"], document["error"], document.get("attempts")
    if not isinstance(document.get("function"), str) or _number(attempts) is None:
        return None
    return {
        "source": source and {name: source[name][:_LONGEST] for name in ("bucket", "key")},
        "function": document["function"].rpartition("/")[2][:_LONGEST],
        "attempts": attempts,
        "suspected": bool(document.get("suspected")),
        "error": f"{error['type']}: {error['message']}"[:_LONGEST],
    }


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    """None for what a page cannot be told: NaN and infinities are no JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _TOO_LARGE else None
