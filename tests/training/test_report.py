import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tools.training import plot, report
from tools.training.metrics import Answer

ANSWERS = [Answer("a|1", 0, 0, 0.9), Answer("b\x1b2", 1, 0, 0.8), Answer("b3", 1, 1, 0.7)]


def document() -> dict[str, Any]:
    return {
        "schema": report.SCHEMA, "name": "shop", "model": {"digest": "sha256:0"}, "seed": 1,
        "data": {"train": 40, "views": 8, "division": "20% of each class", "notes": ["a note"]},
        "trials": [{"hidden": 0, "dropout": 0.5, "accuracy": 0.9, "log_loss": 0.4}],
        "held_out": report.figures(ANSWERS, ["a", "b"]), "seconds": {"all": 12.0},
    }  # fmt: skip


def test_figures_are_counted() -> None:
    """Everything the report says of held-out pictures follows from the answers."""
    assert report.figures(ANSWERS, ["a", "b"]) == {
        "images": 3,
        "right": 2,
        "accuracy": 0.6667,
        "interval_95": [0.2077, 0.9385],
        "macro_f1": 0.6667,
        "classes": [
            {"label": "a", "precision": 0.5, "recall": 1.0, "f1": 0.6667, "support": 1},
            {"label": "b", "precision": 1.0, "recall": 0.5, "f1": 0.6667, "support": 2},
        ],
        "confusion": [[1, 0], [1, 1]],
        "mistakes": [{"file": "b\x1b2", "true": "b", "said": "a", "score": 0.8}],
    }


def test_writes_three_files(tmp_path: Path) -> None:
    """The document is kept whole, the page has the figures, the picture can be read."""
    report.write(tmp_path / "new", document())

    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "confusion.png", "report.json", "report.md",
    ]  # fmt: skip
    assert json.loads((tmp_path / "new" / "report.json").read_text("utf-8")) == document()
    page = (tmp_path / "new" / "report.md").read_text("utf-8")
    assert "2 of 3 held-out pictures right: 66.7% (20.8% to 93.8%)" in page
    assert "| b | 1.000 | 0.500 | 0.667 | 2 |" in page
    assert "- a note\n" in page
    assert "| b\\\\x1b2 | b | a | 0.800 |" in page


@pytest.mark.parametrize("count", [2, 20, 150])
def test_the_picture_has_a_cell_for_each_pair(tmp_path: Path, count: int) -> None:
    """Right answers are green on the diagonal, wrong ones red beside it, whatever the size."""
    matrix = np.zeros((count, count), np.int64)
    np.fill_diagonal(matrix, 5)
    matrix[0, count - 1] = 5

    plot.draw(matrix, [f"class {number}" for number in range(count)], tmp_path / "c.png")

    pixels = cv2.imread(str(tmp_path / "c.png"), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    red, green = (pixels[..., channel].astype(int) for channel in (0, 1))
    side = len(pixels)
    rows, columns = np.nonzero(green > red + 30)
    assert np.corrcoef(rows, columns)[0, 1] > 0.7
    rows, columns = np.nonzero(red > green + 30)
    assert rows.mean() < side / 2 < columns.mean() or count == 2
    assert side < 1_200 + 150 * 14


def test_labels_no_font_can_write_become_numbers(tmp_path: Path) -> None:
    """A class called in characters that no font at hand has is shown by its number."""
    matrix = np.eye(2, dtype=np.int64)
    plot.draw(matrix, ["\U00012000", "\U00012001"], tmp_path / "signs.png")
    plot.draw(matrix, ["1", "2"], tmp_path / "numbers.png")

    assert (tmp_path / "signs.png").read_bytes() == (tmp_path / "numbers.png").read_bytes()
