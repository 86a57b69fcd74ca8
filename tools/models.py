"""Which model a name on the command line means."""

from pathlib import Path

import click

MODELS = Path(__file__).parent.parent / "functions" / "models"
"""Bundles that packages can hold: those that come with the project, and those made here."""


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


def at_hand() -> list[Path]:
    """The folders of all bundles in MODELS, sorted."""
    return sorted(path.parent for path in MODELS.glob("*/model.json"))
