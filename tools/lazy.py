"""A command group whose subcommands are imported only when they are asked for."""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import click

from tools.shown import shown


class Lazy(click.Group):
    """Finds a command `x` as `command` of the module `<prefix>x`; help needs none of them."""

    def __init__(self, *args: Any, prefix: str, about: Mapping[str, str], **kwargs: Any) -> None:
        """`about`: each command's name and what help says of it."""
        super().__init__(*args, **kwargs)
        self._prefix, self._about = prefix, about

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of help."""
        return list(self._about)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one; None for a name that is none."""
        if cmd_name not in self._about:
            return None
        module = importlib.import_module(f"{self._prefix}{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for one that is none."""
        near = get_close_matches(args[0], self._about, n=1)
        if args[0] not in self._about and near:
            ctx.fail(f"No such command {shown(args[0])!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What each is for, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._about.items()))
