"""Which model a name on the command line means."""

import re
from pathlib import Path

import click

from tools.shown import shown

MODELS = Path(__file__).parent.parent / "functions" / "models"
"""Bundles that packages can hold: those that come with the project, and those made here."""

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


def megabytes(folder: Path) -> str:
    """What a bundle's files take together, in millions of bytes: `9.3`."""
    return f"{sum(p.stat().st_size for p in folder.rglob('*') if p.is_file()) / 1e6:.1f}"


def at_hand() -> list[Path]:
    """The folders of all bundles in MODELS, sorted."""
    return sorted(path.parent for path in MODELS.glob("*/model.json"))
