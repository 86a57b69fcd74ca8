"""Which model a name on the command line means."""

import re
from pathlib import Path

import click

from fanlight.bundle import Bundle, Input
from tools.shown import shown

MODELS = Path(__file__).parent.parent / "functions" / "models"
"""Bundles that packages can hold: those that come with the project, and those made here."""

DIGITS = "digits"
"""The bundle that comes with the project."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def find_model(name: str) -> Path:
    """A bundle's folder, by path or by its name in MODELS."""
    for folder in (Path(name), MODELS / name):
        if (folder / "model.json").is_file():
            return folder.resolve()
    known = ", ".join(path.name for path in at_hand())
    raise click.UsageError(
        f"{name} is no model: give a bundle's folder (it has a model.json) or one of {known}; "
        "fanlight model list shows what else can be got"
    )


def check_name(name: str) -> str:
    """A model's name, which is its folder's too; UsageError for one that cannot be that."""
    if not _NAME.fullmatch(name):
        raise click.UsageError(
            f"a model cannot be called {shown(name)!r}; choose a --name of letters, digits, "
            "'.', '_' and '-', 64 at most"
        )
    return name


def check_own(name: str) -> None:
    """UsageError for the name of a model that comes with the project, or can be got for it."""
    from tools.published.catalog import CATALOG

    if name in (DIGITS, *CATALOG):
        raise click.UsageError(
            f"{name} is a model that comes with Fanlight; choose another --name, or say with "
            "--out where it goes"
        )


def input_text(given: Input) -> str:
    """What a network takes, on one line."""
    return (
        f"{given.width}x{given.height}x{given.channels} {given.order} {given.layout}, "
        f"{given.resize} (keep {given.keep:g}), minus {_numbers(given.mean)}, "
        f"over {_numbers(given.std)}"
    )


def output_text(bundle: Bundle) -> str:
    """What a network gives, as far as model.json says it, on one line."""
    named = (("scores", bundle.scores), ("embedding", bundle.embedding))
    parts = [f"{what} from {name}" for what, name in named if name]
    if bundle.labels:
        shares = "are shares" if bundle.activation == "softmax" else "are logits"
        parts = [f"{len(bundle.labels)} labels, {bundle.top_k} of them in a result",
                 f"outputs {shares}", *parts]  # fmt: skip
    for label, pair in bundle.thresholds.items():
        parts.append(f"{label}: review from {pair.review:g}, block from {pair.block:g}")
    return ", ".join(parts) or "an embedding"


def _numbers(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:g}" for value in dict.fromkeys(values))


def megabytes(folder: Path) -> str:
    """What a bundle's files take together, in millions of bytes: `9.3`."""
    return f"{sum(p.stat().st_size for p in folder.rglob('*') if p.is_file()) / 1e6:.1f}"


def at_hand() -> list[Path]:
    """The folders of all bundles in MODELS, sorted."""
    return sorted(path.parent for path in MODELS.glob("*/model.json"))
