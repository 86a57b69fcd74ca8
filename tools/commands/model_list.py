"""`fanlight model list`: what is at hand, and what can be got."""

import click

from fanlight.bundle import Bundle
from fanlight.errors import ConfigError
from tools.models import MODELS, at_hand, megabytes
from tools.published.catalog import CATALOG
from tools.shown import console_for, shown


@click.command("list")
def command() -> int:
    """List the bundles in functions/models, and the published ones not there yet."""
    from rich.table import Table

    table = Table("name", "version", "task", "format", "labels", "MB", "digest",
                  box=None, pad_edge=False)  # fmt: skip
    broken = []
    for folder in at_hand():
        try:
            bundle = Bundle.read(folder)
        except ConfigError as error:
            broken.append(str(error))
            continue
        row = (folder.name, bundle.version, bundle.task, bundle.format, str(len(bundle.labels)),
               megabytes(folder), bundle.digest[:19])  # fmt: skip
        table.add_row(*map(shown, row))
    console_for().print(table)
    for problem in broken:
        click.echo(f"broken: {shown(problem)}", err=True)
    for name, entry in CATALOG.items():
        if not (MODELS / name).exists():
            click.echo(f"fanlight model get {name:<11} {entry.about}")
    return 1 if broken else 0
