"""The automatic level rises while the processor waits and falls when it does not; time and load are injected."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from backup_actions.archive.levels import AutomaticLevel, FixedLevel, level_choice
from backup_actions.archive.options import Codec

COMPRESSORS = PROCESSORS = 2


@dataclass
class Machine:
    """Passes time; compressors work, and other code of ours computes, for shares of it."""

    codec: Codec = "zstd"
    seconds: float = 0.0
    used_seconds: float = 0.0
    level: AutomaticLevel = field(init=False)

    def __post_init__(self) -> None:
        self.level = AutomaticLevel(
            self.codec, COMPRESSORS, PROCESSORS, now=lambda: self.seconds, processor_seconds=lambda: self.used_seconds
        )

    def passes(self, seconds: float, *, compressing: float, computing: float = 0.0) -> int:
        self.seconds += seconds
        self.used_seconds += seconds * PROCESSORS * min(1.0, compressing + computing)
        self.level.worked(seconds * COMPRESSORS * compressing)
        return self.level.next()


def test_it_begins_with_level_1_and_keeps_it_for_two_seconds_whatever_happens() -> None:
    machine = Machine()

    assert machine.level.next() == 1
    assert machine.passes(1.9, compressing=0.01) == 1
    assert machine.passes(0.2, compressing=0.01) > 1


@pytest.mark.parametrize(
    ("compressing", "level"),
    [(1.0, 1), (0.8, 1), (0.65, 1), (0.55, 2), (0.3, 3), (0.25, 4), (0.2, 5), (0.1, 6), (0.0, 6)],
)
def test_the_less_compressors_have_to_do_the_higher_it_is(compressing: float, level: int) -> None:
    assert Machine().passes(3, compressing=compressing) == level


def test_it_stays_where_other_work_of_ours_needs_the_processor() -> None:
    assert Machine().passes(3, compressing=0.1, computing=0.6) == 1


def test_it_stays_where_another_program_makes_compression_slow() -> None:
    machine = Machine()
    machine.level.worked(3 * COMPRESSORS * 0.95)
    machine.seconds, machine.used_seconds = 3, 1.0

    assert machine.level.next() == 1


def test_it_falls_back_to_1_as_soon_as_compressors_are_the_bottleneck() -> None:
    machine = Machine()
    assert machine.passes(3, compressing=0.1) == 6

    assert machine.passes(3, compressing=1.0) == 1


def test_a_steady_load_gives_a_steady_level() -> None:
    machine, costs = Machine(), (1.0, 1.2, 1.7, 2.5, 3.4, 4.8)
    level = machine.passes(3, compressing=0.25)

    levels = [level := machine.passes(3, compressing=0.25 * costs[level - 1]) for _ in range(10)]

    assert set(levels) == {4}


def test_gzip_stays_with_the_levels_that_are_fast() -> None:
    assert Machine("gzip").passes(3, compressing=0.0) == 3


def test_an_explicit_level_is_exact() -> None:
    choice = level_choice("zstd", 9, COMPRESSORS, PROCESSORS)
    choice.worked(0.0)

    assert choice == FixedLevel(9)
    assert choice.next() == 9
