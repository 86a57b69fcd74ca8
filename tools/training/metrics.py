"""What a classifier gets right, counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """What was said of one picture, as class indices, and how surely: 0 to 1."""

    name: str
    true: int
    said: int
    score: float


def confusion(answers: Sequence[Answer], classes: int) -> Counts:
    """A square of counts: how many of the row's class were said to be of the column's."""
    out = np.zeros((classes, classes), np.int64)
    for answer in answers:
        out[answer.true, answer.said] += 1
    return out


def per_class(matrix: Counts, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 (None where there is nothing to divide by) and support of each."""
    out = []
    for index, label in enumerate(labels):
        hit, said, there = (
            int(matrix[index, index]), int(matrix[:, index].sum()), int(matrix[index].sum()),
        )  # fmt: skip
        out.append({
            "label": label,
            "precision": _share(hit, said),
            "recall": _share(hit, there),
            "f1": _share(2 * hit, said + there),
            "support": there,
        })  # fmt: skip
    return out


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def mistakes(answers: Sequence[Answer], most: int) -> list[Answer]:
    """Wrong answers, the surest first."""
    wrong = [answer for answer in answers if answer.true != answer.said]
    return sorted(wrong, key=lambda answer: (-answer.score, answer.name))[:most]


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Confidence interval of a share. Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209."""
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    spread = float(np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)))
    half = spread * z / (1 + z * z / total)
    return middle - half, middle + half
