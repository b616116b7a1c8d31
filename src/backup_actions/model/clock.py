"""Time is an argument. Nothing in this project reads a clock or sleeps but through one of these."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What can tell the time and let it pass."""

    def now(self) -> datetime:
        """Return the present time, with its zone."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when that much time has passed on this clock."""
        ...


class SystemClock:
    """The time that people live in."""

    def now(self) -> datetime:
        """Return the present time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        time.sleep(seconds)


def growing_waits(first_seconds: float, factor: float, times: int) -> list[float]:
    """The waits of a bounded poll; their sum is the longest that it can take."""
    return [first_seconds * factor**turn for turn in range(times)]
