"""What AWS Backup and S3 do to backup and archive by themselves: nothing goes, and nothing is said, against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.flow.flow import ACTION, MAIN, VAULT, Flow, NewFlow
from tests.flow.invariants import broken, complete_archives_verify

from backup_actions.aws.executions import begin_life
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.settings import from_mapping
from backup_actions_local.deployment import Deployment
from backup_actions_local.services.durations import Durations
from backup_actions_local.states.execution import Execution

pytestmark = pytest.mark.root


def _deploy_again(flow: Flow, policy: str, **bucket: Any) -> None:
    """The same deployment with another policy and another bucket, as an upgrade leaves it."""
    old = flow.deployment
    sections = old.settings.model_dump(mode="json", exclude_unset=True)
    changed = {"deletion": {"policy": policy}, "archive_bucket": bucket, "actions": {old.actions[0].name: {}}}
    new = Deployment(from_mapping({**sections, **changed}, old.actions), old.actions, old.place, old.resources)
    for role, statements in new.roles():
        flow.cloud.roles.add(role, statements)
    for deployed in new.machines:
        role = new.role_of(deployed.machine, "workflow")
        flow.cloud.stepfunctions.register(new.name_of(deployed.machine), new.definition_of(deployed), role)
    flow.deployment = new


def _replay(flow: Flow, *, after: timedelta = timedelta(0)) -> Execution:
    """The next run, at some later time."""
    point = RecoveryPoint.from_json(flow.evidence()["recovery_point"])
    run = point.next_run(flow.executions(MAIN)[-1].name)
    with flow.cloud.clock.actor():
        flow.cloud.clock.sleep(after.total_seconds())
        begin_life(flow.cloud.administrator.client("stepfunctions"), flow.main.machine.arn, point, run)
    flow.wait()
    return flow.executions(MAIN)[-1]


@pytest.mark.parametrize(("days", "goes"), [(3, True), (34, False)])
def test_an_archive_that_is_soon_to_end_keeps_the_backup(new_flow: NewFlow, days: int, goes: bool) -> None:
    flow = new_flow(policy="keep")
    flow.back_up()
    _deploy_again(flow, "delete", lifecycle={"expiration": 35})

    run = _replay(flow, after=timedelta(days=days))

    assert run.status == "SUCCEEDED"
    assert (flow.point is None) is goes
    if not goes:
        because = flow.evidence()["decision"]["because"]
        assert "stored on 2026-01-15, and the lifecycle of its bucket ends it on 2026-02-19, too soon" in because
        assert because in flow.notices[-1]["Message"]
        assert flow.notices[-1]["Subject"].startswith("Archived and kept")


def test_an_archive_that_is_made_anew_lets_the_backup_go(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep")
    flow.back_up()
    _deploy_again(flow, "delete", lifecycle={"expiration": 35})
    (manifest,) = (key for key in flow.stored() if key.endswith("/manifest.json"))
    flow.s3.delete_object(Bucket=flow.bucket, Key=manifest)

    _replay(flow, after=timedelta(days=34))

    assert flow.point is None
    assert complete_archives_verify(flow) == []


def _remove(flow: Flow) -> None:
    """Somebody else does."""
    (point,) = flow.cloud.vaults.points()
    backup = flow.cloud.administrator.client("backup")
    backup.delete_recovery_point(BackupVaultName=VAULT, RecoveryPointArn=point.arn)


def test_a_backup_that_vanishes_during_its_run_leaves_an_archive_that_is_known(new_flow: NewFlow) -> None:
    flow = new_flow(success="none")
    flow.when(ACTION, "BeginVerification", lambda: _remove(flow))

    flow.back_up()

    assert flow.point is None
    assert flow.main.status == "SUCCEEDED"
    assert [(each.item, each.standing) for each in flow.ledger()] == [
        ("point", "deleted"),
        (f"action#{flow.deployment.actions[0].name}", "artifact"),
    ]
    evidence = flow.evidence()
    assert (evidence["decision"]["verdict"], evidence["actions"][0]["proven"]) == ("gone", True)
    assert "The backup is gone: AWS Backup does not have it any more" in flow.notices[0]["Message"]
    assert flow.cloud.audit.of("backup", "DeleteRecoveryPoint", role=f"{MAIN}-workflow") == ()
    assert broken(flow) == []


def test_a_backup_that_is_being_removed_is_left_to_that(new_flow: NewFlow) -> None:
    flow = new_flow(success="none", durations=Durations(recovery_point_deleted_seconds=500_000))
    flow.when(ACTION, "BeginVerification", lambda: _remove(flow))

    flow.back_up()

    assert flow.main.status == "SUCCEEDED"
    assert flow.evidence()["decision"]["verdict"] == "leave"
    assert "was left to AWS Backup: AWS Backup says that it is DELETING" in flow.notices[0]["Message"]


def test_what_was_proven_is_known_though_nothing_could_be_decided_and_another_run_decides(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.faults.on("backup", "ListLegalHolds").fail("AccessDeniedException").times(5)

    flow.back_up()

    assert flow.main.error == "AwsCallFailed"
    assert flow.point is not None
    assert [(each.item, each.status) for each in flow.ledger()] == [
        ("point", "failed"),
        (f"action#{flow.deployment.actions[0].name}", "verified"),
    ]
    evidence = flow.evidence()
    assert (evidence["actions"][0]["proven"], evidence["outcome"], "decision" in evidence) == (True, "failed", False)
    assert "Nothing was decided about the backup, and this run has not touched it." in flow.notices[0]["Message"]
    assert broken(flow) == []

    assert _replay(flow).status == "SUCCEEDED"
    assert flow.point is None
    assert flow.evidence()["decision"]["verdict"] == "delete"


@pytest.mark.parametrize(("days", "left"), [(7, 7), (30, 30), (31, 30)])
def test_no_backup_is_kept_longer_by_being_shortened(new_flow: NewFlow, days: int, left: int) -> None:
    flow = new_flow(policy="shorten", deletion={"shorten_to_days": 30})
    flow.when(ACTION, "Report", lambda: flow.cloud.vaults.points()[0].lifecycle.update(DeleteAfterDays=days))

    flow.back_up()

    assert flow.point is not None
    assert flow.point.lifecycle == {"DeleteAfterDays": left}
    is_shortened = left < days
    assert flow.ledger()[0].status == ("shortened" if is_shortened else "kept")
    told = flow.notices[0]["Message"]
    wanted = "was shortened and ends on 2026-02-14" if is_shortened else f"was kept: it ends {days} days after"
    assert wanted in told


def test_a_backup_that_was_shortened_stays_so_in_a_later_run(new_flow: NewFlow) -> None:
    flow = new_flow(policy="shorten", deletion={"shorten_to_days": 3})
    flow.back_up()

    _replay(flow)

    assert flow.ledger()[0].status == "shortened"
    assert "stays as an earlier run has shortened it" in flow.notices[-1]["Message"]
