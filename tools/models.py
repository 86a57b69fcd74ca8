"""Which model a name on the command line means."""

from pathlib import Path

import click

SHIPPED = Path(__file__).parent.parent / "functions" / "models"
"""Bundles that come with the project."""


def find_model(name: str) -> Path:
    """A bundle's folder, by path or by the name of a shipped one."""
    for folder in (Path(name), SHIPPED / name):
        if (folder / "model.json").is_file():
            return folder.resolve()
    known = ", ".join(sorted(path.parent.name for path in SHIPPED.glob("*/model.json")))
    raise click.UsageError(
        f"{name} is no model: give a bundle's folder (it has a model.json) or one of {known}"
    )
