"""Actions that the ledger says wait, and whose run is over."""

from __future__ import annotations

import pytest
from tests.estate.ledgers import HOUR, NOON, StandingClock, point
from tests.estate.watched_account import LONG_AGO, WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate.dead_waits import dead_waits
from backup_actions.ledger import Ledger, Standing

POINT = point("snap-1")


def ledger(world: World) -> Ledger:
    return Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)


def waits(world: World, *, hours_ago: float = 30) -> None:
    """An action of the run waits since then."""
    assert isinstance(world.clock, StandingClock)
    world.clock.at -= hours_ago * HOUR
    ledger(world).record_action(POINT, "rds-export", run="run", status="waiting", details={})
    world.clock.at += hours_ago * HOUR


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_action_whose_run_is_over_waits_no_more(world: World, status: str) -> None:
    account = Account()
    account.run("run", status)
    waits(world)

    (finding,) = account.found(dead_waits, world)

    assert finding.repaired
    assert ledger(world).oldest(Standing.WAITING) is None
    (entry,) = ledger(world).entries(str(POINT.arn))
    assert (entry.action, entry.status) == ("rds-export", "failed")


@pytest.mark.parametrize(
    ("status", "ended_at"), [("RUNNING", LONG_AGO), ("FAILED", NOON - HOUR / 2)], ids=["runs", "has just ended"]
)
def test_one_whose_run_goes_on_or_has_just_ended_is_left_alone(world: World, status: str, ended_at: object) -> None:
    account = Account()
    account.run("run", status, ended_at=ended_at)  # type: ignore[arg-type]
    waits(world)

    assert account.found(dead_waits, world) == []
    assert ledger(world).count(Standing.WAITING) == 1


def test_one_of_a_run_that_the_main_machine_does_not_know_is_left_alone(world: World) -> None:
    waits(world)

    assert Account().found(dead_waits, world) == []


def test_a_look_without_repairs_records_nothing(world: World) -> None:
    account = Account()
    account.run("run", "ABORTED")
    waits(world)

    (finding,) = account.found(dead_waits, world, repairs=False)

    assert not finding.repaired
    assert ledger(world).count(Standing.WAITING) == 1
