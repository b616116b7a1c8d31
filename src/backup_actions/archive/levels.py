"""Which level the next frame is compressed at: the one that was asked for, or what the processor has time for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from backup_actions.archive.options import HIGHEST_AUTOMATIC_LEVEL, Codec, Level

_DECIDE_SECONDS = 2.0
_MOST_BUSY = 0.7  # what is planned to be used of compressors and processor: the rest is for what changes
_BOTTLENECK = 0.9
# Processor time of a level, level 1 being 1: of source code, shared libraries and database pages.
_COSTS = {"zstd": (1.0, 1.2, 1.7, 2.5, 3.4, 4.8), "gzip": (1.0, 1.0, 1.5)}


class LevelChoice(Protocol):
    """Tells the level of each frame, and is told how long its compression took."""

    def next(self) -> int:
        """The level of the next frame."""
        ...

    def worked(self, seconds: float) -> None:
        """A compressor was busy for so long; from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLevel:
    """What a person asked for."""

    level: int

    def next(self) -> int:
        """Always the same."""
        return self.level

    def worked(self, seconds: float) -> None:
        """Nothing follows from it."""


class AutomaticLevel:
    """The highest level that leaves compressors and processor time to spare; 1 where there is none.

    Decided every two seconds, from how busy the compressors were and how much processor time this process took:
    one alone would also be low where another program, or our own reading, needs the processor.
    """

    def __init__(
        self,
        codec: Codec,
        compressors: int,
        processors: int,
        *,
        now: Callable[[], float] = time.monotonic,
        processor_seconds: Callable[[], float] = time.process_time,
    ) -> None:
        self._costs = _COSTS[codec][: HIGHEST_AUTOMATIC_LEVEL[codec]]
        self._compressors = compressors
        self._processors = processors
        self._now = now
        self._processor_seconds = processor_seconds
        self._level = 1
        self._busy_seconds = 0.0
        self._decided = (now(), processor_seconds(), 0.0)

    def next(self) -> int:
        """The level as it was last decided."""
        moment, used, busy = self._now(), self._processor_seconds(), self._busy_seconds
        elapsed = moment - self._decided[0]
        if elapsed >= _DECIDE_SECONDS:
            compressing = (busy - self._decided[2]) / (elapsed * self._compressors)
            computing = (used - self._decided[1]) / (elapsed * self._processors)
            self._level = self._decide(compressing, computing)
            self._decided = (moment, used, busy)
        return self._level

    def worked(self, seconds: float) -> None:
        """A sum that is a little too small where two threads add at once does no harm."""
        self._busy_seconds += seconds

    def _decide(self, compressing: float, computing: float) -> int:
        if max(compressing, computing) > _BOTTLENECK:
            return 1
        spent = self._costs[self._level - 1]
        share = self._compressors / self._processors  # of the processor, that all compressors can take
        affordable = [
            level
            for level, cost in enumerate(self._costs, start=1)
            if compressing * cost / spent <= _MOST_BUSY
            and computing + compressing * share * (cost / spent - 1) <= _MOST_BUSY
        ]
        return max(affordable, default=1)


def level_choice(codec: Codec, level: Level, compressors: int, processors: int) -> LevelChoice:
    """What the options ask for."""
    return AutomaticLevel(codec, compressors, processors) if level == "auto" else FixedLevel(level)
