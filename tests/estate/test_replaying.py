"""A recovery point dealt with again: when it is, and when it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.estate.ledgers import VOLUME
from tests.estate.watched_account import WATCHED, Account

from backup_actions.aws import World
from backup_actions.errors import PointUnknown, ReplayRefused
from backup_actions.estate.replaying import Replay, end_of, replay
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint


def recorded(account: Account, world: World, status: Status) -> RecoveryPoint:
    point = RecoveryPoint(Arn.parse(account.back_up(1)), "backups", Arn.parse(VOLUME), "EBS")
    ledger = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)
    ledger.record(point, run=point.execution_name, status=status, details={})
    account.run(point.execution_name, "FAILED")
    return point


def replayed(account: Account, world: World, arn: object, *, again: bool = False) -> Replay:
    return replay(account.world(world), WATCHED, str(arn), again=again)


@pytest.mark.parametrize("status", [Status.FAILED, Status.SKIPPED, Status.PROCESSING])
def test_the_machine_is_begun_under_a_new_name_with_the_old_input(world: World, status: Status) -> None:
    account = Account()
    point = recorded(account, world, status)

    begun = replayed(account, world, point.arn)

    assert account.begun == [(WATCHED.main_machine_arn, begun.run, {"recoveryPoint": point.to_json()})]
    assert (begun.run, begun.after) == (f"{point.execution_name}-2", point.execution_name)


@pytest.mark.parametrize("status", [Status.KEPT, Status.SHORTENED])
def test_what_is_archived_is_replayed_only_if_that_is_meant(world: World, status: Status) -> None:
    account = Account()
    point = recorded(account, world, status)

    with pytest.raises(ReplayRefused, match="has archived and verified it"):
        replayed(account, world, point.arn)
    assert account.begun == []
    assert replayed(account, world, point.arn, again=True).run == f"{point.execution_name}-2"


def test_what_an_earlier_run_has_archived_is_replayed_where_the_last_one_failed(world: World) -> None:
    account = Account()
    point = recorded(account, world, Status.KEPT)
    ledger = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)
    ledger.record(point, run=point.execution_name, status=Status.KEPT, details={"failed": True})

    assert replayed(account, world, point.arn).run == f"{point.execution_name}-2"


def test_what_a_run_is_at_is_not_replayed(world: World) -> None:
    account = Account()
    point = recorded(account, world, Status.PROCESSING)
    account.run(point.execution_name, "RUNNING")

    with pytest.raises(ReplayRefused, match="is under way"):
        replayed(account, world, point.arn, again=True)


def test_a_point_that_is_gone_is_not_replayed(world: World) -> None:
    account = Account()
    point = recorded(account, world, Status.FAILED)
    account.listed.clear()

    with pytest.raises(ReplayRefused, match="does not have it any more"):
        replayed(account, world, point.arn, again=True)


def test_a_point_that_nobody_knows_is_named(world: World) -> None:
    with pytest.raises(PointUnknown, match="snap-9"):
        replayed(Account(), world, "arn:aws:ec2:us-east-1::snapshot/snap-9")


def test_an_import_is_tried_again_by_its_message(world: World) -> None:
    account = Account()
    point = recorded(account, world, Status.FAILED)

    with pytest.raises(ReplayRefused, match="by its message"):
        replay(account.world(world), replace(WATCHED, vaults=()), str(point.arn), again=False)


def test_a_name_that_a_forgotten_run_has_had_is_not_taken_again(world: World) -> None:
    account = Account()
    point = recorded(account, world, Status.FAILED)
    account.run(f"{point.execution_name}-2", "FAILED")

    assert replayed(account, world, point.arn).run == f"{point.execution_name}-3"


def test_a_run_is_asked_after_until_it_has_ended(world: World) -> None:
    account = Account()
    point = recorded(account, world, Status.FAILED)
    begun = replayed(account, world, point.arn)
    seen = []
    for execution in end_of(account.world(world), WATCHED, begun):
        seen.append(execution.status)
        if len(seen) == 3:
            account.run(begun.run, "SUCCEEDED")

    assert seen == ["RUNNING", "RUNNING", "RUNNING", "SUCCEEDED"]
