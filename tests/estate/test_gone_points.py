"""Points that failed and that AWS Backup does not have any more."""

from __future__ import annotations

import pytest
from tests.estate.ledgers import HOUR, NOON, point
from tests.estate.watched_account import WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate.findings import Kind
from backup_actions.estate.gone_points import gone_points
from backup_actions.ledger import Entry, Ledger, Status
from backup_actions.model.recovery_point import RecoveryPoint

MADE = (NOON - 900 * HOUR).isoformat()
GONE = point("snap-gone")


def ledger(world: World) -> Ledger:
    return Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)


def failed(world: World, which: RecoveryPoint, outcome: str | None = None) -> None:
    details = {"deletion": {"outcome": outcome} if outcome else None}
    ledger(world).record(which, run="run", status=Status.FAILED, details=details, made_at=MADE)


def stands(world: World, which: RecoveryPoint) -> Entry:
    return ledger(world).entries(str(which.arn))[0]


def test_a_failed_point_that_is_gone_is_told_once_and_is_no_unarchived_backup_any_more(world: World) -> None:
    account = Account()
    failed(world, GONE)

    looking = account.looking(world)
    ((finding,),) = (page.findings for page in gone_points(looking, ""))
    looking.was_told()

    assert (finding.kind, finding.subject, finding.repaired) == (Kind.GONE, str(GONE.arn), False)
    assert (stands(world, GONE).status, stands(world, GONE).since) == (Status.GONE, MADE)
    assert ledger(world).oldest(Status.FAILED) is None
    assert account.found(gone_points, world) == []


def test_as_long_as_nobody_was_told_of_one_that_is_gone_it_is_found_again(world: World) -> None:
    failed(world, GONE)

    first, second = Account().found(gone_points, world), Account().found(gone_points, world)

    assert [finding.kind for finding in (*first, *second)] == [Kind.GONE, Kind.GONE]
    assert stands(world, GONE).status == Status.FAILED


def test_one_that_was_dealt_with_again_while_people_were_told_stands_as_it_does_now(world: World) -> None:
    failed(world, GONE)
    looking = Account().looking(world)
    list(gone_points(looking, ""))
    ledger(world).record(GONE, run="run-2", status=Status.KEPT, details={}, made_at=MADE)

    looking.was_told()

    assert (stands(world, GONE).status, stands(world, GONE).run) == (Status.KEPT, "run-2")


def test_a_failed_point_that_is_there_waits_for_its_person(world: World) -> None:
    account = Account()
    account.back_up(1)
    failed(world, point("snap-1"))

    assert account.found(gone_points, world) == []
    assert stands(world, point("snap-1")).status == Status.FAILED


@pytest.mark.parametrize("outcome", ["asked", "unproven"])
def test_one_whose_deletion_had_been_asked_for_is_deleted_as_it_was_to_be(world: World, outcome: str) -> None:
    failed(world, GONE, outcome)

    (finding,) = Account().found(gone_points, world)

    assert finding.repaired
    assert stands(world, GONE).status == Status.DELETED


def test_one_that_aws_refuses_to_show_keeps_no_other_from_being_found(world: World) -> None:
    account = Account(refuses={"describe_recovery_point": "AccessDeniedException"})
    failed(world, GONE)
    failed(world, point("snap-gone-too"))

    found = account.found(gone_points, world)

    assert [finding.kind for finding in found] == [Kind.NOT_LOOKED_AT] * 2
    assert stands(world, GONE).status == Status.FAILED


def test_a_look_without_repairs_records_nothing(world: World) -> None:
    failed(world, GONE)

    (finding,) = Account().found(gone_points, world, repairs=False)

    assert not finding.repaired
    assert stands(world, GONE).status == Status.FAILED
