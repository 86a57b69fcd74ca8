"""The price table: figures with a date and a source, and what an amount of work costs by it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from fanlight.errors import ConfigError

SHIPPED = Path(__file__).with_name("prices.yml")

NUMBERS = ("vcpu_second", "gb_second", "invocation", "least_an_hour", "disk_gb_second",
           "free_disk_gb", "get_10000", "put_10000", "log_gb", "instances", "burst",
           "growth_a_minute", "idle_seconds", "oss_gbit")  # fmt: skip
_ABOVE_ZERO = {"instances", "burst", "growth_a_minute", "oss_gbit"}
_MAY_BE_UNKNOWN = {"get_10000", "put_10000", "log_gb"}


@dataclass(frozen=True)
class Figure:
    """One entry: its value, None where it is not known, and where it is from."""

    value: Any
    source: str
    read: str
    sure: bool
    note: str


@dataclass(frozen=True)
class Used:
    """An amount of work: seconds of an instance, of `gb` memory, `vcpus` and `disk_gb` disk."""

    seconds: float
    gb: float
    vcpus: float
    disk_gb: float
    invocations: int
    reads: int
    writes: int
    log_gb: float
    hours: int


@dataclass(frozen=True)
class Bill:
    """Money for each kind; None for what has no price. `units`: CU."""

    units: float
    functions: float
    requests: float | None
    logs: float | None

    @property
    def total(self) -> float:
        """All that has a price."""
        return self.functions + (self.requests or 0.0) + (self.logs or 0.0)


@dataclass(frozen=True)
class Prices:
    """A table, with the day it was made, and the region and currency it is for."""

    date: str
    region: str
    currency: str
    figures: Mapping[str, Figure]

    @classmethod
    def read(cls, path: Path) -> "Prices":
        """ConfigError, with all that is wrong, for a table that cannot be calculated with."""
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"{path} is not YAML: {error}") from None
        problems: list[str] = []
        given = document if isinstance(document, dict) else {}
        entries = given.get("figures") if isinstance(given.get("figures"), dict) else {}
        wanted = ("cu", *NUMBERS)
        figures = {name: _figure(name, (entries or {}).get(name), problems) for name in wanted}
        problems += [f"figures.{name}: unknown" for name in entries or {} if name not in wanted]
        problems += [f"{name} is missing" for name in ("date", "region", "currency")
                     if not given.get(name)]  # fmt: skip
        if problems:
            raise ConfigError(f"{path} is no price table:" + "".join(f"\n  {p}" for p in problems))
        return cls(str(given["date"]), str(given["region"]), str(given["currency"]), figures)

    def number(self, name: str) -> float:
        """A figure that has a value."""
        return float(self.figures[name].value)

    def bill(self, used: Used) -> Bill:
        """What an amount of work costs, by the first of the month's tiers on."""
        disk = max(0.0, used.disk_gb - self.number("free_disk_gb"))
        a_second = (used.vcpus * self.number("vcpu_second") + used.gb * self.number("gb_second")
                    + disk * self.number("disk_gb_second"))  # fmt: skip
        units = used.seconds * a_second + used.invocations * self.number("invocation")
        least = used.hours * self.number("least_an_hour")
        reads, writes = (
            self._priced("get_10000", used.reads),
            self._priced("put_10000", used.writes),
        )
        requests = None if reads is None or writes is None else (reads + writes) / 10_000
        logs = self._priced("log_gb", used.log_gb)
        return Bill(units, max(least, self._tiered(units)), requests, logs)

    def _priced(self, name: str, amount: float) -> float | None:
        value = self.figures[name].value
        return None if value is None else float(value) * amount

    def _tiered(self, units: float) -> float:
        money, below = 0.0, 0.0
        for top, price in self.figures["cu"].value:
            up_to = math.inf if top is None else top
            money += max(0.0, min(units, up_to) - below) * price
            below = up_to
        return money


def _figure(name: str, entry: Any, problems: list[str]) -> Figure:
    """An entry as a figure; what is wrong with it is added to the problems."""
    if not isinstance(entry, dict) or "value" not in entry:
        problems.append(f"figures.{name} is missing, or has no value")
        return Figure(0, "", "", sure=False, note="")
    value = entry["value"]
    fits = _are_tiers(value) if name == "cu" else _is_amount(value)
    fits = fits and not (name in _ABOVE_ZERO and value < 1)
    if not fits and not (value is None and name in _MAY_BE_UNKNOWN):
        problems.append(f"figures.{name}: {value!r} is no {'tiers' if name == 'cu' else 'amount'}")
    if not entry.get("source") or not entry.get("read"):
        problems.append(f"figures.{name}: it does not say its source, and when that was read")
    return Figure(value, str(entry.get("source")), str(entry.get("read")),
                  entry.get("sure") is True, str(entry.get("note", "")))  # fmt: skip


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e18


def _are_tiers(value: Any) -> bool:
    """Whether it is a list of [up to, price], rising, the last without end."""
    try:
        tops = [top for top, price in value if _is_amount(price)]
    except (TypeError, ValueError):
        return False
    ends = all(map(_is_amount, tops[:-1])) and tops[-1:] == [None]
    whole = len(tops) == len(value)
    return ends and whole and all(low < high for low, high in pairwise([0, *tops[:-1]]))
