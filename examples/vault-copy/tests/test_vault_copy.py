"""The action owes what every action does; its own truths are tested below that."""

from __future__ import annotations

from pathlib import Path

import pytest
from backup_actions.errors import SettingInvalid
from backup_actions_local.cloud import Cloud
from backup_actions_local.seaweed import ObjectServer
from backup_actions_testing import ActionContract
from backup_actions_testing.trials import begun

from vault_copy import ACTION
from vault_copy.settings import VaultCopySettings


class TestVaultCopy(ActionContract):
    """Run ``pytest --sweep`` now and then: it tries every single fault."""

    action = ACTION
    faults_tried, stops_tried = 2, 1  # each is a run of its own
    kept = {"StartCopy": "the copy is what is wanted; AWS Backup finishes it or undoes it by itself"}

    def test_it_waits_while_the_account_copies_as_much_as_it_may(self, objects: ObjectServer, tmp_path: Path) -> None:
        with begun(ACTION, tmp_path, objects) as run:
            run.cloud.faults.on("backup", "StartCopyJob").fail("LimitExceededException").times(30)
            run.back_up()
            seconds = _seconds(run.cloud)

            assert run.result["succeeded"]
            assert seconds > 30 * 600

    def test_a_copy_job_that_fails_is_told_with_its_reason(self, objects: ObjectServer, tmp_path: Path) -> None:
        with begun(ACTION, tmp_path, objects) as run:
            run.cloud.mishaps.copy_job_fails()
            run.back_up()

            assert run.result["error"] == "CopyFailed"
            assert run.result["cause"].endswith("is FAILED: The copy job failed.")
            assert run.broken() == []


def _seconds(cloud: Cloud) -> float:
    """What the longest execution took."""
    executions = cloud.stepfunctions.executions()
    return max((each.stopped - each.started).total_seconds() for each in executions if each.stopped)


def test_it_is_no_reason_to_delete_a_backup() -> None:
    assert not ACTION.restorable


def test_without_a_vault_it_cannot_be_enabled() -> None:
    with pytest.raises(SettingInvalid, match="nowhere to copy to"):
        VaultCopySettings().require_complete()


@pytest.mark.parametrize("arn", ["second", "arn:aws:backup:us-east-1:1:backup-vault:second"])
def test_a_vault_is_named_by_its_arn(arn: str) -> None:
    with pytest.raises(SettingInvalid, match="it must look like"):
        VaultCopySettings(destination_vault_arn=arn)
