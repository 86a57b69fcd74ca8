"""The option of commands that read a template."""

from pathlib import Path

import click

from tools.template import project_template

template_option = click.option(
    "--template", "-t", type=click.Path(path_type=Path), default=project_template(),
    help="A Serverless Devs 3 template. [default: the project's template.yml]",
)  # fmt: skip
