"""The services as boto3 sees them through the front: parameters arrive, answers and errors are understood."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions_local.clock import START
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.backup import Backup
from backup_actions_local.services.backup_vaults import BackupVaults

from .conftest import ZONE, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import boto3

ROLE = "arn:aws:iam::111122223333:role/backup"


@pytest.fixture(name="session")
def _session(cloud: Cloud) -> Iterator[boto3.Session]:
    vaults = BackupVaults(clock=cloud.clock, store=cloud.store, emit=cloud.events.put, mishaps=cloud.mishaps)
    vaults.make_vault("daily", tags={"a": "b"})
    services = (Backup(vaults), cloud.events)
    roles = Roles(cloud.clock)
    with Front(clock=cloud.clock, roles=roles, faults=Faults(), audit=Audit(), services=services) as front:
        yield front.administrator
        vaults.close()


@pytest.fixture(name="point")
def _point(cloud: Cloud, session: boto3.Session, image: Path) -> dict[str, Any]:
    """A finished recovery point, as it is listed."""
    backup = session.client("backup")
    arn = cloud.place.arn("ec2", f"volume/{cloud.store.make_volume(image, zone=ZONE)}")
    backup.start_backup_job(BackupVaultName="daily", ResourceArn=arn, IamRoleArn=ROLE)
    cloud.clock.sleep(600)
    (point,) = backup.list_recovery_points_by_backup_vault(BackupVaultName="daily")["RecoveryPoints"]
    return dict(point)


def test_a_recovery_point_is_described_with_real_times(session: boto3.Session, point: dict[str, Any]) -> None:
    backup = session.client("backup")
    where = {"BackupVaultName": "daily", "RecoveryPointArn": point["RecoveryPointArn"]}
    described = backup.describe_recovery_point(**where)
    changed = backup.update_recovery_point_lifecycle(**where, Lifecycle={"DeleteAfterDays": 3})

    assert described["CreationDate"] == START
    assert isinstance(described["CompletionDate"], datetime)
    assert changed["CalculatedLifecycle"]["DeleteAt"] == START + timedelta(days=3)


@pytest.mark.parametrize(("bound", "found"), [("ByCreatedAfter", 0), ("ByCreatedBefore", 1)])
def test_points_are_listed_by_time(session: boto3.Session, point: dict[str, Any], bound: str, found: int) -> None:
    asked: dict[str, Any] = {bound: point["CreationDate"] + timedelta(seconds=1)}
    listed = session.client("backup").list_recovery_points_by_backup_vault(BackupVaultName="daily", **asked)

    assert len(listed["RecoveryPoints"]) == found


def test_a_hold_between_two_dates_is_understood(session: boto3.Session, point: dict[str, Any]) -> None:
    backup = session.client("backup")
    dates = {"FromDate": START - timedelta(days=1), "ToDate": START + timedelta(days=1)}
    selection: Any = {"VaultNames": ["daily"], "DateRange": dates}
    hold = backup.create_legal_hold(Title="case", Description="a case", RecoveryPointSelection=selection)
    held = backup.list_recovery_points_by_legal_hold(LegalHoldId=hold["LegalHoldId"])["RecoveryPoints"]

    assert [one["RecoveryPointArn"] for one in held] == [point["RecoveryPointArn"]]
    with pytest.raises(backup.exceptions.InvalidRequestException, match="legal hold"):
        backup.delete_recovery_point(BackupVaultName="daily", RecoveryPointArn=point["RecoveryPointArn"])


def test_a_deleted_point_is_first_busy_and_then_not_found(
    cloud: Cloud, session: boto3.Session, point: dict[str, Any]
) -> None:
    backup = session.client("backup")
    where = {"BackupVaultName": "daily", "RecoveryPointArn": point["RecoveryPointArn"]}
    backup.delete_recovery_point(**where)
    with pytest.raises(backup.exceptions.InvalidResourceStateException):
        backup.delete_recovery_point(**where)
    cloud.clock.sleep(600)

    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.describe_recovery_point(**where)


def test_tags_of_vaults_are_listed(cloud: Cloud, session: boto3.Session) -> None:
    arn = cloud.place.arn("backup", "backup-vault:daily")

    assert session.client("backup").list_tags(ResourceArn=arn)["Tags"] == {"a": "b"}


def test_an_event_keeps_the_time_that_it_was_put_with(cloud: Cloud, session: boto3.Session) -> None:
    taken = cloud.watch()
    entry: Any = {"Source": "my.app", "DetailType": "T", "Detail": "{}", "Time": START - timedelta(hours=1)}
    answer = session.client("events").put_events(Entries=[entry])
    cloud.clock.sleep(5)

    assert answer["FailedEntryCount"] == 0
    assert [event["time"] for event in taken] == ["2026-01-15T02:00:00Z"]
