"""Numbers of the command line that are amounts of something."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from typing import Any

MOST_GIB = 1 << 24
"""16 PiB, more than any backup; the bill of a run takes time in proportion."""


class Amount(click.FloatRange):
    """A number within its range; ``nan``, which is on no side of any limit, is none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Fail as click does."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no amount.", param, ctx)
        return number
