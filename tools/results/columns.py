"""The columns of CSV and Parquet: name, type, and where in the documents the value stands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """`places`: dotted names in a document, the first that is there counts.

    Types: `text`, `integer` (64 bits), `number` (a double), `boolean`, `time` (UTC), `date`,
    `predictions` (a list of index, label, score), `vector` (float32) and `json`, any value as text.
    """

    name: str
    type: str
    places: tuple[str, ...]
    about: str


def _column(name: str, kind: str, places: str, about: str) -> Column:
    return Column(name, kind, tuple(places.split()), about)


_SUBJECT = (
    _column("key", "text", "source.key", "the image's key; null where a dead letter names none"),
    _column("bucket", "text", "source.bucket", "its bucket, or file:///... for a folder"),
    _column("status", "text", "status", "classified, rejected or failed (a dead letter)"),
)
_RANKED = (
    _column("rank", "integer", "", "only in rows of predictions: 1 for the best"),
    _column("index", "integer", "", "only in rows of predictions: the label's number"),
)
_ANSWER = (
    _column("label", "text", "", "the prediction; in rows of images the best one"),
    _column("score", "number", "", "its score, 0 to 1"),
)
_PREDICTIONS = (
    _column("predictions", "predictions", "predictions", "only in rows of images: all, best first"),
)
_REST = (
    _column("decision", "text", "decision", "of a moderation model: allow, review or block"),
    _column("embedding", "vector", "embedding", "of an embedding model; CSV: base64"),
    _column("reason", "text", "reason.code error.type", "why it is rejected or failed: a code"),
    _column("message", "text", "reason.message error.message", "the same for people"),
    _column("format", "text", "source.format", "jpeg, png, webp, bmp, gif or tiff"),
    _column("width", "integer", "source.width", "pixels, as stored"),
    _column("height", "integer", "source.height", "pixels, as stored"),
    _column("size", "integer", "source.size", "bytes of the image"),
    _column("etag", "text", "source.etag", "the image's, from its store"),
    _column("version", "text", "source.version", "equal: the very same object"),
    _column("model", "text", "model.name", "the model's name"),
    _column("model_version", "text", "model.version", "and version"),
    _column("model_digest", "text", "model.digest", "and the SHA-256 of its files"),
    _column("recipe", "text", "recipe", "one name for all that can change a result"),
    _column("document", "text", "", "the key of the result, or of the dead letter"),
    _column("modified", "time", "", "when the store last saw that document written"),
    _column("attempts", "integer", "attempts", "failed: how often it was tried"),
    _column("suspected", "boolean", "suspected", "failed: the failure named no key"),
    _column("settled", "boolean", "letter.settled",
            "failed: its image has a true result by now, or is gone; null: not known"),
    _column("date", "date", "letter.date", "failed: the day it was filed under"),
    _column("request_id", "text", "request_id", "failed: the invocation"),
    _column("function", "text", "function", "failed: the function's ARN"),
    _column("condition", "text", "condition", "failed: why the platform gave up"),
    _column("event", "json", "event", "failed: what the function was invoked with, as JSON"),
    _column("escaped", "boolean", "", "whether texts of this row are as JSON escapes them"),
)  # fmt: skip

IMAGE = (*_SUBJECT, *_ANSWER, *_PREDICTIONS, *_REST)
"""One row an image, or a dead letter."""

PREDICTION = (*_SUBJECT, *_RANKED, *_ANSWER, *_REST)
"""One row a prediction. What has no predictions has one row without."""

EVERY = (*_SUBJECT, *_RANKED, *_ANSWER, *_PREDICTIONS, *_REST)
"""Of both."""
