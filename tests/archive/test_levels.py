"""The automatic level rises while the processor waits and falls when it does not; time and load are injected."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backup_actions.archive.levels import AutomaticLevel, FixedLevel, level_choice, processors_idle_seconds
from backup_actions.archive.options import Codec

COMPRESSORS = PROCESSORS = 2


@dataclass
class Machine:
    """Passes time; compressors work, and reading or another program computes, for shares of it."""

    codec: Codec = "zstd"
    seconds: float = 0.0
    idle_seconds: float | None = 0.0
    level: AutomaticLevel = field(init=False)

    def __post_init__(self) -> None:
        self.level = AutomaticLevel(
            self.codec, COMPRESSORS, PROCESSORS, now=lambda: self.seconds, idle_seconds=lambda: self.idle_seconds
        )

    def passes(self, seconds: float, *, compressing: float, computing: float = 0.0, own: float = 1.0) -> int:
        """The level behind it; ``own`` is the share of their time in which compressors have a processor."""
        busy_seconds = seconds * COMPRESSORS * compressing
        self.seconds += seconds
        if self.idle_seconds is not None:
            self.idle_seconds += max(0.0, seconds * PROCESSORS * (1 - computing) - busy_seconds * own)
        self.level.worked(busy_seconds, busy_seconds * own)
        return self.level.next()

    def settles(self, *, compressing: float, computing: float = 0.0) -> int:
        """The level after a while, if level 1 takes the compressors that share of their time."""
        level = 1
        for _ in range(10):
            level = self.passes(2, compressing=compressing * ZSTD_COSTS[level - 1], computing=computing)
        return level


ZSTD_COSTS = (1.0, 1.2, 1.7, 2.5, 3.4, 4.8)


def test_it_begins_with_level_1_and_keeps_it_for_a_second_whatever_happens() -> None:
    machine = Machine()

    assert machine.level.next() == 1
    assert machine.passes(0.9, compressing=0.01) == 1
    assert machine.passes(0.2, compressing=0.01) == 2


@pytest.mark.parametrize(
    ("compressing", "level"),
    [(1.0, 1), (0.8, 1), (0.65, 1), (0.55, 2), (0.3, 3), (0.25, 4), (0.2, 5), (0.1, 6), (0.0, 6)],
)
def test_the_less_compressors_have_to_do_the_higher_it_is(compressing: float, level: int) -> None:
    assert Machine().settles(compressing=min(1.0, compressing)) == level


def test_a_pause_is_worth_no_more_than_a_step() -> None:
    assert Machine().passes(60, compressing=0.0) == 2


@pytest.mark.parametrize("computing", [0.6, 0.9, 1.0])
def test_it_stays_where_others_need_the_processors(computing: float) -> None:
    assert Machine().settles(compressing=0.1, computing=computing) == 1


def test_it_falls_back_to_1_when_another_program_takes_what_was_to_spare() -> None:
    machine = Machine()
    assert machine.settles(compressing=0.1) == 6

    assert machine.passes(2, compressing=0.5, computing=1.0) == 1


def test_it_stays_where_compressors_wait_for_a_processor_although_some_are_idle() -> None:
    machine = Machine()

    assert [machine.passes(2, compressing=0.3, own=0.5) for _ in range(5)] == [1] * 5


def test_it_stays_where_nobody_knows_how_busy_the_processors_are() -> None:
    machine = Machine(idle_seconds=None)

    assert [machine.passes(2, compressing=0.0) for _ in range(5)] == [1] * 5


def test_it_falls_back_to_1_as_soon_as_compressors_are_the_bottleneck() -> None:
    machine = Machine()
    assert machine.settles(compressing=0.1) == 6

    assert machine.passes(2, compressing=1.0) == 1


def test_the_idle_time_is_that_of_the_processors_that_we_may_use(tmp_path: Path) -> None:
    ours = sorted(os.sched_getaffinity(0))
    rows = [f"cpu{number} 9 9 9 {100 * number + 100} 50 9" for number in range(max(ours) + 2)]
    (tmp_path / "stat").write_text("\n".join(["cpu 1 1 1 99999 1 1", *rows, "intr 5 0 0"]))

    idle = processors_idle_seconds(tmp_path / "stat")

    assert idle == sum(100 * number + 150 for number in ours) / os.sysconf("SC_CLK_TCK")
    assert processors_idle_seconds(tmp_path / "nothing") is None


def test_gzip_stays_with_the_levels_that_are_fast() -> None:
    machine = Machine("gzip")

    assert [machine.passes(2, compressing=0.0) for _ in range(4)] == [2, 3, 3, 3]


def test_an_explicit_level_is_exact() -> None:
    choice = level_choice("zstd", 9, COMPRESSORS, PROCESSORS)
    choice.worked(0.0, 0.0)

    assert choice == FixedLevel(9)
    assert choice.next() == 9
