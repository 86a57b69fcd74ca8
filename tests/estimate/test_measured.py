"""What is read from benchmarks, and how long it takes on less than a core."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from tools.bench.machine import this_machine
from tools.bench.report import Report, Row, document
from tools.estimate.measured import Measured, Taken, from_document, read_measured

TIMES = st.floats(1e-4, 100)


def wrote(
    folder: Path, benchmark: str, rows: Mapping[str, Mapping[str, Sequence[float]]], **how: Any
) -> Path:
    """A benchmark's document in a file, its samples in seconds unless `how` has a unit."""
    report = Report(benchmark, this_machine(), (), [Row(*one) for one in rows.items()], **how)
    path = folder / f"{benchmark}.json"
    path.write_text(json.dumps(document(report)), "utf-8")
    return path


def cold(folder: Path) -> Path:
    row = {"total": [0.5, 0.6], "first request": [0.1, 0.1], "warm request": [0.1, 0.1]}
    return wrote(folder, "cold", {"fanlight, LiteRT": row, "fanlight, ONNX": row})


def near(taken: Sequence[Taken]) -> list[Any]:
    return [pytest.approx((one.seconds, one.processor), abs=1e-6) for one in taken]


def told(measured: Measured) -> list[tuple[float, float]]:
    return [(one.seconds, one.processor) for one in measured.events]


def test_warm_tells_events_and_cold_their_starts(tmp_path: Path) -> None:
    """The handler's time and its processor's; a cold start is all before the first request."""
    warm = wrote(tmp_path, "warm", {
        "digits, 7.png: handler": {"total": [0.004, 0.006], "processor": [0.003, 0.005]},
        "digits, 7.png: handler, unchanged": {"total": [0.001, 0.001]},
        "digits, 7.png: bound": {"total": [0.003, 0.003]},
    })  # fmt: skip

    found = read_measured([warm, cold(tmp_path)])

    assert told(found) == near([Taken(0.004, 0.003), Taken(0.006, 0.005)])
    assert [one.seconds for one in found.cold] == pytest.approx([0.4, 0.5])
    assert (found.keys, found.peak, found.between) == (1, None, 0.0)
    assert "events: digits, 7.png: handler" in found.notes


def test_an_older_warm_is_taken_for_computing(tmp_path: Path) -> None:
    """Where the processor's time was not measured, all is, and it is said."""
    warm = wrote(tmp_path, "warm", {"digits, 7.png: handler": {"total": [0.004]}})

    found = read_measured([warm, cold(tmp_path)])

    assert told(found) == near([Taken(0.004, 0.004)])
    assert any("not measured" in note for note in found.notes)


def test_stages_make_up_for_the_requests_they_leave_out(tmp_path: Path) -> None:
    """Two more downloads stand for them; the stages that compute are the processor's."""
    row = {"download": [0.002], "decode": [0.003], "preprocess": [0.001], "infer": [0.004],
           "serialise": [0.001], "upload": [0.002], "total": [0.013]}  # fmt: skip

    found = read_measured([wrote(tmp_path, "stages", {"a": row}), cold(tmp_path)])

    assert told(found) == near([Taken(0.017, 0.009)])


def test_throughput_and_scale_tell_rates_and_memory(tmp_path: Path) -> None:
    """An image takes the inverse of the rate of one process; memory is the largest run's."""
    rates = wrote(tmp_path, "throughput", {
        "digits, a: run": {"1 process": [200.0, 250.0], "2 processes": [390.0]},
        "digits, a: bound": {"1 process": [300.0]},
    }, unit="images a second", times=1)  # fmt: skip
    scale = wrote(tmp_path, "scale", {
        "one folder, first run, 10 keys": {"peak MB": [90.0, 95.0]},
        "one folder, listing, 10 keys": {"peak MB": [400.0]},
    }, unit="microseconds a key, and megabytes", times=1)  # fmt: skip

    found = read_measured([rates, scale, cold(tmp_path)])

    assert told(found) == near([Taken(0.005, 0.005), Taken(0.004, 0.004)])
    assert found.peak == 95e6


def test_of_several_rows_one_is_chosen(tmp_path: Path) -> None:
    """The row is named; without a name, those there are are listed."""
    rows = {f"{model}, x: handler": {"total": [0.004]} for model in ("digits", "products")}
    files = [wrote(tmp_path, "warm", rows), cold(tmp_path)]

    assert "events: products, x: handler" in read_measured(files, "products").notes
    with pytest.raises(ConfigError, match="digits, x: handler; products, x: handler"):
        read_measured(files)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Events and cold starts are both needed, and events only once."""
    warm = wrote(tmp_path, "warm", {"digits, 7.png: handler": {"total": [0.004]}})

    with pytest.raises(ConfigError, match="cold starts"):
        read_measured([warm])
    with pytest.raises(ConfigError, match="bench warm"):
        read_measured([cold(tmp_path)])
    with pytest.raises(ConfigError, match="two of the files"):
        read_measured([warm, warm, cold(tmp_path)])


@pytest.mark.parametrize("content", [
    b"", b"[]", b"{}", b'{"schema": "fanlight.bench/1", "benchmark": "peers", "rows": []}',
    b'{"schema": "fanlight.bench/1", "benchmark": "warm", "rows": [{"name": "a: handler"}]}',
    b'{"schema": "fanlight.bench/1", "benchmark": "cold", "rows": []}', b"\xff",
])  # fmt: skip
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """What no benchmark wrote is an error that names the file."""
    path = tmp_path / "other.json"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"other\.json"):
        read_measured([path])


@pytest.mark.parametrize("sample", [0.0, -1.0, math.inf, math.nan])
def test_figures_that_cannot_be_are_refused(sample: float) -> None:
    """A time of nothing, or less, or without end was not measured."""
    rows = [{"name": "a: handler", "milliseconds": {"total": {"samples": [1.0, sample]}}}]
    given = {"schema": "fanlight.bench/1", "benchmark": "warm", "rows": rows}

    with pytest.raises(ConfigError, match="no times or rates"):
        from_document(given, "it")


def test_half_a_vcpu_doubles_what_is_computed_alone() -> None:
    """10 ms, of which 4 wait, take 16 on half a vCPU, and 10 on one or more."""
    event = Taken(0.010, 0.006)

    assert event.on(0.5) == pytest.approx(0.016)
    assert event.on(1) == event.on(4) == pytest.approx(0.010)
    assert event.on(1, slower=2) == pytest.approx(0.016)


def test_what_used_two_cores_is_slower_on_one() -> None:
    """8 ms with 12 of processors take 12 on one vCPU, and 8 on two."""
    event = Taken(0.008, 0.012)

    assert event.on(1) == pytest.approx(0.012)
    assert event.on(2) == event.on(3) == pytest.approx(0.008)


@given(TIMES, TIMES, st.floats(0.05, 16), st.floats(0.05, 16), st.floats(0.1, 10))
def test_more_vcpu_are_never_slower(
    seconds: float, processor: float, some: float, others: float, slower: float
) -> None:
    """Nor does anything take less than it did, or than its processor's time allows."""
    event, few, many = Taken(seconds, processor), min(some, others), max(some, others)

    assert event.on(many, slower) <= event.on(few, slower) * (1 + 1e-9)
    assert event.on(few) >= seconds * (1 - 1e-9)
    assert event.on(few) * few >= processor * (1 - 1e-9)
