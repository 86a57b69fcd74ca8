"""`fanlight doctor`: check a deployment, line by line."""

import os
import sys
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from tools.commands.template_option import functions_named, template_option
from tools.places import Access, access_options
from tools.shown import shown
from tools.template import read_template

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "yellow"}


@click.command()
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1)
@template_option
@click.option("--write", is_flag=True,
              help="Also write an empty object to each place that is written to.")  # fmt: skip
@access_options
def command(
    functions: tuple[str, ...], template: Path, *, write: bool, access: Access
) -> int:  # fmt: skip
    """Check what a template describes against what is there, and say what to change.

    Names of FUNCTIONs, such as digits, leave out the places and models of those that are deployed
    from another zip.

    \b
    The template itself     settings, handlers, loops, triggers, limits (no network is needed)
    Credentials             present and accepted; they are never shown
    Region, endpoint        the same, and answering
    Buckets, places         exist; inputs and outputs can be read
    Models, libraries       bundles fit their task and settings; zips in OSS have their digest (they
                            are read whole)

    Give it the keys whose permissions are to be checked: best temporary ones of the functions'
    role, in ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and
    ALIBABA_CLOUD_SECURITY_TOKEN. With an administrator's it says whether things exist, not
    whether the functions may use them.

    Nothing is written without --write. With it, `.fanlight-doctor` is written below each output
    and failed prefix and deleted again, unless a trigger would fire on it; the functions' own role
    may not delete, so with its keys that object stays. It is no result: their names end in .json.

    \b
    Against the local cloud: `fanlight up`, then the exports it prints, then this.
    Exit codes: 0 nothing failed, 1 something did. `warn`: it works, and is hardly what was meant.
    `skip` says what was not looked at, and why.
    """
    from tools.deployment.doctor import Examination

    described = read_template(template)
    chosen = frozenset(one.name for one in functions_named(described, functions))
    examination = Examination(
        described, access, os.environ, _progress, write=write, chosen=chosen or None
    )
    counts: Counter[str] = Counter()
    for line in examination.lines():
        counts[line.status] += 1
        status = click.style(f"{line.status:<4}", fg=_COLOURS[line.status])
        click.echo(f"{status}  {shown(line.subject)}: {shown(line.detail)}")
    click.echo(", ".join(f"{counts[status]} {status}" for status in _COLOURS if counts[status]))
    return 1 if counts["fail"] else 0


def _progress(label: str, size: int) -> AbstractContextManager[Any]:
    bar: AbstractContextManager[Any] = click.progressbar(
        length=size, label=f"reading {shown(label)}", file=sys.stderr
    )
    return bar
