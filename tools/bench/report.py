"""What a benchmark has found: as tables on a terminal, and as JSON for whoever compares runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tools.bench.machine import Machine
from tools.bench.stats import Spread, spread

SCHEMA = "fanlight.bench/1"
_WIDTH = 200
"""Characters, where no terminal says how wide it is: a table is not broken."""


@dataclass(frozen=True)
class Row:
    """One design, and what was measured of it: one sample a round, for each column.

    Seconds, or what the report's unit is made of. A column that it has no part in is left out.
    """

    name: str
    seconds: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Comparison:
    """A figure to judge by, mostly a ratio, one value a round; and where its median should be."""

    what: str
    values: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median is where it was hoped to be; None where nothing was."""
        if self.at_least is None and self.at_most is None:
            return None
        median = spread(self.values).median
        return (self.at_least is None or median >= self.at_least) and (
            self.at_most is None or median <= self.at_most
        )


@dataclass(frozen=True)
class Report:
    """One run of one benchmark.

    `skipped`: what could not be measured here, and why. `notes`: what one must know to read it.
    `unit`: what is shown, and `times`, how many of it each sample's one is; rates have times=1.
    """

    benchmark: str
    machine: Machine
    columns: Sequence[str]
    rows: Sequence[Row]
    comparisons: Sequence[Comparison] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    unit: str = "milliseconds"
    times: float = 1000.0


def document(report: Report) -> dict[str, Any]:
    """All of it, every sample too, in the report's unit."""
    return {
        "schema": SCHEMA,
        "benchmark": report.benchmark,
        "machine": asdict(report.machine),
        "rows": [
            {"name": row.name,
             report.unit: {column: _figures([report.times * sample for sample in samples])
                           for column, samples in row.seconds.items()}}
            for row in report.rows
        ],
        "comparisons": [
            {"what": one.what, "values": _figures(one.values), "at_least": one.at_least,
             "at_most": one.at_most, "met": one.met}
            for one in report.comparisons
        ],
        "skipped": dict(report.skipped),
        "notes": list(report.notes),
    }  # fmt: skip


def _figures(samples: Sequence[float]) -> dict[str, Any]:
    found = asdict(spread(samples))
    return {
        **{name: round(value, 4) for name, value in found.items()},
        "samples": [round(sample, 4) for sample in samples],
    }


def show(report: Report, file: Path | None) -> None:
    """Print the tables; write the document to `file` if there is one."""
    wide = Console()
    console = Console(width=None if wide.is_terminal else _WIDTH, markup=False, highlight=False,
                      emoji=False)  # fmt: skip
    console.print(table(report))
    for line in lines(report):
        console.print(line, soft_wrap=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document(report), indent=2, ensure_ascii=False) + "\n", "utf-8")
        click.echo(f"written: {file}")


def table(report: Report) -> Table:
    """Medians in the report's unit, quartiles below each; without columns that are empty."""
    shown = Table(report.benchmark, box=None, pad_edge=False)
    columns = [name for name in report.columns if any(name in row.seconds for row in report.rows)]
    for column in columns:
        shown.add_column(column, justify="right")
    for row in report.rows:
        shown.add_row(row.name, *(_cell(row.seconds.get(column), report.times)
                                  for column in columns))  # fmt: skip
    return shown


def _cell(samples: Sequence[float] | None, times: float) -> str:
    if samples is None:
        return ""
    found = spread([times * sample for sample in samples])
    return f"{number(found.median)}\n{number(found.low)} to {number(found.high)}"


def number(value: float) -> str:
    """Three digits or so: more would be noise."""
    places = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{places}f}"


def lines(report: Report) -> Iterator[str]:
    """What stands below the table."""
    yield f"\n{report.unit}: the median of the rounds; below it the quartiles"
    for one in report.comparisons:
        yield _told(one, spread(one.values))
    for name, why in report.skipped.items():
        yield f"skipped: {name}: {why}"
    yield from report.notes
    yield report.machine.told


def _told(one: Comparison, found: Spread) -> str:
    text = f"{one.what}: {found.median:.2f} ({found.low:.2f} to {found.high:.2f})"
    if one.met is None:
        return text
    bounds = [f"at least {one.at_least:g}"] if one.at_least is not None else []
    bounds += [f"at most {one.at_most:g}"] if one.at_most is not None else []
    return f"{text}, wanted {' and '.join(bounds)}: {'met' if one.met else 'missed'}"
