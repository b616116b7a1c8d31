"""A backup of an instance is an image with a snapshot of each volume, which goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backup_actions_local.calls import Refused
from backup_actions_local.services.backup import Backup
from backup_actions_local.services.backup_vaults import BackupVaults
from backup_actions_local.services.machine_images import MachineImages

from .conftest import ZONE, Cloud

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "arn:aws:iam::111122223333:role/backup"


def test_a_backup_of_an_instance_is_an_image_with_the_bytes_of_each_volume(cloud: Cloud, image: Path) -> None:
    machines = MachineImages(cloud.store)
    vaults = BackupVaults(
        clock=cloud.clock, store=cloud.store, emit=cloud.events.put, mishaps=cloud.mishaps, sources=[machines]
    )
    vaults.make_vault("daily")
    ask = cloud.ask(Backup(vaults), machines)
    root = cloud.store.make_volume(image, zone=ZONE)
    data = cloud.store.make_volume(image, zone=ZONE, kms_key_id="key-1")
    instance = machines.make_instance({"/dev/xvda": root, "/dev/sdf": data}, boot_mode="uefi", tags={"Name": "web"})
    resource = cloud.place.arn("ec2", f"instance/{instance}")

    job = ask("StartBackupJob", BackupVaultName="daily", ResourceArn=resource, IamRoleArn=ROLE)["BackupJobId"]
    cloud.clock.sleep(70)
    (begun,) = ask("DescribeImages")["Images"]
    cloud.clock.sleep(600)
    arn = ask("DescribeBackupJob", BackupJobId=job)["RecoveryPointArn"]
    image_id = arn.rpartition("/")[2]
    (found,) = ask("DescribeImages", ImageIds=[image_id])["Images"]
    mappings = {each["DeviceName"]: each["Ebs"] for each in found["BlockDeviceMappings"]}

    assert (begun["State"], found["State"]) == ("pending", "available")
    assert arn == f"arn:aws:ec2:us-east-1::image/{found['ImageId']}"
    assert (found["BootMode"], found["RootDeviceName"]) == ("uefi", "/dev/xvda")
    assert [mappings[device]["Encrypted"] for device in ("/dev/xvda", "/dev/sdf")] == [False, True]
    for mapping in mappings.values():
        assert cloud.store.snapshot(mapping["SnapshotId"]).image.read_bytes() == image.read_bytes()
    assert machines.tags_of(arn)["aws:backup:source-resource"] == f"{instance}:{job}"
    assert ask("DescribeImageAttribute", ImageId=image_id, Attribute="launchPermission")["LaunchPermissions"] == []

    ask("DeleteRecoveryPoint", BackupVaultName="daily", RecoveryPointArn=arn)
    cloud.clock.sleep(600)
    vaults.close()

    assert not cloud.store.snapshots()
    with pytest.raises(Refused, match="does not exist"):
        ask("DescribeImages", ImageIds=[image_id])


def test_there_is_no_backup_of_an_instance_that_is_not_there(cloud: Cloud) -> None:
    machines = MachineImages(cloud.store)
    vaults = BackupVaults(
        clock=cloud.clock, store=cloud.store, emit=cloud.events.put, mishaps=cloud.mishaps, sources=[machines]
    )
    vaults.make_vault("daily")
    ask = cloud.ask(Backup(vaults))
    resource = cloud.place.arn("ec2", "instance/i-0123456789abcdef0")

    job = ask("StartBackupJob", BackupVaultName="daily", ResourceArn=resource, IamRoleArn=ROLE)["BackupJobId"]
    cloud.clock.sleep(600)
    vaults.close()

    assert ask("DescribeBackupJob", BackupJobId=job)["State"] == "FAILED"
