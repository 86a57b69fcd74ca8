"""The function as it is deployed, and where its initializer spends its time."""

import importlib
import json
import time
from pathlib import Path
from typing import Any

import classify
from classify import handler
from fanlight.model import Model

__all__ = ["MARKS", "handler", "initializer"]

MARKS: dict[str, float] = {}
"""Seconds: `libraries`, `model_load` and `first_inference`; see cold.py."""


def initializer(context: Any) -> None:
    """That of classify.py, which leaves open how a bundle is loaded."""
    began = time.perf_counter()
    classify.initializer(context, _load)
    spent = time.perf_counter() - began
    MARKS["model_load"] = spent - MARKS["libraries"] - MARKS["first_inference"]


def _load(folder: Path) -> Model:
    form = json.loads((folder / "model.json").read_bytes())["format"]
    began = time.perf_counter()
    importlib.import_module(f"fanlight.backends.{form}")
    MARKS["libraries"] = time.perf_counter() - began
    model = Model.load(folder)
    MARKS["first_inference"] = model.first_inference_seconds
    return model
