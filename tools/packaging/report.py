"""What is in a zip, as a table."""

from rich.table import Table

from tools.packaging.build import Built
from tools.shown import shown

_SMALL = 100_000
"""Components below this many bytes share one line."""


def table(built: Built) -> Table:
    """One line a component, largest first; bytes in the zip and unpacked."""
    made = Table(show_footer=True)
    made.add_column("component", footer="total")
    made.add_column("version")
    made.add_column("in the zip", footer=f"{built.compressed:,}", justify="right")
    made.add_column("unpacked", footer=f"{built.size:,}", justify="right")
    for name, version, compressed, size in rows(built):
        made.add_row(shown(name), shown(version), f"{compressed:,}", f"{size:,}")
    return made


def rows(built: Built) -> list[tuple[str, str, int, int]]:
    """Component, version, bytes in the zip, bytes unpacked; then the small ones, then the rest.

    The last line is what the zip itself needs, names and directory, so that the lines add up.
    """
    large = [part for part in built.parts if part.compressed >= _SMALL]
    small = [part for part in built.parts if part.compressed < _SMALL]
    lines = [(part.name, part.version, part.compressed, part.size) for part in large]
    if small:
        lines.append((f"{len(small)} smaller: {', '.join(part.name for part in small)}", "",
                      sum(part.compressed for part in small),
                      sum(part.size for part in small)))  # fmt: skip
    inside = sum(part.compressed for part in built.parts)
    lines.append(("names and directory", "", built.compressed - inside, 0))
    return lines
