"""Numbers on the command line that can be counted with."""

import math
from typing import Any

import click


class Finite(click.FloatRange):
    """As FloatRange, but infinity and what is no number are wrong usage: ranges let `nan` in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; click's own error otherwise."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number
