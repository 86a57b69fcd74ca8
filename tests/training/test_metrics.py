import numpy as np
import pytest

from tools.training.metrics import Answer, confusion, mistakes, per_class, wilson

ANSWERS = [
    Answer("1", 0, 0, 0.9), Answer("2", 0, 0, 0.8), Answer("3", 0, 1, 0.7),
    Answer("4", 1, 1, 0.6), Answer("5", 1, 0, 0.95), Answer("6", 1, 0, 0.5),
]  # fmt: skip


def test_the_matrix_counts_answers() -> None:
    """A row is what a picture is, a column what it was said to be."""
    np.testing.assert_array_equal(confusion(ANSWERS, 3), [[2, 1, 0], [2, 1, 0], [0, 0, 0]])


def test_figures_of_each_class() -> None:
    """They are those computed by hand; a class that nobody named has no precision, not 0."""
    assert per_class(confusion(ANSWERS, 3), ["a", "b", "c"]) == [
        {"label": "a", "precision": 0.5, "recall": 0.6667, "f1": 0.5714, "support": 3},
        {"label": "b", "precision": 0.5, "recall": 0.3333, "f1": 0.4, "support": 3},
        {"label": "c", "precision": None, "recall": None, "f1": None, "support": 0},
    ]


def test_the_surest_mistakes_come_first() -> None:
    """Right answers are left out, and so is what is beyond the number asked for."""
    assert [answer.name for answer in mistakes(ANSWERS, 2)] == ["5", "3"]


@pytest.mark.parametrize(
    ("right", "total", "expected"),
    # By hand: middle (p + z^2/2n) / (1 + z^2/n), half z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).
    [(5, 10, (0.2366, 0.7634)), (10, 10, (0.7225, 1.0)), (0, 10, (0.0, 0.2775))],
)
def test_wilson(right: int, total: int, expected: tuple[float, float]) -> None:
    """The interval is Wilson's, and stays within 0 and 1 at the ends."""
    assert wilson(right, total) == pytest.approx(expected, abs=1e-4)
