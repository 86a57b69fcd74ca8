"""`fanlight model inspect`: what a bundle is, and how fast it answers."""

import statistics
import time

import click
import numpy as np

from fanlight.bundle import Bundle
from fanlight.model import Model
from tools.models import find_model, input_text, megabytes
from tools.shown import shown

_RUNS = 20
"""Inferences that are timed."""


@click.command("inspect")
@click.argument("name", metavar="BUNDLE")
@click.option("--threads", type=click.IntRange(1), help="[default: one a core]")
def command(name: str, threads: int | None) -> int:
    """Show what BUNDLE is: a bundle's folder, or the name of one in functions/models.

    The network is loaded and run, so a bundle that is shown whole is one that works.
    """
    folder = find_model(name)
    bundle = Bundle.read(folder)
    model = Model.load(folder, threads)
    for title, text in [*_described(bundle, model), *_timed(model)]:
        click.echo(f"{title:<10}{shown(text)}")
    return 0


def _described(bundle: Bundle, model: Model) -> list[tuple[str, str]]:
    lines = [
        ("bundle", f"{bundle.name} {bundle.version}, {megabytes(bundle.folder)} MB, "
                   f"{bundle.folder}"),
        ("digest", bundle.digest),
        ("task", f"{bundle.task}, {bundle.format}: {bundle.file}"),
        ("input", input_text(bundle.input)),
        ("outputs", ", ".join(f"{name} ({count})" for name, count in model.outputs.items())),
    ]  # fmt: skip
    if bundle.labels:
        few = ", ".join(bundle.labels[:5]) + (", ..." if len(bundle.labels) > 5 else "")
        lines.append(("labels", f"{len(bundle.labels)}: {few}"))
    for label, pair in bundle.thresholds.items():
        decision = f"{label}: review from {pair.review:g}, block from {pair.block:g}"
        lines.append(("decision", decision))
    return [*lines, ("licence", bundle.licence or "not stated"),
            ("source", bundle.source or "not stated")]  # fmt: skip


def _timed(model: Model) -> list[tuple[str, str]]:
    side = 2 * max(model.bundle.input.width, model.bundle.input.height)
    picture = np.full((side, side, 3), 255, np.uint8)
    picture[side // 4 : 3 * side // 4, side * 9 // 20 : side * 11 // 20] = 0  # the digits want ink
    took = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        model.run(picture)
        took.append(time.perf_counter() - started)
    return [("speed", f"loaded in {model.load_seconds * 1000:.0f} ms, first inference "
                      f"{model.first_inference_seconds * 1000:.1f} ms, then "
                      f"{statistics.median(took) * 1000:.1f} ms a picture of {side}x{side} "
                      f"(median of {_RUNS}, decoding not counted)")]  # fmt: skip
