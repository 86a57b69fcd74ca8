"""What one event takes, as it was measured: by `fanlight bench`, or on a sample of the images.

Documents are those that `fanlight bench ... --json` and `fanlight estimate --keep` write.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fanlight.errors import ConfigError

SAMPLE = "sample"
_SCHEMA = "fanlight.bench/1"
_MS = "milliseconds"


@dataclass(frozen=True)
class Taken:
    """Seconds that something took, and those of a processor within; more if it had two at once."""

    seconds: float
    processor: float

    def on(self, vcpus: float, slower: float = 1.0) -> float:
        """Seconds it takes with so many vCPU, each `slower` times as slow as a core here.

        What it waited, it waits anywhere. What it computed takes its processor's time by the vCPU
        there are, but is not spread over more than it was when it was measured.
        """
        waited = max(0.0, self.seconds - self.processor)
        computed = (self.seconds - waited) * slower
        return waited + max(computed, self.processor * slower / vcpus)


@dataclass(frozen=True)
class Measured:
    """`events`: of `keys` images each. `peak`: bytes of memory; `logged`: bytes an event.

    `between`: seconds that this machine's platform took beside each event. `notes`: what one must
    know of it. None: not measured.
    """

    events: Sequence[Taken] = ()
    keys: int = 1
    cold: Sequence[Taken] = ()
    between: float = 0.0
    peak: float | None = None
    logged: float | None = None
    notes: tuple[str, ...] = ()

    def and_also(self, other: "Measured") -> "Measured":
        """With what the other has and this lacks; ConfigError if both have the events."""
        if self.events and other.events:
            raise ConfigError("two of the files measure events; give one of them")
        events = self if self.events else other
        return replace(
            events, cold=self.cold or other.cold, peak=self.peak or other.peak,
            notes=(*self.notes, *other.notes),
        )  # fmt: skip


def read_measured(paths: Sequence[Path], row: str = "") -> Measured:
    """All that the files tell together; ConfigError names what is missing.

    `row`: words in the name of the row to take, where a file has several.
    """
    found = Measured()
    for path in paths:
        found = found.and_also(_read(path, row))
    if not found.events:
        raise ConfigError(
            "none of the files measures events; add one of fanlight bench warm --json"
        )
    if not found.cold:
        raise ConfigError("none of the files measures cold starts; add one of fanlight bench cold")
    return found


def _read(path: Path, row: str) -> Measured:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    return from_document(document, str(path), row)


def from_document(document: Any, name: str, row: str = "") -> Measured:
    """What one document tells; ConfigError, with its name, for another's."""
    try:
        known = document["schema"] == _SCHEMA and document["benchmark"] in _READERS
        if not known:
            raise ValueError(f"it is none of {', '.join(sorted(_READERS))}")
        rows = {one["name"]: one for one in document["rows"]}
        found = _READERS[document["benchmark"]](rows, row)
        machine = document["machine"]
        told = f"measured: {document['benchmark']}, on {machine['cores']} cores of {machine['cpu']}"
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ConfigError(
            f"{name} cannot be read as of fanlight bench with --json: "
            f"{type(error).__name__}: {error}"
        ) from None
    return replace(found, notes=(told, *found.notes))


_Rows = Mapping[str, Mapping[str, Any]]


def _samples(row: Mapping[str, Any], unit: str, column: str) -> list[float]:
    """A column's samples, all above 0 and finite."""
    samples = [float(sample) for sample in row[unit][column]["samples"]]
    if not samples or not all(0 < sample < math.inf for sample in samples):
        raise ValueError(f"{column} has samples that are no times or rates, or none")
    return samples


def _seconds(row: Mapping[str, Any], column: str) -> list[float]:
    return [sample / 1000 for sample in _samples(row, _MS, column)]


def _chosen(rows: _Rows, ending: str, row: str) -> str:
    names = [name for name in rows if name.endswith(ending) and row in name]
    if len(names) != 1:
        raise ConfigError(f"choose with --row one of: {'; '.join(names or rows)}")
    return names[0]


def _warm(rows: _Rows, row: str) -> Measured:
    name = _chosen(rows, ": handler", row)
    totals = _seconds(rows[name], "total")
    notes = [f"events: {name}"]
    if "processor" in rows[name][_MS]:
        processors = _seconds(rows[name], "processor")
    else:
        processors = totals
        notes.append("how much of an event is computing was not measured: all is taken for it")
    events = list(map(Taken, totals, processors))
    return Measured(events, notes=tuple(notes))


def _stages(rows: _Rows, row: str) -> Measured:
    name = _chosen(rows, "", row)
    columns = {column: _seconds(rows[name], column) for column in rows[name][_MS]}
    computed = [sum(parts) for parts in zip(*(columns[part] for part in (
        "decode", "preprocess", "infer", "serialise")), strict=True)]  # fmt: skip
    # Two requests are not among the stages; the download of the same picture stands for each.
    totals = [total + 2 * more for total, more in
              zip(columns["total"], columns["download"], strict=True)]  # fmt: skip
    note = ("two of an event's four requests are not among the stages: a download stands for each, "
            "and what requests compute is taken for waiting")  # fmt: skip
    return Measured(list(map(Taken, totals, computed)), notes=(f"events: {name}", note))


def _throughput(rows: _Rows, row: str) -> Measured:
    name = _chosen(rows, ": run", row)
    rates = _samples(rows[name], "images a second", "1 process")
    note = "a run over a folder: no request to OSS is in it; --round-trip adds some"
    return Measured([Taken(1 / rate, 1 / rate) for rate in rates], notes=(f"events: {name}", note))


def _cold(rows: _Rows, _row: str) -> Measured:
    ours = rows["fanlight, LiteRT"]
    started = [total - request for total, request in zip(
        _seconds(ours, "total"), _seconds(ours, "first request"), strict=True)]  # fmt: skip
    note = "cold starts: of the digits model, and all of one is taken for computing"
    return Measured(cold=[Taken(one, one) for one in started], notes=(note,))


def _scale(rows: _Rows, _row: str) -> Measured:
    unit = "microseconds a key, and megabytes"
    peaks = [max(_samples(row, unit, "peak MB")) for name, row in rows.items() if "run" in name]
    note = "memory: the largest process of a run over many images"
    return Measured(peak=max(peaks) * 1e6, notes=(note,))


def _own(rows: _Rows, _row: str) -> Measured:
    """What sample.py writes."""
    (name,) = rows
    row, unit = rows[name], "milliseconds, and megabytes"
    columns = {column: _samples(row, unit, column) for column in row[unit]}
    events = [Taken(seconds / 1000, processor / 1000) for seconds, processor in zip(
        columns["event"], columns["processor"], strict=True)]  # fmt: skip
    return Measured(
        events,
        keys=int(columns["keys"][0]),
        cold=[Taken(one / 1000, one / 1000) for one in columns["cold start"]],
        between=columns["between"][0] / 1000,
        peak=max(columns["peak MB"]) * 1e6 if "peak MB" in columns else None,
        logged=columns["log MB"][0] * 1e6,
        notes=(f"events: {name}",),
    )


_READERS: dict[str, Callable[[_Rows, str], Measured]] = {
    "warm": _warm, "stages": _stages, "throughput": _throughput, "cold": _cold, "scale": _scale,
    SAMPLE: _own,
}  # fmt: skip
