"""AWS Backup's copy jobs: asked for once, told of, and a point of its own in the other vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.calls import Refused
from backup_actions_local.services.backup_vaults import BackupVaults
from backup_actions_local.services.copy_jobs import CopyJobs

from .conftest import ZONE, Ask, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backup_actions_local.services.events import Event
    from backup_actions_local.services.recovery_points import Point

ROLE = "arn:aws:iam::111122223333:role/backup"
EFS = RecoveryPoint(
    Arn.parse("arn:aws:backup:us-east-1:111122223333:recovery-point:1b2c3d4e-5f60-4718-929a-abbccddeeff0"),
    "daily",
    Arn.parse("arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-0123456789abcdef0"),
    "EFS",
)


@pytest.fixture(name="vaults")
def _vaults(cloud: Cloud) -> Iterator[BackupVaults]:
    vaults = BackupVaults(clock=cloud.clock, store=cloud.store, emit=cloud.events.put, mishaps=cloud.mishaps)
    vaults.make_vault("daily")
    vaults.make_vault("second")
    yield vaults
    vaults.close()


@pytest.fixture(name="ask")
def _ask(cloud: Cloud, vaults: BackupVaults) -> Iterator[Ask]:
    copies = CopyJobs(vaults, cloud.store, emit=cloud.events.put, mishaps=cloud.mishaps)
    yield cloud.ask(copies)
    copies.close()


@pytest.fixture(name="told")
def _told(cloud: Cloud) -> list[Event]:
    return cloud.watch()


def _start(ask: Ask, point: Point, vaults: BackupVaults, **params: object) -> str:
    return str(
        ask(
            "StartCopyJob",
            RecoveryPointArn=point.arn,
            SourceBackupVaultName="daily",
            DestinationBackupVaultArn=vaults.vaults["second"].arn,
            IamRoleArn=ROLE,
            **params,
        )["CopyJobId"]
    )


def test_a_copy_of_a_volumes_backup_has_its_bytes_and_is_announced_with_its_own_arn(
    cloud: Cloud, ask: Ask, vaults: BackupVaults, image: Path, told: list[Event]
) -> None:
    snapshot = cloud.store.take_snapshot(cloud.store.make_volume(image, zone=ZONE))
    arn = Arn.parse(cloud.place.arn("ec2", f"snapshot/{snapshot}", account=""))
    source = vaults.plant(RecoveryPoint(arn, "daily", Arn.parse(cloud.place.arn("ec2", "volume/vol-1")), "EBS"))
    job = _start(ask, source, vaults, Lifecycle={"DeleteAfterDays": 30})
    cloud.clock.sleep(600)
    (copy,) = vaults.points("second")
    described = ask("DescribeCopyJob", CopyJobId=job)["CopyJob"]
    created, running, completed = [each["detail"] for each in told if each["detail-type"] == "Copy Job State Change"]

    assert cloud.store.snapshot(copy.of.native_id).image.read_bytes() == image.read_bytes()
    assert copy.lifecycle == {"DeleteAfterDays": 30}
    assert (described["State"], described["DestinationRecoveryPointArn"]) == ("COMPLETED", copy.arn)
    assert "destinationRecoveryPointArn" not in created
    assert running["destinationRecoveryPointArn"] == {}
    assert (completed["destinationRecoveryPointArn"], completed["backupSizeInBytes"]) == (copy.arn, 1 << 30)


def test_one_token_is_one_copy_and_copies_are_found_by_their_source(
    cloud: Cloud, ask: Ask, vaults: BackupVaults
) -> None:
    source = vaults.plant(EFS)
    jobs = {_start(ask, source, vaults, IdempotencyToken="run-1") for _ in range(2)}
    cloud.clock.sleep(600)
    found = ask("ListCopyJobs", BySourceRecoveryPointArn=source.arn, ByState="COMPLETED")["CopyJobs"]

    assert {each["CopyJobId"] for each in found} == jobs
    assert len(vaults.points("second")) == len(jobs) == 1
    assert ask("ListCopyJobs", BySourceRecoveryPointArn="arn:aws:backup:::another")["CopyJobs"] == []


def test_a_copy_that_fails_leaves_no_point(cloud: Cloud, ask: Ask, vaults: BackupVaults) -> None:
    cloud.mishaps.copy_job_fails()
    job = _start(ask, vaults.plant(EFS), vaults)
    cloud.clock.sleep(600)

    assert ask("DescribeCopyJob", CopyJobId=job)["CopyJob"]["State"] == "FAILED"
    assert vaults.points("second") == []
    cloud.mishaps.assert_all_happened()


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        ("arn:aws:backup:us-east-1:111122223333:backup-vault:none", "ResourceNotFoundException"),
        ("arn:aws:backup:eu-west-1:111122223333:backup-vault:second", "NotEmbedded"),
        ("second", "InvalidParameterValueException"),
    ],
)
def test_a_vault_that_is_not_there_is_refused(destination: str, code: str, ask: Ask, vaults: BackupVaults) -> None:
    point = vaults.plant(EFS)

    with pytest.raises(Refused) as refused:
        ask(
            "StartCopyJob",
            RecoveryPointArn=point.arn,
            SourceBackupVaultName="daily",
            DestinationBackupVaultArn=destination,
            IamRoleArn=ROLE,
        )

    assert refused.value.code == code
