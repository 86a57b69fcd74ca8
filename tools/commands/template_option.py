"""The option of commands that read a template, and how its functions are named to them."""

from pathlib import Path

import click

from tools.template import Function, Template, project_template

template_option = click.option(
    "--template", "-t", type=click.Path(path_type=Path), default=project_template(),
    help="A Serverless Devs 3 template. [default: the project's template.yml]",
)  # fmt: skip


def functions_named(template: Template, names: tuple[str, ...]) -> tuple[Function, ...]:
    """The functions of those names, and the others that are deployed with the same code.

    A name is what the template calls a function, or what the platform does; UsageError for any
    other.
    """
    known = {name: f for f in template.functions for name in (f.resource, f.name)}
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(
            f"the template has no function {', '.join(unknown)}; it has "
            f"{', '.join(function.resource for function in template.functions)}"
        )
    wanted = {known[name].code for name in names}
    return tuple(function for function in template.functions if function.code in wanted)
