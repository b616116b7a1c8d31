"""Runs that the ledger believes in and that are over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.estate.ledgers import HOUR, NOON
from tests.estate.watched_account import LONG_AGO, WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate.dead_runs import dead_runs
from backup_actions.estate.findings import Kind
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

VOLUME = Arn.parse("arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d")


def processed(world: World, arn: str, run: str = "", *, hours_ago: float = 30) -> RecoveryPoint:
    """A point that is being processed since then, as the ledger has it."""
    point = RecoveryPoint(Arn.parse(arn), "backups", VOLUME, "EBS")
    clock = world.clock
    clock.sleep(-hours_ago * 3600)
    Ledger(world.clients.dynamodb, WATCHED.ledger, clock).record(
        point, run=run or point.execution_name, status=Status.PROCESSING, details={}
    )
    clock.sleep(hours_ago * 3600)
    return point


def test_a_run_that_failed_without_saying_so_is_begun_again(world: World) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, "FAILED")

    (finding,) = account.found(dead_runs, world)

    assert account.begun == [
        (WATCHED.main_machine_arn, f"{point.execution_name}-2", {"recoveryPoint": point.to_json()})
    ]
    assert (finding.subject, finding.repaired, finding.since) == (str(point.arn), True, LONG_AGO.isoformat())


def test_one_that_step_functions_has_forgotten_is_begun_again(world: World) -> None:
    account = Account()
    processed(world, account.back_up(1))

    (finding,) = account.found(dead_runs, world)

    assert finding.repaired
    assert "knows nothing of it any more" in finding.what


def test_the_command_names_the_stack_where_that_has_another_name_than_the_usual(world: World) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, "ABORTED")

    (finding,) = account.found(dead_runs, world, repairs=False, estate=replace(WATCHED, name="second"))

    assert f"`backup-actions replay {point.arn} --stack second`" in finding.remedy


@pytest.mark.parametrize(("status", "why"), [("ABORTED", "somebody has stopped it"), ("TIMED_OUT", "took longer")])
def test_what_was_stopped_or_timed_out_waits_for_a_person(world: World, status: str, why: str) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, status)

    (finding,) = account.found(dead_runs, world)

    assert account.begun == []
    assert not finding.repaired
    assert why in finding.remedy
    assert f"backup-actions replay {point.arn}" in finding.remedy
    (entry,) = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).entries(str(point.arn))
    assert (entry.status, entry.run) == (Status.FAILED, point.execution_name)
    assert entry.since == (NOON - 30 * HOUR).isoformat()


def test_what_has_died_three_times_waits_for_a_person(world: World) -> None:
    account = Account()
    arn = account.back_up(1)
    first = RecoveryPoint(Arn.parse(arn), "backups", VOLUME, "EBS").execution_name
    processed(world, arn, f"{first}-3")
    account.run(f"{first}-3", "FAILED")

    (finding,) = account.found(dead_runs, world)

    assert account.begun == []
    assert "died 3 times" in finding.remedy


def test_what_is_gone_is_not_begun_again_and_stands_as_gone(world: World) -> None:
    account = Account()
    point = processed(world, "arn:aws:ec2:us-east-1::snapshot/snap-gone")
    account.run(point.execution_name, "FAILED")

    looking = account.looking(world)
    ((finding,),) = (page.findings for page in dead_runs(looking, ""))
    looking.was_told()

    assert account.begun == []
    assert (finding.kind, finding.repaired) == (Kind.GONE, False)
    assert Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).entries(str(point.arn))[0].status == Status.GONE
    assert account.found(dead_runs, world) == [], "it is told once"


def test_a_point_that_aws_refuses_to_show_is_told_and_keeps_no_other_from_being_judged(world: World) -> None:
    account = Account(refuses={"describe_recovery_point": "AccessDeniedException"})
    for number in (1, 2):
        account.run(processed(world, account.back_up(number)).execution_name, "FAILED")

    assert [finding.kind for finding in account.found(dead_runs, world)] == [Kind.NOT_LOOKED_AT] * 2
    assert account.begun == []


def test_a_second_run_that_died_unrecorded_as_well_is_followed_by_a_third_and_then_by_a_person(world: World) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, "FAILED")
    account.run(f"{point.execution_name}-2", "FAILED")

    (third,) = account.found(dead_runs, world)
    account.run(f"{point.execution_name}-3", "FAILED")
    (told,) = account.found(dead_runs, world)

    assert [name for _, name, _ in account.begun] == [f"{point.execution_name}-3"]
    assert (third.repaired, told.repaired) == (True, False)
    assert "died 3 times" in told.remedy


def test_one_whose_next_run_was_begun_already_is_left_alone(world: World) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, "FAILED")
    account.run(f"{point.execution_name}-2", "RUNNING")

    assert account.found(dead_runs, world) == []


@pytest.mark.parametrize(
    ("status", "ended_at"), [("RUNNING", LONG_AGO), ("FAILED", NOON - HOUR / 2)], ids=["runs", "has just ended"]
)
def test_one_that_runs_or_has_just_ended_is_left_alone(world: World, status: str, ended_at: object) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, status, ended_at=ended_at)  # type: ignore[arg-type]

    assert account.found(dead_runs, world) == []


def test_one_that_has_just_begun_is_not_even_asked_after(world: World) -> None:
    account = Account()
    processed(world, account.back_up(1), hours_ago=0.5)

    assert account.found(dead_runs, world) == []
    assert account.calls == {}


def test_of_those_that_run_one_list_tells(world: World) -> None:
    account = Account()
    for number in range(5):
        account.run(processed(world, account.back_up(number)).execution_name, "RUNNING")

    assert account.found(dead_runs, world) == []
    assert account.calls == {"list_executions": 1}


def test_a_look_without_repairs_begins_nothing(world: World) -> None:
    account = Account()
    point = processed(world, account.back_up(1))
    account.run(point.execution_name, "FAILED")

    (finding,) = account.found(dead_runs, world, repairs=False)

    assert (finding.repaired, account.begun) == (False, [])
