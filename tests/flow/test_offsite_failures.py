"""Imports that fail: each cause has a name, is tried again, and in the end is a dead letter of which people know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
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


TROUBLES: Mapping[str, tuple[Trouble, str, int]] = {
    "KeyDisabled": (disable_the_export_key, "is disabled", 2),
    "KeyPendingDeletion": (delete_the_export_key, "is pending deletion", 1),
    "NotShared": (unshare, "not shared with this account", 2),
    "QuotaExceeded": (fill_the_quota, "quota of snapshots", 1),
}
"""What the error is called: what happens, a part of the reason, and how often it is tried."""


@pytest.mark.parametrize("error", TROUBLES)
def test_an_import_that_cannot_be_made_is_named_told_and_in_the_end_a_dead_letter(
    error: str, tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer
) -> None:
    trouble, reason, attempts = TROUBLES[error]
    with two_accounts(
        tmp_path_factory.mktemp("failing"), flow_objects, importing={"attempts": attempts}, durations=QUICK
    ) as accounts:
        accounts.source.when(IMPORT, "HoldLease", lambda: trouble(accounts))
        accounts.back_up(accounts.database(engine="aurora-postgresql"))

        assert {run.error for run in accounts.importing if run.status == "FAILED"} == {error}
        (letter,) = buried(accounts.separated)
        assert reason in letter["MessageAttributes"]["reason"]["StringValue"]
        assert any(error in notice["Subject"] for notice in accounts.separated.notices)
        assert accounts.source.point is not None
        assert broken(accounts) == []


def test_an_import_that_fails_once_is_made_by_the_next_attempt(tmp_path: Path, flow_objects: ObjectServer) -> None:
    with two_accounts(tmp_path, flow_objects, durations=QUICK) as accounts:
        accounts.separated.cloud.mishaps.snapshot_copy_fails()  # the copy of the separated account's own
        accounts.back_up(accounts.database(engine="aurora-postgresql"))

        (imported,) = accounts.imports()
        assert (imported.attempt, imported.is_verified) == (2, True)
        assert accounts.source.main.status == "SUCCEEDED", accounts.copying.cause
        assert broken(accounts) == []
