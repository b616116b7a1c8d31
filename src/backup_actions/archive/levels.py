"""Which level the next frame is compressed at: the one that was asked for, or what the processor has time for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backup_actions.archive.options import HIGHEST_AUTOMATIC_LEVEL, Codec, Level

_DECIDE_SECONDS = 1.0
_MOST_BUSY = 0.7  # what is planned to be used of compressors and processors: the rest is for what changes
_BOTTLENECK = 0.9
_LEAST_OWN = 0.7  # of the time that a compressor works, in which it has a processor; Python's lock takes some too
# Processor time of a level, level 1 being 1: of source code, shared libraries and database pages.
_COSTS = {"zstd": (1.0, 1.2, 1.7, 2.5, 3.4, 4.8), "gzip": (1.0, 1.0, 1.5)}


class LevelChoice(Protocol):
    """Tells the level of each frame, and is told how long its compression took."""

    def next(self) -> int:
        """The level of the next frame."""
        ...

    def worked(self, seconds: float, processor_seconds: float) -> None:
        """A compressor was busy for so long, and had a processor for so much of it; from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLevel:
    """What a person asked for."""

    level: int

    def next(self) -> int:
        """Always the same."""
        return self.level

    def worked(self, seconds: float, processor_seconds: float) -> None:
        """Nothing follows from it."""


class AutomaticLevel:
    """The highest level that leaves compressors and processors time to spare; 1 where there is none, or nobody knows.

    What nobody used of the processors counts, because others need them as well: our own reader of trees, or programs
    that we know nothing of. A quota of the processors shows in compressors that have to wait for one. A step up a
    second, because a moment of waiting looks like time to spare; down at once.
    """

    def __init__(
        self,
        codec: Codec,
        compressors: int,
        processors: int,
        *,
        now: Callable[[], float] = time.monotonic,
        idle_seconds: Callable[[], float | None] | None = None,
    ) -> None:
        self._costs = _COSTS[codec][: HIGHEST_AUTOMATIC_LEVEL[codec]]
        self._compressors = compressors
        self._processors = processors
        self._now = now
        self._idle_seconds = idle_seconds or processors_idle_seconds
        self._level = 1
        self._busy_seconds = 0.0
        self._own_seconds = 0.0
        self._last = self._measured()

    def next(self) -> int:
        """The level as it was last decided."""
        if self._now() - self._last.moment >= _DECIDE_SECONDS:
            before, self._last = self._last, self._measured()
            self._level = min(self._level + 1, self._affordable(before, self._last))
        return self._level

    def worked(self, seconds: float, processor_seconds: float) -> None:
        """Sums that are a little too small where two threads add at once do no harm."""
        self._busy_seconds += seconds
        self._own_seconds += processor_seconds

    def _measured(self) -> _Measured:
        return _Measured(self._now(), self._busy_seconds, self._own_seconds, self._idle_seconds())

    def _affordable(self, before: _Measured, after: _Measured) -> int:
        if before.idle_seconds is None or after.idle_seconds is None:
            return 1
        elapsed, busy_seconds = after.moment - before.moment, after.busy_seconds - before.busy_seconds
        compressing = busy_seconds / (elapsed * self._compressors)
        computing = 1 - (after.idle_seconds - before.idle_seconds) / (elapsed * self._processors)
        waits_for_processor = after.own_seconds - before.own_seconds < _LEAST_OWN * busy_seconds
        if waits_for_processor or max(compressing, computing) > _BOTTLENECK:
            return 1
        spent = self._costs[self._level - 1]
        share = self._compressors / self._processors  # of the processors, that all compressors can take
        affordable = [
            level
            for level, cost in enumerate(self._costs, start=1)
            if compressing * cost / spent <= _MOST_BUSY
            and computing + compressing * share * (cost / spent - 1) <= _MOST_BUSY
        ]
        return max(affordable, default=1)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Sums since the beginning, at a moment."""

    moment: float
    busy_seconds: float
    own_seconds: float
    idle_seconds: float | None


def processors_idle_seconds(statistics: Path = Path("/proc/stat")) -> float | None:
    """How long nobody needed the processors that this process may use, all of them together; None if nobody counts.

    https://man7.org/linux/man-pages/man5/proc_stat.5.html: ``cpuN user nice system idle iowait``.
    """
    try:
        ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        rows = [line.split() for line in statistics.read_text("ascii").splitlines()]
        ticks = [int(row[4]) + int(row[5]) for row in rows if row and row[0] in ours]
    except (AttributeError, OSError, ValueError, IndexError):
        return None
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None


def level_choice(codec: Codec, level: Level, compressors: int, processors: int) -> LevelChoice:
    """What the options ask for."""
    return AutomaticLevel(codec, compressors, processors) if level == "auto" else FixedLevel(level)
