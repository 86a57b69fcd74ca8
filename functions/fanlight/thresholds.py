"""From which scores on a moderation model holds a picture for a person, or blocks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Threshold:
    """Scores, 0 to 1, from which on a label holds a picture for a person, and blocks it."""

    review: float
    block: float


Thresholds = Mapping[str, Threshold]
"""By label; a label without any decides nothing."""


def read_thresholds(document: Any) -> dict[str, Threshold]:
    """`{"nsfw": {"review": 0.2, "block": 0.8}}` as Thresholds; ValueError for anything else."""
    try:
        found = {
            str(label): Threshold(float(pair["review"]), float(pair["block"]))
            for label, pair in document.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        found = {}
    if not found or any(not 0 <= pair.review <= pair.block <= 1 for pair in found.values()):
        raise ValueError(
            'thresholds must read {"label": {"review": 0.2, "block": 0.8}}, from 0 to 1, '
            "review not above block"
        )
    return found


def unknown_labels(thresholds: Thresholds, labels: tuple[str, ...]) -> list[str]:
    """What is wrong with thresholds for these labels: a sentence for each that names another."""
    return [
        f"thresholds name {label!r}, labels.txt does not" for label in thresholds
        if label not in labels
    ]  # fmt: skip
