"""AWS Backup: jobs make real snapshots and say so; recovery points go, or stay against the caller's will."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.model.arn import Arn
from backup_actions.model.event import Ignored, parse_event
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.calls import Refused
from backup_actions_local.services.backup import Backup
from backup_actions_local.services.backup_vaults import BackupVaults

from .conftest import ZONE, Ask, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backup_actions_local.services.events import Event

VAULT, ROLE = "daily", "arn:aws:iam::111122223333:role/backup"


@pytest.fixture(name="vaults")
def _vaults(cloud: Cloud) -> Iterator[BackupVaults]:
    vaults = BackupVaults(clock=cloud.clock, store=cloud.store, emit=cloud.events.put, mishaps=cloud.mishaps)
    vaults.make_vault(VAULT)
    yield vaults
    vaults.close()


@pytest.fixture(name="backup")
def _backup(cloud: Cloud, vaults: BackupVaults) -> Ask:
    return cloud.ask(Backup(vaults))


@pytest.fixture(name="told")
def _told(cloud: Cloud) -> list[Event]:
    return cloud.watch()


def _backed_up(cloud: Cloud, backup: Ask, image: Path, vault: str = VAULT, **params: Any) -> str:
    """The ARN of a finished recovery point of the image."""
    volume = cloud.store.make_volume(image, zone=ZONE, tags={"Name": "data"}, kms_key_id="key-1")
    arn = cloud.place.arn("ec2", f"volume/{volume}")
    job = backup("StartBackupJob", BackupVaultName=vault, ResourceArn=arn, IamRoleArn=ROLE, **params)["BackupJobId"]
    cloud.clock.sleep(600)
    return str(backup("DescribeBackupJob", BackupJobId=job)["RecoveryPointArn"])


def _refusal(ask: Ask, operation: str, **params: object) -> str:
    with pytest.raises(Refused) as refused:
        ask(operation, **params)
    return refused.value.code


def _status(backup: Ask, arn: str) -> str:
    return str(backup("DescribeRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)["Status"])


def _details(told: list[Event], detail_type: str) -> list[dict[str, Any]]:
    return [event["detail"] for event in told if event["detail-type"] == detail_type]


def test_a_backup_holds_the_bytes_tags_and_key_of_its_volume(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = _backed_up(cloud, backup, image, RecoveryPointTags={"plan": "gold"})
    point = backup("DescribeRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)
    snapshot = cloud.store.snapshot(arn.rpartition("/")[2])

    assert snapshot.image.read_bytes() == image.read_bytes()
    assert (point["Status"], point["ResourceType"], point["IsEncrypted"]) == ("COMPLETED", "EBS", True)
    assert (point["EncryptionKeyArn"], point["BackupSizeInBytes"]) == ("key-1", 1 << 30)
    assert backup("ListTags", ResourceArn=arn)["Tags"] == {"Name": "data", "plan": "gold"}


def test_the_source_may_change_while_its_backup_does_not(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = _backed_up(cloud, backup, image)
    (volume,) = cloud.store.volumes()
    with volume.image.open("r+b") as writing:
        writing.write(b"changed")

    assert cloud.store.snapshot(arn.rpartition("/")[2]).image.read_bytes() == image.read_bytes()


def test_a_backup_job_goes_through_its_states_and_tells_them(
    cloud: Cloud, backup: Ask, image: Path, told: list[Event]
) -> None:
    arn = _backed_up(cloud, backup, image)
    jobs = [event for event in told if event["detail-type"] == "Backup Job State Change"]

    assert [event["detail"]["state"] for event in jobs] == ["CREATED", "RUNNING", "COMPLETED"]
    assert [event["resources"] for event in jobs] == [[], [], [arn]]
    assert set(jobs[0]["detail"]) == {"backupJobId", "state", "creationDate"}
    assert "recoveryPointArn" not in jobs[2]["detail"]
    assert jobs[2]["detail"]["backupSizeInBytes"] == str(1 << 30)


def test_a_recovery_point_event_has_a_status_and_texts(
    cloud: Cloud, backup: Ask, image: Path, told: list[Event]
) -> None:
    _backed_up(cloud, backup, image, Lifecycle={"DeleteAfterDays": 35})
    (detail,) = _details(told, "Recovery Point State Change")

    assert (detail["status"], detail["isEncrypted"]) == ("COMPLETED", "true")
    assert "state" not in detail
    assert detail["lifecycle"] == {"deleteAfterDays": 35}
    assert detail["calculatedLifeCycle"] == {"deleteAt": "2026-02-19T03:00:00.000Z"}


def test_all_routes_announce_the_same_recovery_point(
    cloud: Cloud, backup: Ask, vaults: BackupVaults, image: Path, told: list[Event]
) -> None:
    arn = _backed_up(cloud, backup, image)
    vaults.announce_older(next(iter(vaults.jobs.values())))
    vaults.announce_older(next(iter(vaults.jobs.values())), "AWS API Call via CloudTrail")
    cloud.clock.sleep(5)
    parsed = [parse_event(event) for event in told]
    announced = [one for one in parsed if not isinstance(one, Ignored)]

    assert {str(one.arn) for one in announced} == {arn}
    assert len(announced) == 4


def test_a_job_of_a_volume_that_is_not_there_fails(cloud: Cloud, backup: Ask, told: list[Event]) -> None:
    arn = cloud.place.arn("ec2", "volume/vol-0123456789abcdef0")
    job = backup("StartBackupJob", BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    cloud.clock.sleep(600)

    assert backup("DescribeBackupJob", BackupJobId=job)["State"] == "FAILED"
    assert _details(told, "Backup Job State Change")[-1]["state"] == "FAILED"


def test_more_tags_than_there_may_be_fail_the_job(cloud: Cloud, backup: Ask, image: Path) -> None:
    volume = cloud.store.make_volume(image, zone=ZONE, tags={f"t{n}": "" for n in range(45)})
    job = backup(
        "StartBackupJob",
        BackupVaultName=VAULT,
        ResourceArn=cloud.place.arn("ec2", f"volume/{volume}"),
        IamRoleArn=ROLE,
        RecoveryPointTags={f"p{n}": "" for n in range(6)},
    )["BackupJobId"]
    cloud.clock.sleep(600)

    assert backup("DescribeBackupJob", BackupJobId=job)["State"] == "FAILED"


def test_the_same_idempotency_token_starts_one_job(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = cloud.place.arn("ec2", f"volume/{cloud.store.make_volume(image, zone=ZONE)}")
    asked = {"BackupVaultName": VAULT, "ResourceArn": arn, "IamRoleArn": ROLE, "IdempotencyToken": "once"}

    assert backup("StartBackupJob", **asked) == backup("StartBackupJob", **asked)


def test_a_job_has_the_time_to_begin_that_it_was_given(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = cloud.place.arn("ec2", f"volume/{cloud.store.make_volume(image, zone=ZONE)}")
    asked: dict[str, Any] = {"BackupVaultName": VAULT, "ResourceArn": arn, "IamRoleArn": ROLE}
    started = [backup("StartBackupJob", **asked, **more) for more in ({}, {"StartWindowMinutes": 60})]
    jobs = [backup("DescribeBackupJob", BackupJobId=each["BackupJobId"]) for each in started]

    assert [job["StartBy"] - job["CreationDate"] for job in jobs] == [timedelta(hours=8), timedelta(hours=1)]
    assert _refusal(backup, "StartBackupJob", **asked, StartWindowMinutes=59) == "InvalidParameterValueException"


def test_a_deleted_point_is_deleting_and_then_gone_with_its_snapshot(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = _backed_up(cloud, backup, image)
    backup("DeleteRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)
    status = _status(backup, arn)
    again = _refusal(backup, "DeleteRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)
    cloud.clock.sleep(600)

    assert (status, again) == ("DELETING", "InvalidResourceStateException")
    gone = _refusal(backup, "DescribeRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)
    assert gone == "ResourceNotFoundException"
    assert not cloud.store.snapshots()


def test_a_deletion_that_is_answered_may_leave_the_point_expired(
    cloud: Cloud, backup: Ask, image: Path, told: list[Event]
) -> None:
    arn = _backed_up(cloud, backup, image)
    cloud.mishaps.keep_recovery_point()
    answer = backup("DeleteRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)
    cloud.clock.sleep(600)

    assert answer == {}
    assert _status(backup, arn) == "EXPIRED"
    assert [d["status"] for d in _details(told, "Recovery Point State Change")] == ["COMPLETED", "DELETING", "EXPIRED"]
    assert len(cloud.store.snapshots()) == 1


def test_a_point_under_a_legal_hold_cannot_be_deleted_until_the_hold_ends(
    cloud: Cloud, backup: Ask, image: Path
) -> None:
    arn = _backed_up(cloud, backup, image)
    hold = backup(
        "CreateLegalHold",
        Title="case",
        Description="a case",
        RecoveryPointSelection={"VaultNames": [VAULT]},
    )["LegalHoldId"]
    refused = _refusal(backup, "DeleteRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)
    held = backup("ListRecoveryPointsByLegalHold", LegalHoldId=hold)["RecoveryPoints"]
    backup("CancelLegalHold", LegalHoldId=hold, CancelDescription="over")
    backup("DeleteRecoveryPoint", BackupVaultName=VAULT, RecoveryPointArn=arn)

    assert refused == "InvalidRequestException"
    assert [one["RecoveryPointArn"] for one in held] == [arn]
    assert [one["Status"] for one in backup("ListLegalHolds")["LegalHolds"]] == ["CANCELED"]


def test_a_hold_covers_only_what_it_selected(cloud: Cloud, backup: Ask, image: Path) -> None:
    _backed_up(cloud, backup, image)
    before = cloud.clock.now() - timedelta(days=2)
    dates = {"FromDate": before, "ToDate": before + timedelta(days=1)}
    hold = backup(
        "CreateLegalHold",
        Title="t",
        Description="d",
        RecoveryPointSelection={"VaultNames": [VAULT], "DateRange": dates},
    )["LegalHoldId"]

    assert backup("ListRecoveryPointsByLegalHold", LegalHoldId=hold)["RecoveryPoints"] == []


def test_a_locked_vault_keeps_its_points_and_their_retention(
    cloud: Cloud, backup: Ask, vaults: BackupVaults, image: Path
) -> None:
    vaults.make_vault("locked", min_retention_days=30)
    arn = _backed_up(cloud, backup, image, "locked")
    where = {"BackupVaultName": "locked", "RecoveryPointArn": arn}

    assert _refusal(backup, "DeleteRecoveryPoint", **where) == "InvalidRequestException"
    shorter = _refusal(backup, "UpdateRecoveryPointLifecycle", **where, Lifecycle={"DeleteAfterDays": 7})
    assert shorter == "InvalidRequestException"
    assert backup("DescribeBackupVault", BackupVaultName="locked")["Locked"] is True


def test_a_lifecycle_can_be_shortened(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = _backed_up(cloud, backup, image, Lifecycle={"DeleteAfterDays": 100})
    where = {"BackupVaultName": VAULT, "RecoveryPointArn": arn}
    changed = backup("UpdateRecoveryPointLifecycle", **where, Lifecycle={"DeleteAfterDays": 7})
    created = backup("DescribeRecoveryPoint", **where)["CreationDate"]

    assert changed["CalculatedLifecycle"] == {"DeleteAt": created + timedelta(days=7)}


def test_a_lifecycle_that_contradicts_itself_is_refused(cloud: Cloud, backup: Ask, image: Path) -> None:
    arn = _backed_up(cloud, backup, image)
    lifecycle = {"MoveToColdStorageAfterDays": 10, "DeleteAfterDays": 99}

    refused = _refusal(
        backup, "UpdateRecoveryPointLifecycle", BackupVaultName=VAULT, RecoveryPointArn=arn, Lifecycle=lifecycle
    )
    assert refused == "InvalidParameterValueException"


def test_points_of_any_type_can_be_planted_and_are_listed_in_pages(
    cloud: Cloud, backup: Ask, vaults: BackupVaults, told: list[Event]
) -> None:
    for number in range(5):
        vaults.plant(
            RecoveryPoint(
                Arn.parse(cloud.place.arn("rds", f"snapshot:awsbackup:job-{number}")),
                VAULT,
                Arn.parse(cloud.place.arn("rds", "db:orders")),
                "RDS",
            )
        )
    cloud.clock.sleep(5)
    first = backup("ListRecoveryPointsByBackupVault", BackupVaultName=VAULT, MaxResults=3)
    second = backup(
        "ListRecoveryPointsByBackupVault", BackupVaultName=VAULT, MaxResults=3, NextToken=first["NextToken"]
    )

    assert (len(first["RecoveryPoints"]), len(second["RecoveryPoints"])) == (3, 2)
    assert not backup("ListRecoveryPointsByBackupVault", BackupVaultName=VAULT, ByResourceType="EBS")["RecoveryPoints"]
    assert len(told) == 5


def test_an_unknown_vault_is_refused_like_somebody_elses(backup: Ask) -> None:
    arn = "arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0"

    assert _refusal(backup, "DescribeBackupVault", BackupVaultName="nobodys") == "AccessDeniedException"
    asked = {"BackupVaultName": "nobodys", "RecoveryPointArn": arn}
    assert _refusal(backup, "DescribeRecoveryPoint", **asked) == "AccessDeniedException"


def test_an_unknown_point_and_an_arn_that_is_none_are_told_apart(backup: Ask) -> None:
    arn = "arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0"

    asked = {"BackupVaultName": VAULT, "RecoveryPointArn": arn}
    assert _refusal(backup, "DescribeRecoveryPoint", **asked) == "ResourceNotFoundException"
    asked = {"BackupVaultName": VAULT, "RecoveryPointArn": "snap-1"}
    assert _refusal(backup, "DescribeRecoveryPoint", **asked) == "InvalidParameterValueException"


def test_vaults_are_made_once_and_listed(backup: Ask) -> None:
    backup("CreateBackupVault", BackupVaultName="weekly", BackupVaultTags={"a": "b"})

    assert _refusal(backup, "CreateBackupVault", BackupVaultName="weekly") == "AlreadyExistsException"
    assert [one["BackupVaultName"] for one in backup("ListBackupVaults")["BackupVaultList"]] == [VAULT, "weekly"]


def test_what_was_going_on_when_it_was_closed_stays_where_it_was(
    cloud: Cloud, backup: Ask, vaults: BackupVaults, image: Path
) -> None:
    arn = cloud.place.arn("ec2", f"volume/{cloud.store.make_volume(image, zone=ZONE)}")
    job = backup("StartBackupJob", BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    vaults.close()
    cloud.clock.sleep(600)

    assert backup("DescribeBackupJob", BackupJobId=job)["State"] == "CREATED"
