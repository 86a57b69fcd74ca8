"""What a training came to: a document, a page to read, a table on the terminal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Column, Table
from rich.text import Text

from tools.shown import shown
from tools.training.metrics import Answer, confusion, mistakes, per_class, wilson
from tools.training.plot import draw

SCHEMA = "fanlight.training/1"
_WORST = 50
"""Mistakes that are listed, the surest first."""
_COLUMNS = ("precision", "recall", "f1", "support")


def figures(answers: Sequence[Answer], labels: Sequence[str]) -> dict[str, Any]:
    """Accuracy with its 95% interval, figures of each class, confusion matrix, worst mistakes."""
    matrix = confusion(answers, len(labels))
    right = int(np.trace(matrix))
    low, high = wilson(right, len(answers))
    classes = per_class(matrix, labels)
    known = [one["f1"] for one in classes if one["f1"] is not None]
    return {
        "images": len(answers),
        "right": right,
        "accuracy": round(right / len(answers), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "macro_f1": round(sum(known) / len(known), 4),
        "classes": classes,
        "confusion": matrix.tolist(),
        "mistakes": [
            {"file": one.name, "true": labels[one.true], "said": labels[one.said],
             "score": one.score}
            for one in mistakes(answers, _WORST)
        ],
    }  # fmt: skip


def write(folder: Path, document: dict[str, Any]) -> None:
    """Write report.json, report.md and confusion.png."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, "utf-8")
    (folder / "report.md").write_text(page(document), "utf-8")
    held = document["held_out"]
    labels = [one["label"] for one in held["classes"]]
    draw(np.asarray(held["confusion"], np.int64), labels, folder / "confusion.png")


def summary(document: dict[str, Any]) -> str:
    """The figure that matters, in a sentence."""
    held = document["held_out"]
    low, high = held["interval_95"]
    return (f"{held['right']:,} of {held['images']:,} held-out pictures right: "
            f"{held['accuracy']:.1%} ({low:.1%} to {high:.1%})")  # fmt: skip


def table(document: dict[str, Any]) -> Table:
    """The figures of each class, for a terminal."""
    out = Table("class", *(Column(name, justify="right") for name in _COLUMNS))
    for one in document["held_out"]["classes"]:
        out.add_row(Text(shown(one["label"])), *(_cell(one[name]) for name in _COLUMNS))
    return out


def page(document: dict[str, Any]) -> str:
    """The report as Markdown."""
    held, data = document["held_out"], document["data"]
    lines = [
        f"# {document['name']}",
        "",
        f"{summary(document)}. Measured through the bundle, with the code that is deployed; "
        "95% interval by Wilson.",
        "",
        f"Trained on {data['train']:,} pictures with {data['views']} changed views each, "
        f"seed {document['seed']}, in {document['seconds']['all']:.0f} s. "
        f"Held out: {data['division']}. Model `{document['model']['digest']}`.",
        "",
        *(f"- {note}" for note in data["notes"]),
        *([""] if data["notes"] else []),
        "| class | precision | recall | F1 | held out |",
        "|---|---|---|---|---|",
        *(f"| {_escaped(one['label'])} | " + " | ".join(_cell(one[name]) for name in _COLUMNS)
          + " |" for one in held["classes"]),
        "",
        "![Confusion matrix](confusion.png)",
        "",
        "Heads tried by cross-validation on the training pictures, the first was taken:",
        "",
        "| hidden units | dropout | accuracy | log loss |",
        "|---|---|---|---|",
        *(f"| {one['hidden']} | {one['dropout']} | {one['accuracy']:.1%} | {one['log_loss']:.3f} |"
          for one in document["trials"]),
    ]  # fmt: skip
    if held["mistakes"]:
        lines += ["", "The surest mistakes:", "", "| file | is | was said to be | score |",
                  "|---|---|---|---|"]  # fmt: skip
        lines += [f"| {_escaped(one['file'])} | {_escaped(one['true'])} | {_escaped(one['said'])} "
                  f"| {one['score']:.3f} |" for one in held["mistakes"]]  # fmt: skip
    return "\n".join(lines) + "\n"


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _escaped(text: str) -> str:
    return shown(text).replace("\\", "\\\\").replace("|", "\\|")
