"""Documents into what the page shows of them.

Whoever may write to the bucket may write anything there, so types are checked and lengths bounded.
"""

import math
from typing import Any

from fanlight import failure

_LONGEST = 4096
"""Characters of a key, a label or a message; a key of OSS has 1,023 bytes."""

_MOST = 100
"""Predictions of one image."""

DECISIONS = ("allow", "review", "block")


def is_letter(document: dict[str, Any]) -> bool:
    """Whether it is a dead letter; else it is a result."""
    return document.get("schema") == failure.SCHEMA


def key_of(document: dict[str, Any]) -> str:
    """The image's key; empty for a dead letter whose event named none."""
    return _text(_part(document, "source").get("key"))


def card(document: dict[str, Any]) -> dict[str, Any]:
    """What the grid, its filters and its order need, all of it read when the page is opened.

    `kind`: `failed` for a dead letter, else `rejected`, a moderation model's decision, `embedding`
    or `classified`. `reason`: the code of what is wrong.
    """
    best = next(iter(_predictions(document)), {"label": None, "score": None})
    return {"key": key_of(document), "kind": _kind(document), **best, "reason": _reason(document)}


def details(document: dict[str, Any]) -> dict[str, Any]:
    """What is read only when its card comes into view."""
    source, model = _part(document, "source"), _part(document, "model")
    fault = _part(document, "error" if is_letter(document) else "reason")
    found = {
        "predictions": _predictions(document),
        "message": _text(fault.get("message")),
        "numbers": _number(_part(document, "embedding").get("dim")),
        "width": _number(source.get("width")),
        "height": _number(source.get("height")),
        "format": _text(source.get("format")),
        "size": _number(source.get("size")),
        "bucket": _text(source.get("bucket")),
        "version": _text(source.get("version")),
        "model": model_of(document),
        "digest": _text(model.get("digest")),
        "recipe": _text(document.get("recipe")),
        "request": _text(document.get("request_id")),
        "attempts": _number(document.get("attempts")),
        "suspected": document.get("suspected") is True,
        "settled": _part(document, "letter").get("settled") is True,
    }
    return {name: value for name, value in found.items() if value}


def model_of(document: dict[str, Any]) -> str:
    """`products 1.0.0`; empty for a dead letter, which knows of none."""
    model = _part(document, "model")
    return f"{_text(model.get('name'))} {_text(model.get('version'))}".strip()


def _kind(document: dict[str, Any]) -> str:
    if is_letter(document):
        return "failed"
    if document.get("status") == "rejected":
        return "rejected"
    if document.get("decision") in DECISIONS:
        return str(document["decision"])
    return "embedding" if "embedding" in document else "classified"


def _reason(document: dict[str, Any]) -> str | None:
    if is_letter(document):
        return _text(_part(document, "error").get("type")) or "unknown"
    if document.get("status") == "rejected":
        return _text(_part(document, "reason").get("code")) or "unknown"
    return None


def _predictions(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document.get("predictions")
    return [
        {"label": _text(one.get("label")), "score": _number(one.get("score"))}
        for one in (found[:_MOST] if isinstance(found, list) else [])
        if isinstance(one, dict)
    ]


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    """None for what JSON or the page could not hold as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 2**53 and math.isfinite(value) else None
