"""The simulated clock: nobody waits for real, and nobody is overtaken."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from backup_actions_local.clock import START, NothingLeftToWaitFor, SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Callable


def finish(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


def start_together(clock: SimulatedClock, *works: Callable[[], None]) -> list[threading.Thread]:
    """Start actors of which none may move time before all are there."""
    with clock.actor():
        return [clock.spawn(f"actor-{number}", work) for number, work in enumerate(works)]


def test_a_sleep_takes_its_time_on_the_clock_and_none_for_real() -> None:
    clock = SimulatedClock()
    with clock.actor():
        clock.sleep(7 * 24 * 3600)
    assert clock.now() == START + timedelta(days=7)


def test_actors_wake_in_the_order_of_their_deadlines() -> None:
    clock, woken = SimulatedClock(), list[tuple[str, float]]()

    def sleeper(name: str, *seconds: float) -> Callable[[], None]:
        def work() -> None:
            for each in seconds:
                clock.sleep(each)
                woken.append((name, (clock.now() - START).total_seconds()))

        return work

    finish(*start_together(clock, sleeper("a", 10, 10, 10), sleeper("b", 15, 20)))
    assert woken == [("a", 10), ("b", 15), ("a", 20), ("a", 30), ("b", 35)]


def test_time_stands_still_while_an_actor_works() -> None:
    clock, may_go = SimulatedClock(), threading.Event()
    slept = threading.Event()

    def sleeper() -> None:
        clock.sleep(5)
        slept.set()

    threads = start_together(clock, sleeper, lambda: finish_when(may_go))
    assert not slept.wait(0.05)
    assert clock.now() == START
    may_go.set()
    finish(*threads)
    assert clock.now() == START + timedelta(seconds=5)


def finish_when(event: threading.Event) -> None:
    assert event.wait(10)


def test_a_wait_ends_when_its_condition_comes_true() -> None:
    clock, answers = SimulatedClock(), list[bool]()
    flags = list[str]()

    def waiter() -> None:
        answers.append(clock.wait(lambda: bool(flags), 100))

    def changer() -> None:
        clock.sleep(15)
        flags.append("done")
        clock.changed()

    finish(*start_together(clock, waiter, changer))
    assert answers == [True]
    assert clock.now() == START + timedelta(seconds=15)


def test_a_wait_about_something_is_not_looked_at_when_other_things_change() -> None:
    clock, asked = SimulatedClock(), list[str]()

    def is_done() -> bool:
        asked.append("is it?")
        return len(asked) > 3

    def changer() -> None:
        clock.sleep(15)
        before = len(asked)
        for _ in range(5):
            clock.changed("another")
            clock.changed()
        assert len(asked) == before
        clock.changed("job")
        clock.changed("job")

    finish(*start_together(clock, lambda: None if clock.wait(is_done, 100, about=("job",)) else asked.clear(), changer))
    assert len(asked) > 3
    assert clock.now() == START + timedelta(seconds=15)


def test_a_wait_ends_with_false_when_its_time_is_over() -> None:
    clock = SimulatedClock()
    with clock.actor():
        assert clock.wait(lambda: False, 3) is False
    assert clock.now() == START + timedelta(seconds=3)


def test_a_condition_that_comes_true_with_the_clock_alone_ends_the_wait() -> None:
    clock, answers = SimulatedClock(), list[bool]()

    def waiter() -> None:
        answers.append(clock.wait(lambda: clock.now() >= START + timedelta(seconds=4)))

    finish(*start_together(clock, waiter, lambda: clock.sleep(4), lambda: clock.sleep(9)))
    assert answers == [True]


def test_a_condition_that_is_true_already_costs_no_time() -> None:
    clock = SimulatedClock()
    with clock.actor():
        assert clock.wait(lambda: True, 60)
    assert clock.now() == START


def test_whoever_waits_for_what_nobody_can_bring_about_is_told() -> None:
    clock = SimulatedClock()
    with clock.actor(), pytest.raises(NothingLeftToWaitFor):
        clock.wait(lambda: False)


def test_a_wait_in_vain_does_not_spoil_later_waits() -> None:
    clock = SimulatedClock()
    with clock.actor():
        with pytest.raises(NothingLeftToWaitFor):
            clock.wait(lambda: False)
        clock.sleep(1)
    assert clock.now() == START + timedelta(seconds=1)


def test_when_an_actor_leaves_the_others_go_on() -> None:
    clock, gone = SimulatedClock(), threading.Event()

    def sleeper() -> None:
        clock.sleep(3600)
        gone.set()

    finish(*start_together(clock, sleeper, lambda: None))
    assert gone.is_set()


def test_many_uneven_sleeps_end_exactly_where_their_sum_is() -> None:
    clock = SimulatedClock()
    with clock.actor():
        for _ in range(1000):
            clock.sleep(0.1)
    assert clock.now() == START + timedelta(seconds=100)


def test_a_clock_that_flows_counts_real_time_too() -> None:
    clock = SimulatedClock(flows=True)
    with clock.actor():
        before = clock.now()
        clock.sleep(60)
        assert timedelta(seconds=60) <= clock.now() - before < timedelta(seconds=70)


def test_on_a_clock_that_flows_a_waiter_is_not_held_up_by_one_who_works() -> None:
    clock, may_go = SimulatedClock(flows=True), threading.Event()

    def sleeper() -> None:
        clock.sleep(0.01)
        may_go.set()

    finish(*start_together(clock, sleeper, lambda: finish_when(may_go)))
    assert may_go.is_set()


def test_one_that_follows_is_due_in_time_that_others_let_pass_and_keeps_nobody_waiting() -> None:
    clock, due, stopped = SimulatedClock(), list[float](), list[bool]()

    def follow() -> None:
        while not clock.wait(lambda: bool(stopped), 10, follows=True):
            due.append((clock.now() - START).total_seconds())

    threads = [clock.spawn("follower", follow)]
    clock.wait_for_rest()
    with clock.actor():
        clock.sleep(25)
    clock.wait_for_rest()
    assert due == [10, 20]
    with clock.actor():
        clock.sleep(5)
    clock.wait_for_rest()
    assert due == [10, 20, 30]

    stopped.append(True)
    clock.changed()
    finish(*threads)


def test_one_that_follows_brings_nothing_about_for_those_who_wait_without_end() -> None:
    clock, stopped = SimulatedClock(), list[bool]()
    threads = [clock.spawn("follower", lambda: finish_when_told(clock, stopped))]

    with clock.actor(), pytest.raises(NothingLeftToWaitFor):
        clock.wait(lambda: False)

    stopped.append(True)
    clock.changed()
    finish(*threads)


def finish_when_told(clock: SimulatedClock, stopped: list[bool]) -> None:
    assert clock.wait(lambda: bool(stopped), 10, follows=True)
