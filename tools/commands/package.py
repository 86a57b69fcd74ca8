"""`fanlight package`: the deployable zip of each function."""

import tempfile
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from fanlight.errors import ConfigError
from tools.commands.template_option import functions_named, template_option
from tools.deployment.checks import problems
from tools.packaging.build import Built, build, libraries, library_names, written
from tools.packaging.bytecode import bytecode
from tools.packaging.components import BACKENDS, LIBRARIES
from tools.packaging.limits import DISK, judged, megabytes
from tools.packaging.pins import pinned, read_pins
from tools.packaging.plan import plan
from tools.packaging.report import table
from tools.packaging.target import PYTHONS, Target
from tools.packaging.trial import bare_python, need_python, tried, unpacked
from tools.packaging.wheels import cache_folder, fetch
from tools.shown import shown
from tools.template import SOURCE, Function, Template, read_template


@click.command()
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1)
@click.option(
    "--python",
    type=click.Choice(PYTHONS),
    default=PYTHONS[0],
    show_default=True,
    help="The platform's Python; it must be the runtime that the template names.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the zips. [default: where the template's code says]",
)
@template_option
@click.option(
    "--format",
    "remote_format",
    type=click.Choice(list(BACKENDS)),
    default="litert",
    show_default=True,
    help="Of models that FANLIGHT_MODEL names in OSS and that are not here too.",
)
@click.option(
    "--libs",
    type=click.Choice(list(LIBRARIES)),
    help="Instead, make the zip of libraries that FANLIGHT_LIBS names.",
)
@click.option(
    "--bytecode",
    "compiled",
    is_flag=True,
    help="Put bytecode in too: 4 MB more, imports in a third of the time at each cold start. "
    "Needs a Python of that version here.",
)
@click.option(
    "--try",
    "trial",
    is_flag=True,
    help="Run what was made in the local cloud, on a Python without any library.",
)
def command(
    functions: tuple[str, ...], python: str, out: Path | None, template: Path,
    remote_format: str, libs: str | None, *, compiled: bool, trial: bool,
) -> int:  # fmt: skip
    """Make the zip that is deployed, for each FUNCTION of the template (all by default).

    It is made for Linux on x86-64 and the platform's Python, whatever this machine is. Downloads
    are kept, so that a second time needs no network; the same versions and code give the same
    bytes. A function that cannot be deployed is refused with what to change, the others are made.

    \b
      fanlight package                     all functions
      fanlight package digits --try        one, and run it
      fanlight package --libs tensorflow   TensorFlow, for models of that format
    """
    target = Target(python)
    interpreter = need_python(python) if compiled else None
    if libs:
        if functions or trial:
            raise click.UsageError("--libs goes with neither FUNCTION nor --try")
        _libraries(libs, target, out or template.parent / "build", interpreter)
        return 0
    described = read_template(template)
    if wrong := problems(described, entries=False):
        raise ConfigError(f"{template}:" + "".join(f"\n  {problem}" for problem in wrong))
    chosen = _chosen(described, functions, out)
    ready, left = _packaged(chosen, target, remote_format, interpreter)
    if trial and ready:
        zips = {function.code for function in ready}
        sharing = tuple(function for function in chosen if function.code in zips)
        left += _tried(replace(described, functions=sharing), target)
    if left:
        raise ConfigError("not ready:" + "".join(f"\n  {problem}" for problem in left))
    return 0


def _chosen(template: Template, names: tuple[str, ...], out: Path | None) -> list[Function]:
    """The functions to package, their `code` saying where the zip goes."""
    # A zip is for all functions that name it, whichever of them is asked for. What is no zip may be
    # a folder of the user's own, which `s deploy` packs itself.
    chosen = functions_named(template, names) or [
        function for function in template.functions if function.code.suffix == ".zip"
    ]
    return [
        replace(function, code=out.resolve() / function.code.name) if out else function
        for function in chosen
    ]


def _packaged(
    chosen: list[Function], target: Target, remote_format: str, interpreter: Path | None
) -> tuple[list[Function], list[str]]:
    """The functions whose zips are made now, each told of, and what is wrong with the others."""
    made = plan(chosen, target, SOURCE, remote_format=remote_format)
    wanted = {name: None for package in made.packages for name in package.libraries}
    files = fetch(pinned(wanted, read_pins(target)), target, cache_folder(), _say)
    ready, left = [], list(made.problems)
    for package in made.packages:
        function = package.function
        try:
            built = build(package, files, target, SOURCE, interpreter)
        except ConfigError as error:
            left.append(f"{function.resource}: {error}")
            continue
        ready.append(function)
        _show(built, f"{function.resource} for {target.runtime}: {built.path}")
        verdict = judged(built.compressed, built.size, function.disk_mb * 1_000_000)
        click.echo(shown("\n".join([*verdict, *package.notes, ""])))
    return ready, left


def _libraries(name: str, target: Target, out: Path, interpreter: Path | None) -> None:
    files = fetch(pinned(library_names(name), read_pins(target)), target, cache_folder(), _say)
    path = out.resolve() / f"libs-{name}-{target.python}.zip"
    entries = libraries(files, files, target)
    if interpreter:
        entries += bytecode(entries, interpreter, target)
    built = written(path, entries)
    _show(built, f"{name} for {target.runtime}: {path}")
    if built.size > DISK:
        click.echo(f"Unpacked it takes {megabytes(built.size)}: its function needs diskSize: 10240")
    click.echo(
        "Upload it to a bucket of the function's region, and set in the template\n"
        f"  FANLIGHT_LIBS: oss://bucket/{path.name}#sha256={built.sha256}"
    )


def _show(built: Built, title: str) -> None:
    console = Console(soft_wrap=False)
    console.print(Text(shown(title), style="bold"))
    console.print(table(built))
    click.echo(f"sha256 {built.sha256}")


def _tried(template: Template, target: Target) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        python = bare_python(target.python, Path(folder))
        _say("trying what was made")
        return tried(unpacked(template, Path(folder, "code")), str(python), _say)


def _say(line: str) -> None:
    click.echo(shown(line), err=True)
