"""How often which fault happens, for tests of some kinds alone."""

from dataclasses import fields
from typing import Any

from tools.localcloud.chaos import Rates

_NONE = {field.name: 0.0 for field in fields(Rates) if isinstance(field.default, float)
         and not field.name.startswith("longest") and field.name != "clock_jump"}  # fmt: skip


def only(**rates: Any) -> Rates:
    """No faults but these."""
    values: dict[str, Any] = {**_NONE, **rates}
    return Rates(**values)
