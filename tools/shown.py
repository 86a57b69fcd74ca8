"""Untrusted text on a terminal: keys and labels can hold control characters."""

import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:  # it takes longer to import than most commands take
    from rich.console import Console

ANY_WIDTH = 1_000_000
"""Columns, more than a line of a table ever takes."""


def shown(text: str) -> str:
    """The text with everything that is not printable escaped; newlines stay."""
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )


def console_for(file: IO[str] | None = None) -> "Console":
    """Where tables go, standard output or a file: as wide as COLUMNS or the terminal.

    Where there is neither, nothing is cut or wrapped, which would be at 80.
    """
    from rich.console import Console, ConsoleDimensions

    console = Console(file=file, markup=False, highlight=False, emoji=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.size = ConsoleDimensions(ANY_WIDTH, 25)  # a dumb terminal's is 80
    return console
