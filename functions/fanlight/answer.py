"""A loaded model and its settings, as the function that turns an object's bytes into a result."""

import base64
import copy
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from fanlight import result
from fanlight.backends import Tensor
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import ConfigError, Rejected
from fanlight.image import Decode, too_many_bytes
from fanlight.model import SCORE_PLACES, Model, top
from fanlight.preprocess import to_tensor
from fanlight.result import Source
from fanlight.thresholds import Thresholds, unknown_labels

_SMALL = 64 * 1024
"""Bytes of pixels, or of a tensor."""


@dataclass(frozen=True)
class Choices:
    """What may be set apart from the model; None means what its bundle says."""

    limits: Limits = field(default_factory=Limits)
    top_k: int | None = None
    thresholds: Thresholds | None = None
    oss_resize: bool = False

    def completed(self, bundle: Bundle) -> "Choices":
        """With the bundle's own where none is set; ConfigError for thresholds that cannot be."""
        if self.thresholds is not None:
            problems = (
                unknown_labels(self.thresholds, bundle.labels)
                if bundle.task == "moderation"
                else [f"its task is {bundle.task}"]
            )
            if problems:
                raise ConfigError(
                    f"FANLIGHT_THRESHOLDS do not fit model {bundle.name}: " + "; ".join(problems)
                )
        thresholds = bundle.thresholds if self.thresholds is None else self.thresholds
        return replace(self, top_k=self.top_k or bundle.top_k, thresholds=thresholds)

    def recipe(self, bundle: Bundle) -> str:
        """See `result.recipe`, with everything that is chosen."""
        chosen = self.completed(bundle)
        assert chosen.top_k is not None  # noqa: S101 - for the type checker
        assert chosen.thresholds is not None  # noqa: S101 - for the type checker
        return result.recipe(
            bundle, chosen.limits, chosen.top_k, chosen.thresholds, oss_resize=chosen.oss_resize
        )


class Answerer:
    """Gives every object its document; `recipe` names all that goes into it."""

    def __init__(self, model: Model, choices: Choices) -> None:
        """ConfigError when the choices do not fit the model."""
        chosen = choices.completed(model.bundle)
        self.model = model
        self.decode: Decode = model.decode
        self.limits = chosen.limits
        self.recipe = choices.recipe(model.bundle)
        self._top_k = chosen.top_k or 1
        self._thresholds = chosen.thresholds or {}

    def decoding(self, decode: Decode) -> "Answerer":
        """The same answers, for pixels that `decode` makes."""
        other = copy.copy(self)
        other.decode = decode
        return other

    def __call__(self, source: Source, data: bytes | None) -> dict[str, Any]:
        """The document for an object; `data` is None when it has more bytes than the limit."""
        steps = self.steps(source, data)
        try:
            while True:
                next(steps)
        except StopIteration as done:
            document: dict[str, Any] = done.value
            return document

    def steps(self, source: Source, data: bytes | None) -> Generator[None, None, dict[str, Any]]:
        """As a call, in steps, so that many answers can be made side by side.

        A step's code and tables are in the processor's caches when the same step of another image
        was last. Large images stop nowhere: they would fill the caches, and the memory, themselves.
        """
        bundle = self.model.bundle
        try:
            if data is None:
                raise too_many_bytes(source.size, self.limits)
            header, pixels = self.decode(data, self.limits)
            if pixels.nbytes <= _SMALL:
                yield
            tensor = to_tensor(pixels, bundle.input)
            del pixels
            if tensor.nbytes <= _SMALL:
                yield
            raw = self.model.infer(tensor)
            yield
            if bundle.task == "embedding":
                answer = {"embedding": embedded(raw)}
            else:
                answer = self._judged(self.model.shares(raw))
        except Rejected as reason:
            return result.rejected(source, reason, bundle, self.recipe)
        return result.classified(source, header, bundle, self.recipe, answer)

    def _judged(self, scores: Tensor) -> dict[str, Any]:
        labels = self.model.bundle.labels
        best = top(scores, labels, self._top_k)
        answer: dict[str, Any] = {"predictions": [dict(vars(prediction)) for prediction in best]}
        if self._thresholds:
            by_label = dict(zip(labels, map(float, scores), strict=True))
            answer["decision"] = decide(by_label, self._thresholds)
        return answer


def decide(scores: dict[str, float], thresholds: Thresholds) -> str:
    """`block` when any label reaches its block score, else `review` likewise, else `allow`.

    Scores are rounded as the result shows them, so that a decision agrees with its numbers.
    """
    rounded = {label: round(scores[label], SCORE_PLACES) for label in thresholds}
    if any(rounded[label] >= pair.block for label, pair in thresholds.items()):
        return "block"
    if any(rounded[label] >= pair.review for label, pair in thresholds.items()):
        return "review"
    return "allow"


def embedded(vector: Tensor) -> dict[str, Any]:
    """float32 values, little-endian, as base64."""
    data = vector.astype("<f4").tobytes()
    return {"dim": vector.size, "dtype": "float32", "base64": base64.b64encode(data).decode()}
