"""The result document: what the bucket says about one image. Its schema is `result.schema.json`.

Deterministic: the same object, package and kind of CPU give the same bytes, so times are not in it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.thresholds import Thresholds

if TYPE_CHECKING:  # slow to import
    from fanlight.image import Header

SCHEMA = "fanlight.result/1"
REASONS = ("not_an_image", "unsupported_format", "corrupt", "too_many_bytes", "too_many_pixels",
           "empty", "nothing_found")  # fmt: skip

PIPELINE = 2
"""Raised when our own code changes an answer: decoding, finding the glyph, resizing, rounding."""


@dataclass(frozen=True)
class Source:
    """The object a result speaks of. `version` is the store's opaque word for this very object.

    `bucket`: its name, or `file:///...` for a folder. `size`: bytes.
    """

    bucket: str
    key: str
    version: str
    etag: str
    size: int


def recipe(
    bundle: Bundle, limits: Limits, top_k: int, thresholds: Thresholds, *, oss_resize: bool = False
) -> str:
    """One name for everything, beside the object itself, that can change a result."""
    parts = {"model": bundle.digest, "pipeline": PIPELINE, "top_k": top_k, **asdict(limits)}
    if thresholds:
        parts["thresholds"] = {label: asdict(pair) for label, pair in thresholds.items()}
    if oss_resize:
        parts["oss_resize"] = True
    return "sha256:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def classified(
    source: Source, header: "Header", bundle: Bundle, recipe: str, answer: dict[str, Any]
) -> dict[str, Any]:
    """The document of an image that has an answer: predictions, a decision, an embedding."""
    return _document(
        "classified",
        {**vars(source), "format": header.format, "width": header.width, "height": header.height},
        bundle,
        recipe,
        answer,
    )


def rejected(source: Source, reason: Rejected, bundle: Bundle, recipe: str) -> dict[str, Any]:
    """The document of an object that can have no answer."""
    why = {"code": reason.code, "message": reason.message}
    return _document("rejected", dict(vars(source)), bundle, recipe, {"reason": why})


def _document(
    status: str, source: dict[str, Any], bundle: Bundle, recipe: str, rest: dict[str, Any]
) -> dict[str, Any]:
    model = {"name": bundle.name, "version": bundle.version, "digest": bundle.digest}
    return {"schema": SCHEMA, "status": status, "source": source, "model": model,
            "recipe": recipe, **rest}  # fmt: skip


def from_bytes(data: bytes) -> dict[str, Any] | None:
    """The document, or None for anything that is not a whole result; that counts as absent."""
    try:
        document = json.loads(data)
        whole = document["schema"] == SCHEMA and all(
            isinstance(text, str)
            for text in (
                document["source"]["key"],
                document["source"]["version"],
                document["model"]["name"],
                document["model"]["version"],
                _answer(document),
            )
        )
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return document if whole else None


def _answer(document: dict[str, Any]) -> Any:
    """The best label, the embedding or the reason: what a result is for."""
    if document["status"] == "classified":
        if "embedding" in document:
            return document["embedding"]["base64"]
        return document["predictions"][0]["label"]
    return document["reason"]["code"] if document["status"] == "rejected" else None


def version_of(document: dict[str, Any] | None) -> str | None:
    """The version of the object that a document from `from_bytes` speaks of."""
    return document["source"]["version"] if document else None
