"""Imports that fail: each cause has a name, is tried again, and in the end is a dead letter of which people know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest
from tests.flow.dumps import QUICK
from tests.flow.offsite import IMPORT, Accounts, buried, snapshots, two_accounts
from tests.flow.offsite_promises import broken

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

Trouble = Callable[[Accounts], object]


def export_key(accounts: Accounts) -> str:
    (copy,) = snapshots(accounts.source)
    return copy.key_arn


def disable_the_export_key(accounts: Accounts) -> None:
    accounts.source.cloud.administrator.client("kms").disable_key(KeyId=export_key(accounts))


def delete_the_export_key(accounts: Accounts) -> None:
    accounts.source.cloud.administrator.client("kms").schedule_key_deletion(
        KeyId=export_key(accounts), PendingWindowInDays=30
    )


def unshare(accounts: Accounts) -> None:
    (copy,) = snapshots(accounts.source)
    accounts.source.cloud.administrator.client("rds").modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier=copy.arn.rpartition(":")[2],
        AttributeName="restore",
        ValuesToRemove=["all", "444455556666"],
    )


def fill_the_quota(accounts: Accounts) -> None:
    accounts.separated.cloud.faults.on("rds", "CopyDBClusterSnapshot").fail("SnapshotQuotaExceeded").always()


TROUBLES: Mapping[str, tuple[Trouble, str]] = {
    "KeyDisabled": (disable_the_export_key, "is disabled"),
    "KeyPendingDeletion": (delete_the_export_key, "is pending deletion"),
    "NotShared": (unshare, "not shared with this account"),
    "QuotaExceeded": (fill_the_quota, "quota of snapshots"),
}


@pytest.mark.parametrize("error", TROUBLES)
def test_an_import_that_cannot_be_made_is_named_tried_again_and_told(
    error: str, tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer
) -> None:
    with two_accounts(
        tmp_path_factory.mktemp("failing"), flow_objects, importing={"attempts": 2}, durations=QUICK
    ) as accounts:
        trouble, reason = TROUBLES[error]
        accounts.source.when(IMPORT, "HoldLease", lambda: trouble(accounts))
        accounts.back_up(accounts.database(engine="aurora-postgresql"))

        assert {run.error for run in accounts.importing if run.status == "FAILED"} == {error}
        (letter,) = buried(accounts.separated)
        assert reason in letter["MessageAttributes"]["reason"]["StringValue"]
        assert any(error in notice["Subject"] for notice in accounts.separated.notices)
        assert accounts.source.point is not None
        assert broken(accounts) == []
