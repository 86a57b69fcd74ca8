"""The price table: what it costs, and what is no table."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fanlight.errors import ConfigError
from tools.estimate.prices import NUMBERS, SHIPPED, Prices, Used

ONE_SECOND = Used(1, 1, 1, 0.5, 1, 2, 1, 0, 1)


def table(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SHIPPED.read_text("utf-8"))
    return {**document, **changes}


def written(folder: Path, document: Any) -> Path:
    path = folder / "prices.yml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


def test_the_vendors_own_example_comes_out() -> None:
    """3 million invocations of 200 ms on 512 MB and 0.25 vCPU are 217,500 CU, as it says."""
    used = Used(3_000_000 * 0.2, 0.5, 0.25, 0.5, 3_000_000, 0, 0, 0, 1)

    bill = Prices.read(SHIPPED).bill(used)

    assert bill.units == pytest.approx(22_500 + 45_000 + 150_000)
    assert bill.functions == pytest.approx(217_500 * 0.00011)


def test_each_tier_has_its_own_price() -> None:
    """Only what lies beyond a tier's top costs the next one's price."""
    prices = Prices.read(SHIPPED)
    units = 1.2e9
    used = replace(ONE_SECOND, seconds=units, gb=0, invocations=0)

    bill = prices.bill(used)

    assert bill.units == pytest.approx(units)
    assert bill.functions == pytest.approx(2e8 * 0.00011 + 8e8 * 0.0001 + 2e8 * 0.00009)


def test_a_function_that_ran_at_all_costs_the_least_an_hour() -> None:
    """A second's work is billed as the least there is, for each hour; disk beyond half a GB too."""
    prices = Prices.read(SHIPPED)

    assert prices.bill(replace(ONE_SECOND, hours=3)).functions == pytest.approx(0.03)
    more = prices.bill(replace(ONE_SECOND, disk_gb=10)).units - prices.bill(ONE_SECOND).units
    assert more == pytest.approx(9.5 * 0.05)


def test_requests_are_priced_and_what_has_no_price_is_not() -> None:
    """Reads and writes are by 10,000; logs without a price are None, and not in the total."""
    bill = Prices.read(SHIPPED).bill(replace(ONE_SECOND, reads=20_000, writes=10_000, log_gb=5))

    assert bill.requests == pytest.approx(0.03)
    assert bill.logs is None
    assert bill.total == pytest.approx(bill.functions + 0.03)


def test_a_table_of_ones_own_is_used(tmp_path: Path) -> None:
    """Another's price, currency and day."""
    document = table(currency="USD", date="2026-01-01")
    document["figures"]["log_gb"] |= {"value": 0.5, "sure": True}

    prices = Prices.read(written(tmp_path, document))

    assert (prices.currency, prices.date) == ("USD", "2026-01-01")
    assert prices.bill(replace(ONE_SECOND, log_gb=4)).logs == pytest.approx(2)


def test_every_figure_that_ships_says_where_it_is_from() -> None:
    """Source and day stand beside each, and what is not known is not said to be sure."""
    prices = Prices.read(SHIPPED)

    assert set(prices.figures) == {"cu", *NUMBERS}
    assert all(figure.source and figure.read for figure in prices.figures.values())
    assert not any(figure.sure for figure in prices.figures.values() if figure.value is None)


@pytest.mark.parametrize(("name", "value"), [
    ("invocation", None), ("invocation", "many"), ("gb_second", -1), ("get_10000", True),
    ("cu", 5), ("cu", [[1, 2]]), ("cu", [[5, 1], [3, 1], [None, 1]]), ("cu", [[None, -1]]),
    ("cu", []), ("cu", [[None]]), ("idle_seconds", float("nan")),
    ("instances", 0), ("growth_a_minute", 0),
])  # fmt: skip
def test_a_figure_that_is_no_amount_is_named(tmp_path: Path, name: str, value: Any) -> None:
    """A table that cannot be calculated with is refused, with the figure's name."""
    document = table()
    document["figures"][name]["value"] = value

    with pytest.raises(ConfigError, match=f"figures.{name}"):
        Prices.read(written(tmp_path, document))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Missing figures, unknown ones, and those without a source, in one message."""
    document = table(region="")
    del document["figures"]["burst"]
    document["figures"]["gpu"] = {"value": 1}
    document["figures"]["invocation"]["source"] = ""

    with pytest.raises(ConfigError) as caught:
        Prices.read(written(tmp_path, document))

    for part in ("figures.burst is missing", "figures.gpu: unknown", "figures.invocation",
                 "region is missing"):  # fmt: skip
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"figures: 3", b"a: [", b"\xff\xfe\x00"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file of anything else is an error that names it."""
    path = tmp_path / "prices.yml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"prices\.yml"):
        Prices.read(path)
