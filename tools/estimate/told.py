"""An estimate as a table with all that it assumes, and as a JSON document."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from tools.bench.report import number
from tools.estimate.estimate import SIMULATED, Job, Line, Terms
from tools.estimate.measured import Measured
from tools.estimate.prices import Prices

SCHEMA = "fanlight.estimate/1"
_WORST = "1.3 to 1.4 GB"
"""What a picture at the limit of pixels took. Source: DEFAULT_MAX_PIXELS of fanlight.config."""


def table(lines: Sequence[Line], job: Job, prices: Prices) -> Table:
    """A row for each size of instance."""
    shown = Table(box=None, pad_edge=False)
    each = "ms an image" if job.keys == 1 else f"ms an event of {job.keys}"
    columns = ["MB", "vCPU", each, "cold s", "instances", "cold starts", "minutes",
               "95% within s", "CU", prices.currency]  # fmt: skip
    if job.failing:
        columns.append("dead letters")
    for column in columns:
        shown.add_column(column, justify="right")
    for one in lines:
        outcome = one.outcome
        cells = [f"{one.size.memory}", f"{one.size.vcpus:g}", number(1000 * one.event),
                 number(one.cold), f"{outcome.instances:,}", f"{outcome.cold_starts:,}",
                 number(one.seconds / 60), number(one.took), f"{one.bill.units:,.0f}",
                 f"{one.bill.total:,.2f}"]  # fmt: skip
        shown.add_row(*cells, *([f"{outcome.dead:,}"] if job.failing else []))
    return shown


def assumptions(
    job: Job, measured: Measured, terms: Terms, prices: Prices, left_out: Sequence[int]
) -> Iterator[str]:
    """Everything that the figures rest on and that may be otherwise."""
    yield from measured.notes
    yield from _of_work(job, measured, terms)
    yield (f"instances: {job.limit} at most, {prices.number('burst'):g} at once and "
           f"{prices.number('growth_a_minute'):g} a minute more; nothing else runs in the region; "
           f"ended after {prices.number('idle_seconds'):g} s without a request")  # fmt: skip
    yield ("what finds no instance waits in line; the platform asks again, after pauses that "
           "grow, for 5 hours at most, and gives up what is left")  # fmt: skip
    if job.failing:
        yield (f"{job.failing:.1%} of the tries fail, whatever the image, and are tried 3 times "
               "more, a second apart; one that fails at once takes as long as any")  # fmt: skip
    if job.events > SIMULATED:
        yield f"{SIMULATED:,} events are simulated, and the rest goes on as they did"
    if left_out:
        sizes = ", ".join(map(str, left_out))
        yield f"left out: {sizes} MB, less than a measured image took"
    if measured.peak is None:
        yield "memory: not measured, so no size is left out for it"
    yield (f"memory: an image of 64 megapixels, the most allowed by default, takes {_WORST}, so "
           "that a smaller instance may be killed by one")  # fmt: skip
    yield from _of_prices(job, measured, prices)


def _of_work(job: Job, measured: Measured, terms: Terms) -> Iterator[str]:
    yield (
        "vCPU: what an event computes takes its processor's time by the vCPU; what it waits "
        f"stays; a vCPU takes {terms.slower:g} times what a core here takes (--slower)"
    )
    yield (f"OSS: {1000 * terms.round_trip:g} ms a round trip more than where it was measured "
           "(--round-trip)")  # fmt: skip
    yield (f"cold starts: {terms.platform:g} s of the platform's own before the function's process "
           "starts (--platform-start), its files cached")  # fmt: skip
    if job.keys > 1 and measured.keys == 1:
        yield (
            "events of several images are made up of images measured alone: waiting overlaps, "
            "computing does not, and the process apart that decodes them is not in it"
        )
    if job.rate is None:
        yield "arrival: all at once; listing and invoking take no time"
    else:
        yield f"arrival: {job.rate:g} a second on average, each upload by itself"


def _of_prices(job: Job, measured: Measured, prices: Prices) -> Iterator[str]:
    yield (f"prices: of {prices.date}, {prices.region}, in {prices.currency}; nothing was used yet "
           "this month, no plan and no trial quota; a cold start is billed in full")  # fmt: skip
    yield (
        "requests: of each try the image, a look at it and the write; a result that is not "
        "there answers 404, which is free. Uploads, listings and storage are not in it"
    )
    yield (f"traffic: {job.size / 1e9:,.2f} GB are read, inside the region without a fee, at "
           f"{prices.number('oss_gbit'):g} Gbit/s at most")  # fmt: skip
    if prices.figures["log_gb"].value is None or measured.logged is None:
        what = "price" if prices.figures["log_gb"].value is None else "volume"
        yield f"logs: not in the sum, their {what} is not known"
    for name, figure in prices.figures.items():
        if figure.note:
            yield f"price table, {name}: {figure.note}"
        if not figure.sure:
            value = "not known" if figure.value is None else f"{figure.value}, not verified"
            yield f"price table, {name}: {value}; {figure.source}, {figure.read}"


def document(
    lines: Sequence[Line], job: Job, measured: Measured, prices: Prices, told: Sequence[str]
) -> dict[str, Any]:
    """All of it; seconds, bytes, and money in the table's currency."""
    return {
        "schema": SCHEMA,
        "job": {"images": job.images, "bytes": job.size, "events": job.events,
                "images_an_event": job.keys, "per_second": job.rate, "failing": job.failing,
                "limit": job.limit},
        "measured": {"events": len(measured.events), "cold_starts": len(measured.cold),
                     "peak_bytes": measured.peak, "logged_bytes_an_event": measured.logged},
        "prices": {"date": prices.date, "region": prices.region, "currency": prices.currency,
                   "figures": {name: vars(figure) for name, figure in prices.figures.items()}},
        "sizes": [_size(one) for one in lines],
        "assumptions": list(told),
    }  # fmt: skip


def _size(one: Line) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "memory_mb": one.size.memory, "vcpus": one.size.vcpus,
        "event_seconds": round(one.event, 6), "cold_seconds": round(one.cold, 6),
        "instances": outcome.instances, "cold_starts": outcome.cold_starts,
        "seconds": round(one.seconds, 3),
        "took_seconds": {f"{share:g}": round(outcome.waited(share), 3)
                         for share in (0.5, 0.95, 0.99)},
        "billed_seconds": round(outcome.busy + outcome.starting, 3),
        "tries": outcome.tries, "dead_letters": outcome.dead,
        "cu": round(one.bill.units, 3), "functions": round(one.bill.functions, 4),
        "requests": _money(one.bill.requests), "logs": _money(one.bill.logs),
        "total": round(one.bill.total, 4),
    }  # fmt: skip


def _money(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 4)
