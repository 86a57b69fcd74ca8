"""Options that several benchmarks take."""

from pathlib import Path

import click

models_option = click.option(
    "--model", "-m", "models", multiple=True,
    help="A bundle's folder or name; more than one may be given. [default: digits, products]",
)  # fmt: skip
json_option = click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path),
    help="Write every sample to this file.",
)  # fmt: skip
