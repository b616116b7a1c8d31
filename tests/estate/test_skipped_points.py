"""Points that no action handled when they came: told when one does, once, and taken up when a person says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.estate.ledgers import ESTATE, HOUR, NOON, VOLUME
from tests.estate.watched_account import WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate import Estate
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.replaying import skipped, still_there, take_up
from backup_actions.estate.skipped_points import skipped_points
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

HANDLING = replace(WATCHED, handles=("EBS", "EFS"))


def ledger(world: World) -> Ledger:
    return Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)


def record(world: World, number: int, kind: str = "EFS", **details: Any) -> RecoveryPoint:
    arn = Arn.parse(f"arn:aws:ec2:us-east-1::snapshot/snap-{number}")
    point = RecoveryPoint(arn, "backups", Arn.parse(VOLUME), kind)
    told = {"unhandled": True, **details}
    ledger(world).record(point, run=point.execution_name, status=Status.SKIPPED, details=told)
    return point


def swept(account: Account, world: World, estate: Estate = HANDLING, *, told: bool = True) -> list[Finding]:
    looking = account.looking(world, estate=estate)
    found = [finding for page in skipped_points(looking, "") for finding in page.findings]
    if told:
        looking.was_told()
    return found


def test_types_that_an_action_handles_now_are_told_with_how_many_and_the_command(world: World) -> None:
    for number in range(3):
        record(world, number)
    record(world, 9, "S3")

    (finding,) = swept(Account(), world)

    assert (finding.kind, finding.subject, finding.repaired) == (Kind.SKIPPED_POINTS, "EFS", False)
    assert finding.what.startswith("3 of its backups were skipped")
    assert "`backup-actions replay --skipped --dry-run`" in finding.remedy


def test_that_is_told_once_however_many_sweeps_follow(world: World) -> None:
    record(world, 1)
    account = Account()

    assert len(swept(account, world, told=False)) == 1, "the mail failed"
    assert len(swept(account, world)) == 1
    assert swept(account, world) == []
    assert account.begun == []


def test_another_type_is_told_when_it_is_handled_too_and_one_that_comes_back_again(world: World) -> None:
    record(world, 1)
    record(world, 2, "EBS")
    account = Account()

    first = swept(account, world, replace(HANDLING, handles=("EFS",)))
    second = swept(account, world)
    swept(account, world, replace(HANDLING, handles=("EBS",)))
    again = swept(account, world)

    assert [[finding.subject for finding in each] for each in (first, second, again)] == [["EFS"], ["EBS"], ["EFS"]]


def test_a_look_without_repairs_tells_it_each_time_and_notes_nothing(world: World) -> None:
    record(world, 1)
    account = Account()
    swept(account, world)

    looking = account.looking(world, repairs=False, estate=HANDLING)

    assert [len(page.findings) for page in skipped_points(looking, "")] == [1]


@pytest.mark.parametrize("estate", [WATCHED, replace(WATCHED, handles=("EBS",))], ids=["none", "others"])
def test_what_no_action_handles_is_not_told(world: World, estate: Estate) -> None:
    record(world, 1)

    assert swept(Account(), world, estate) == []


def test_what_was_skipped_for_its_tags_is_not_told(world: World) -> None:
    record(world, 1, unhandled=False)

    assert swept(Account(), world) == []


def test_those_that_were_skipped_longest_ago_come_first_and_only_what_is_still_there(world: World) -> None:
    account = Account()
    points = []
    for number in (1, 2, 3):
        account.back_up(number)
        points.append(record(world, number))
        world.clock.sleep(60)
    record(world, 8)  # which AWS Backup does not have
    record(world, 9, "S3")
    record(world, 1)  # and was skipped again

    found = still_there(account.world(world), skipped(world, HANDLING))

    assert [entry.point for entry in found] == [str(points[number].arn) for number in (1, 2, 0)]


def test_one_is_begun_under_the_next_name_and_not_twice(world: World) -> None:
    account = Account()
    account.back_up(1)
    point = record(world, 1)
    account.run(point.execution_name, "SUCCEEDED")
    (entry,) = skipped(world, HANDLING)

    first = take_up(account.world(world), HANDLING, entry)
    ledger(world).record(point, run=f"{point.execution_name}-2", status=Status.PROCESSING, details={})
    second = take_up(account.world(world), HANDLING, entry)

    assert first is not None
    assert second is None
    assert account.begun == [(WATCHED.main_machine_arn, first.run, {"recoveryPoint": point.to_json()})]
    assert first.run == f"{point.execution_name}-2"


def test_a_deployment_of_an_older_version_handles_nothing_that_is_known() -> None:
    text = HANDLING.to_text().replace('"handles": ["EBS", "EFS"], ', "")

    assert "handles" not in text
    assert Estate.from_text(text).handles == ()
    assert Estate.from_text(HANDLING.to_text()).handles == ("EBS", "EFS")


def test_the_older_word_of_a_ledger_is_read(world: World) -> None:
    """Before, a skipped point did not say whether an action would have handled it: a person may take it up."""
    arn = Arn.parse("arn:aws:ec2:us-east-1::snapshot/snap-1")
    point = RecoveryPoint(arn, "backups", Arn.parse(VOLUME), "EFS")
    made_at = (NOON - HOUR).isoformat()
    ledger(world).record(point, run="run", status=Status.SKIPPED, details={"subject": "Skipped"}, made_at=made_at)

    assert [entry.point for entry in skipped(world, HANDLING)] == [str(arn)]
    assert skipped(world, ESTATE) == []
