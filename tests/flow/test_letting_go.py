"""When a backup may go, and everything that keeps it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.flow.flow import ACTION, MAIN, VAULT, Flow, NewFlow
from tests.flow.invariants import broken, complete_archives_verify

from backup_actions_local.services.durations import Durations

pytestmark = pytest.mark.root


def _reason(flow: Flow) -> str:
    return str(flow.evidence()["decision"]["because"])


def test_keep_archives_and_leaves_the_backup_alone(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep")

    flow.back_up()

    assert flow.point is not None
    assert flow.ledger()[0].status == "kept"
    assert flow.notices[0]["Subject"].startswith("Archived and kept")
    assert flow.cloud.audit.of("backup", "DeleteRecoveryPoint") == ()
    assert broken(flow) == []


def test_keep_gives_no_role_the_right_to_let_a_backup_go(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep")

    granted = {action for _, statements in flow.deployment.roles() for s in statements for action in s.actions}

    assert not granted & {"backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle", "ec2:DeleteSnapshot"}


def test_shorten_brings_the_end_of_the_backup_forward(new_flow: NewFlow) -> None:
    flow = new_flow(policy="shorten", deletion={"shorten_to_days": 3})

    flow.back_up()

    assert flow.point is not None
    assert flow.point.lifecycle == {"DeleteAfterDays": 3}
    assert flow.ledger()[0].status == "shortened"
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_legal_hold_placed_during_the_run_keeps_the_backup(new_flow: NewFlow) -> None:
    flow = new_flow()

    def hold() -> None:
        flow.cloud.administrator.client("backup").create_legal_hold(
            Title="lawsuit", Description="all of it", RecoveryPointSelection={"VaultNames": [VAULT]}
        )

    flow.when(ACTION, "Report", hold)

    flow.back_up()

    assert flow.point is not None
    assert _reason(flow) == "it is under legal hold: lawsuit"
    assert flow.cloud.audit.of("backup", "DeleteRecoveryPoint") == ()
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_locked_vault_keeps_the_backup_and_that_is_a_failure(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.vaults.vaults[VAULT].min_retention_days = 30

    flow.back_up()

    assert flow.main.status == "FAILED"
    assert "is locked" in flow.notices[0]["Message"]
    assert flow.point is not None
    assert broken(flow) == []


def test_deletion_that_was_answered_and_not_done_is_an_alarm(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.mishaps.keep_recovery_point()

    flow.back_up()

    assert flow.main.error == "DeletionUnproven"
    assert flow.point is not None
    assert flow.point.status == "EXPIRED"
    assert "the backup is still there" in flow.notices[0]["Message"]
    assert flow.evidence()["deletion"]["outcome"] == "unproven"
    assert broken(flow) == []


def test_deletion_that_never_ends_is_an_alarm_too(new_flow: NewFlow) -> None:
    flow = new_flow(durations=Durations(recovery_point_deleted_seconds=500_000))

    flow.back_up()

    assert flow.main.error == "DeletionUnproven"
    assert "is DELETING after DeleteRecoveryPoint" in flow.notices[0]["Message"]


@pytest.mark.parametrize(("value", "is_kept"), [("yes", False), ("no", True), (None, True)])
def test_only_backups_with_the_backup_tag_are_let_go(new_flow: NewFlow, value: str | None, is_kept: bool) -> None:
    flow = new_flow(deletion={"backup_tag": {"key": "let-go", "value": "yes"}})

    flow.back_up(tags={"let-go": value} if value else None)

    assert (flow.point is not None) is is_kept
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def _delete(flow: Flow, name: str) -> None:
    (key,) = (key for key in flow.stored() if key.endswith(name))
    flow.s3.delete_object(Bucket=flow.bucket, Key=key)


def _flip(flow: Flow, name: str) -> None:
    """One byte is another one; the object's own checksum agrees with it."""
    (key,) = (key for key in flow.stored() if key.endswith(name))
    data = bytearray(flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read())
    data[len(data) // 2] ^= 1
    flow.s3.put_object(Bucket=flow.bucket, Key=key, Body=bytes(data), ChecksumAlgorithm="CRC64NVME")


@pytest.mark.parametrize("tampering", [_delete, _flip])
@pytest.mark.parametrize("name", ["files.tar.zst", "index.parquet", "manifest.json", "verification.json"])
def test_archive_touched_after_its_verification_keeps_the_backup(new_flow: NewFlow, tampering: Any, name: str) -> None:
    flow = new_flow()
    flow.when(ACTION, "Succeeded", lambda: tampering(flow, name))

    flow.back_up()

    assert flow.point is not None
    assert flow.main.error == "NotProven"
    assert "not proven" in flow.notices[0]["Message"]
    assert flow.ledger()[0].status == "failed"
    assert flow.cloud.audit.of("backup", "DeleteRecoveryPoint") == ()


def test_an_unproven_archive_is_a_failure_also_where_backups_are_kept_anyway(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep")
    flow.when(ACTION, "Succeeded", lambda: _delete(flow, "files.tar.zst"))

    flow.back_up()

    assert flow.main.error == "NotProven"
    assert "files.tar.zst is not there" in flow.notices[0]["Message"]
    assert flow.ledger()[0].status == "failed"


def test_archive_damaged_before_its_verification_is_found_out(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.when(ACTION, "BeginVerification", lambda: _flip(flow, "files.tar.zst"))

    flow.back_up()

    assert flow.child.error == "NotVerified"
    assert "files.tar.zst" in str(flow.child.cause)
    assert flow.point is not None
    assert complete_archives_verify(flow) != []


def test_point_that_is_archived_already_is_only_verified(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep")
    flow.back_up()
    before = len(flow.cloud.audit.of("ec2", "CreateVolume"))

    with flow.cloud.clock.actor():
        flow.cloud.administrator.client("stepfunctions").start_execution(
            stateMachineArn=flow.main.machine.arn, name="again", input=json.dumps(flow.main.input)
        )
    flow.wait()

    again = flow.executions(MAIN)[1]
    assert again.status == "SUCCEEDED"
    assert len(flow.cloud.audit.of("ec2", "CreateVolume")) == before == 1
    assert [job.name.split("_")[1] for job in flow.cloud.jobs.jobs.values()] == ["archive", "verify", "verify"]
    assert complete_archives_verify(flow) == []
