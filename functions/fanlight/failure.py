"""Dead letters: a note for each key that failed after the last retry, so none is lost in silence.

A letter is a note, not a state: whether an image is done is always asked of its result.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from fanlight import event
from fanlight.errors import EventError

SCHEMA = "fanlight.failure/1"

_LEVELS = 50
"""More than a letter and its writing add to the depth of what was read."""


def letters(body: bytes) -> list[dict[str, Any]]:
    """The documents for one failed invocation, from what Function Compute sends its destination.

    A key the failure names gets a letter. Where it names none, as a timeout or a kill does, every
    key of the event gets one, marked `suspected`. An event without keys gets one letter of its own.
    """
    try:
        failed = _loads(body)
        context = failed["requestContext"]
        base = {
            "schema": SCHEMA,
            "request_id": str(context["requestId"]),
            "function": str(context["functionArn"]),
            "condition": str(context["condition"]),
            "attempts": int(context["approximateInvokeCount"]),
        }
        payload = failed.get("requestPayload")
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        return [_unreadable(body, error)]
    payload, answer = _parsed(payload), _parsed(failed.get("responsePayload"))
    cause = _error(answer)
    named = named_failures(cause["message"])
    sources = list(_sources(payload))
    certain = [source for source in sources if source and source["key"] in named]
    return [
        {
            **base,
            "source": source,
            "suspected": not certain and source is not None,
            "error": {**cause, "message": named[source["key"]]} if certain and source else cause,
            "event": payload,
        }
        for source in certain or sources
    ]


def named_failures(message: str) -> dict[str, str]:
    """Key -> what went wrong, from the text of `fanlight.work.Unfinished`, else empty."""
    try:
        return {item["key"]: str(item["error"]) for item in json.loads(message)["failed"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _loads(text: str | bytes) -> Any:
    """JSON that a letter can hold: NaN and numbers beyond a float's range stay text.

    RecursionError when it nests too deeply to be written again, inside the letter.
    """
    document = json.loads(text, parse_constant=str, parse_float=_finite)
    within = document
    for _ in range(_LEVELS):
        within = [within]
    json.dumps(within)
    return document


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _parsed(payload: Any) -> Any:
    """Payloads arrive as JSON or as text that holds it."""
    if isinstance(payload, str):
        try:
            return _loads(payload)
        except (ValueError, RecursionError):
            return payload
    return payload


def _error(answer: Any) -> dict[str, str]:
    known = answer if isinstance(answer, dict) else {}
    return {
        "type": str(known.get("errorType", "unknown")),
        "message": str(known.get("errorMessage", answer or "")),
    }


def _sources(payload: Any) -> Iterator[dict[str, str] | None]:
    try:
        records, whole = tuple(event.parse(json.dumps(payload).encode())), True
    except EventError as error:
        records, whole = error.records, False
    for record in records:
        yield {"bucket": record.bucket, "key": record.key}
    if not whole:
        yield None


def _unreadable(body: bytes, error: Exception) -> dict[str, Any]:
    message = f"not a failure document: {type(error).__name__}: {error}"
    return {
        "schema": SCHEMA,
        "request_id": "",
        "function": "",
        "condition": "",
        "attempts": 0,
        "source": None,
        "suspected": False,
        "error": {"type": "EventError", "message": message},
        "event": body.decode("utf-8", "replace"),
    }
