"""Volumes as EC2 has them: limits, states over time, attachments, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backup_actions.errors import DeviceUnavailable, DiskFull
from backup_actions_local.calls import Refused
from backup_actions_local.services import images
from backup_actions_local.services.hosting.devices import PlainFiles

from .conftest import ZONE, Ask, Cloud

if TYPE_CHECKING:
    from pathlib import Path
import shutil
from types import SimpleNamespace


def _refusal(ask: Ask, operation: str, **params: object) -> str:
    with pytest.raises(Refused) as refused:
        ask(operation, **params)
    return refused.value.code


@pytest.fixture(name="snapshot_id")
def _snapshot_id(cloud: Cloud, image: Path) -> str:
    return cloud.store.take_snapshot(cloud.store.make_volume(image, zone=ZONE, kms_key_id="key-1"))


@pytest.fixture(name="volume_id")
def _volume_id(cloud: Cloud, image: Path) -> str:
    return cloud.store.make_volume(image, zone=ZONE)


def _state(ask: Ask, volume_id: str) -> str:
    return str(ask("DescribeVolumes", VolumeIds=[volume_id])["Volumes"][0]["State"])


def test_a_new_volume_is_creating_and_then_available(cloud: Cloud, ec2: Ask) -> None:
    volume = ec2("CreateVolume", AvailabilityZone=ZONE, Size=1, VolumeType="gp3")
    states = [volume["State"], _state(ec2, volume["VolumeId"])]
    cloud.clock.sleep(10)

    assert [*states, _state(ec2, volume["VolumeId"])] == ["creating", "creating", "available"]


def test_a_volume_from_a_snapshot_has_its_bytes_its_key_and_no_more_blocks(
    cloud: Cloud, ec2: Ask, image: Path, snapshot_id: str
) -> None:
    volume = ec2("CreateVolume", AvailabilityZone=ZONE, SnapshotId=snapshot_id, VolumeType="gp3")
    made = cloud.store.volume(volume["VolumeId"]).image

    assert made.read_bytes() == image.read_bytes()
    assert images.allocated_bytes(made) <= images.allocated_bytes(image)
    assert (volume["Encrypted"], volume["KmsKeyId"], volume["SnapshotId"]) == (True, "key-1", snapshot_id)


def test_a_volume_may_be_larger_than_its_snapshot(cloud: Cloud, ec2: Ask, snapshot_id: str) -> None:
    volume = ec2("CreateVolume", AvailabilityZone=ZONE, SnapshotId=snapshot_id, Size=2, VolumeType="gp3")

    assert cloud.store.volume(volume["VolumeId"]).image.stat().st_size == 2 * images.GIB


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"AvailabilityZone": "us-east-1z", "Size": 1}, "InvalidZone.NotFound"),
        ({"Size": 1, "Iops": 2999}, "InvalidParameterValue"),
        ({"Size": 1, "Iops": 3001}, "InvalidParameterValue"),
        ({"Size": 100, "Throughput": 751}, "InvalidParameterValue"),
        ({"Size": 100, "Throughput": 124}, "InvalidParameterValue"),
        ({"Size": 70_000}, "InvalidParameterValue"),
        ({"Size": 1, "VolumeInitializationRate": 100}, "InvalidParameterCombination"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ({}, "MissingParameter"),
        ({"Size": 1, "VolumeType": "gp2", "Iops": 3000}, "InvalidParameterCombination"),
        ({"Size": 1, "MultiAttachEnabled": True}, "NotEmbedded"),
    ],
)
def test_a_volume_outside_the_limits_is_refused(ec2: Ask, params: dict[str, object], code: str) -> None:
    assert _refusal(ec2, "CreateVolume", **{"AvailabilityZone": ZONE, "VolumeType": "gp3", **params}) == code


@pytest.mark.parametrize(("rate", "is_taken"), [(99, False), (100, True), (300, True), (301, False)])
def test_the_initialization_rate_is_between_100_and_300(ec2: Ask, snapshot_id: str, rate: int, is_taken: bool) -> None:
    params = {"AvailabilityZone": ZONE, "SnapshotId": snapshot_id, "VolumeType": "gp3"}
    if is_taken:
        assert ec2("CreateVolume", **params, VolumeInitializationRate=rate)["VolumeInitializationRate"] == rate
    else:
        assert _refusal(ec2, "CreateVolume", **params, VolumeInitializationRate=rate) == "InvalidParameterValue"


def test_a_volume_smaller_than_its_snapshot_is_refused(cloud: Cloud, ec2: Ask) -> None:
    snapshot = cloud.store.take_snapshot(cloud.store.make_volume(None, zone=ZONE, size_gib=2))

    assert _refusal(ec2, "CreateVolume", AvailabilityZone=ZONE, SnapshotId=snapshot, Size=1) == "InvalidParameterValue"


def test_the_same_client_token_makes_one_volume(cloud: Cloud, ec2: Ask) -> None:
    asked = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "once"}
    first, second = ec2("CreateVolume", **asked), ec2("CreateVolume", **asked)

    assert first["VolumeId"] == second["VolumeId"]
    assert len(cloud.store.volumes()) == 1


def test_a_client_token_with_other_parameters_is_refused(ec2: Ask) -> None:
    ec2("CreateVolume", AvailabilityZone=ZONE, Size=1, ClientToken="once")

    code = _refusal(ec2, "CreateVolume", AvailabilityZone=ZONE, Size=2, ClientToken="once")
    assert code == "IdempotentParameterMismatch"


def test_a_zone_without_capacity_refuses_and_another_does_not(cloud: Cloud, ec2: Ask) -> None:
    cloud.mishaps.no_volume_capacity(ZONE)

    assert _refusal(ec2, "CreateVolume", AvailabilityZone=ZONE, Size=1) == "InsufficientVolumeCapacity"
    assert ec2("CreateVolume", AvailabilityZone="us-east-1b", Size=1)["State"] == "creating"
    cloud.mishaps.assert_all_happened()


def test_volumes_beyond_the_account_s_quota_are_refused_until_one_is_gone(cloud: Cloud, ec2: Ask) -> None:
    cloud.store.quota_gib = 3
    first = ec2("CreateVolume", AvailabilityZone=ZONE, Size=2)
    cloud.clock.sleep(10)

    assert _refusal(ec2, "CreateVolume", AvailabilityZone="us-east-1b", Size=2) == "VolumeLimitExceeded"
    assert ec2("CreateVolume", AvailabilityZone=ZONE, Size=1)["State"] == "creating"
    ec2("DeleteVolume", VolumeId=first["VolumeId"])
    cloud.clock.sleep(60)
    assert ec2("CreateVolume", AvailabilityZone=ZONE, Size=2)["State"] == "creating"


def test_a_volume_can_be_planned_to_end_in_error(cloud: Cloud, ec2: Ask) -> None:
    cloud.mishaps.volume_fails()
    volume = ec2("CreateVolume", AvailabilityZone=ZONE, Size=1)
    cloud.clock.sleep(10)

    assert _state(ec2, volume["VolumeId"]) == "error"


def test_volumes_are_found_by_tag_status_and_instance(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "made-by", "Value": "run-1"}]}]
    tagged = ec2("CreateVolume", AvailabilityZone=ZONE, Size=1, TagSpecifications=tags)["VolumeId"]
    instance = cloud.store.launch(ZONE)
    ec2("AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")

    def found(name: str, value: str) -> list[str]:
        return [v["VolumeId"] for v in ec2("DescribeVolumes", Filters=[{"Name": name, "Values": [value]}])["Volumes"]]

    assert found("tag:made-by", "run-*") == [tagged]
    assert found("tag-key", "made-by") == [tagged]
    assert found("status", "in-use") == [volume_id]
    assert found("attachment.instance-id", instance.id) == [volume_id]
    assert _refusal(ec2, "DescribeVolumes", Filters=[{"Name": "colour", "Values": ["red"]}]) == "InvalidParameterValue"


def test_volumes_come_in_pages(cloud: Cloud, ec2: Ask) -> None:
    made = [cloud.store.make_volume(None, zone=ZONE) for _ in range(5)]
    first = ec2("DescribeVolumes", MaxResults=3)
    second = ec2("DescribeVolumes", MaxResults=3, NextToken=first["NextToken"])

    assert [volume["VolumeId"] for volume in (*first["Volumes"], *second["Volumes"])] == made
    assert "NextToken" not in second


def test_an_attached_volume_is_found_by_its_padded_serial_under_a_name_of_the_kernels(
    cloud: Cloud, ec2: Ask, image: Path, volume_id: str
) -> None:
    instance = cloud.store.launch(ZONE)
    ec2("AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    serials = {
        serial.parent.parent.name: serial.read_text(encoding="ascii").rstrip("\n")
        for serial in instance.sys.glob("block/*/device/serial")
    }
    name = next(name for name, serial in serials.items() if serial.strip() == volume_id.replace("-", ""))

    assert name == "nvme1n1"
    assert "nvme0n1" in serials
    assert len(serials[name]) == 20
    assert (instance.dev / name).read_bytes() == image.read_bytes()


@pytest.mark.parametrize("device", ["/dev/nvme1n1", "/dev/sda1", "/dev/sdf", "disk"])
def test_a_device_name_that_is_taken_or_none_is_refused(cloud: Cloud, ec2: Ask, volume_id: str, device: str) -> None:
    instance, other = cloud.store.launch(ZONE), cloud.store.make_volume(None, zone=ZONE)
    ec2("AttachVolume", VolumeId=other, InstanceId=instance.id, Device="/dev/sdf")

    code = _refusal(ec2, "AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device=device)
    assert code == "InvalidParameterValue"


def test_an_instance_has_room_for_26_volumes_besides_its_own(cloud: Cloud, ec2: Ask) -> None:
    instance = cloud.store.launch(ZONE)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        volume = cloud.store.make_volume(None, zone=ZONE)
        ec2("AttachVolume", VolumeId=volume, InstanceId=instance.id, Device=f"/dev/xvdb{letter}")
    another = cloud.store.make_volume(None, zone=ZONE)

    code = _refusal(ec2, "AttachVolume", VolumeId=another, InstanceId=instance.id, Device="/dev/sdf")
    assert code == "AttachmentLimitExceeded"


def test_a_machine_without_free_loop_devices_refuses_to_attach(
    cloud: Cloud, ec2: Ask, volume_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def present(_devices: PlainFiles, image: Path) -> Path:
        raise DeviceUnavailable(what=image, reason="there is no free one")

    monkeypatch.setattr(PlainFiles, "present", present)
    instance = cloud.store.launch(ZONE)

    code = _refusal(ec2, "AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    assert code == "AttachmentLimitExceeded"


def test_a_full_disk_is_told_before_anything_is_copied(
    cloud: Cloud, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))

    with pytest.raises(DiskFull, match="has 0 MiB free"):
        cloud.store.make_volume(image, zone=ZONE)
    assert not cloud.store.volumes()


def test_an_attachment_is_attaching_and_then_attached(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    instance = cloud.store.launch(ZONE)
    attachment = ec2("AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    cloud.clock.sleep(5)
    (described,) = ec2("DescribeVolumes", VolumeIds=[volume_id])["Volumes"][0]["Attachments"]

    assert (attachment["State"], described["State"], described["Device"]) == ("attaching", "attached", "/dev/sdf")


def test_a_volume_of_another_zone_cannot_be_attached(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    instance = cloud.store.launch("us-east-1b")

    code = _refusal(ec2, "AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    assert code == "InvalidVolume.ZoneMismatch"


def test_a_volume_that_is_not_available_cannot_be_attached(cloud: Cloud, ec2: Ask) -> None:
    instance = cloud.store.launch(ZONE)
    volume = ec2("CreateVolume", AvailabilityZone=ZONE, Size=1)["VolumeId"]

    code = _refusal(ec2, "AttachVolume", VolumeId=volume, InstanceId=instance.id, Device="/dev/sdf")
    assert code == "IncorrectState"


def test_a_volume_from_a_snapshot_with_product_codes_is_attached_to_no_running_instance(cloud: Cloud, ec2: Ask) -> None:
    instance = cloud.store.launch(ZONE)
    snapshot = cloud.store.take_snapshot(cloud.store.make_volume(None, zone=ZONE, product_codes=("code-1",)))
    volume = ec2("CreateVolume", AvailabilityZone=ZONE, SnapshotId=snapshot)["VolumeId"]
    cloud.clock.sleep(10)

    code = _refusal(ec2, "AttachVolume", VolumeId=volume, InstanceId=instance.id, Device="/dev/sdf")
    assert code == "IncorrectInstanceState"


def test_an_attached_volume_can_neither_be_attached_nor_deleted(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    first, second = cloud.store.launch(ZONE), cloud.store.launch(ZONE)
    ec2("AttachVolume", VolumeId=volume_id, InstanceId=first.id, Device="/dev/sdf")

    assert _refusal(ec2, "AttachVolume", VolumeId=volume_id, InstanceId=second.id, Device="/dev/sdf") == "VolumeInUse"
    assert _refusal(ec2, "DeleteVolume", VolumeId=volume_id) == "VolumeInUse"


def test_a_detached_volume_disappears_from_the_host_and_becomes_available(
    cloud: Cloud, ec2: Ask, volume_id: str
) -> None:
    instance = cloud.store.launch(ZONE)
    ec2("AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    state = ec2("DetachVolume", VolumeId=volume_id)["State"]
    cloud.clock.sleep(10)

    assert (state, _state(ec2, volume_id)) == ("detaching", "available")
    assert [node.name for node in instance.dev.iterdir()] == ["nvme0n1"]


def test_a_lost_host_holds_its_volume_for_a_while(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    instance = cloud.store.launch(ZONE)
    ec2("AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    cloud.store.lose(instance.id)
    ec2("DetachVolume", VolumeId=volume_id)
    cloud.clock.sleep(60)
    meanwhile = _state(ec2, volume_id)
    cloud.clock.sleep(120)

    assert (meanwhile, _state(ec2, volume_id)) == ("in-use", "available")


def test_a_forced_detach_frees_the_volume_of_a_lost_host(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    instance = cloud.store.launch(ZONE)
    ec2("AttachVolume", VolumeId=volume_id, InstanceId=instance.id, Device="/dev/sdf")
    cloud.store.lose(instance.id)
    ec2("DetachVolume", VolumeId=volume_id, Force=True)
    cloud.clock.sleep(10)

    assert _state(ec2, volume_id) == "available"


def test_a_deleted_volume_is_deleting_and_then_gone_with_its_bytes(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    image = cloud.store.volume(volume_id).image
    ec2("DeleteVolume", VolumeId=volume_id)
    state = _state(ec2, volume_id)
    cloud.clock.sleep(10)

    assert state == "deleting"
    assert _refusal(ec2, "DescribeVolumes", VolumeIds=[volume_id]) == "InvalidVolume.NotFound"
    assert not image.exists()


def test_a_snapshot_of_aws_backup_cannot_be_deleted_through_ec2(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    managed = cloud.store.take_snapshot(volume_id, managed_by_backup=True)
    own = cloud.store.take_snapshot(volume_id)
    ec2("DeleteSnapshot", SnapshotId=own)

    assert _refusal(ec2, "DeleteSnapshot", SnapshotId=managed) == "InvalidParameterValue"
    assert [one["SnapshotId"] for one in ec2("DescribeSnapshots", OwnerIds=["self"])["Snapshots"]] == [managed]


def test_a_snapshot_says_size_key_owner_and_tags(cloud: Cloud, ec2: Ask, image: Path) -> None:
    volume = cloud.store.make_volume(image, zone=ZONE, kms_key_id="key-1")
    snapshot = cloud.store.take_snapshot(volume, tags={"a": "b"})
    (described,) = ec2("DescribeSnapshots", SnapshotIds=[snapshot])["Snapshots"]
    arn = cloud.place.arn("ec2", f"snapshot/{snapshot}", account="")

    assert (described["VolumeSize"], described["KmsKeyId"], described["State"]) == (1, "key-1", "completed")
    assert (described["OwnerId"], described["Tags"]) == (cloud.place.account, [{"Key": "a", "Value": "b"}])
    assert (cloud.store.tags_of(arn), cloud.store.key_of(arn)) == ({"a": "b"}, "key-1")


def test_tags_are_made_and_removed(cloud: Cloud, ec2: Ask, volume_id: str) -> None:
    ec2("CreateTags", Resources=[volume_id], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ec2("DeleteTags", Resources=[volume_id], Tags=[{"Key": "a"}, {"Key": "b", "Value": "other"}])

    assert cloud.store.tags_of(cloud.place.arn("ec2", f"volume/{volume_id}")) == {"b": "2"}


def test_zones_and_instances_are_described(cloud: Cloud, ec2: Ask) -> None:
    instance = cloud.store.launch(ZONE)
    zones = ec2("DescribeAvailabilityZones")["AvailabilityZones"]
    (described,) = ec2("DescribeInstances", InstanceIds=[instance.id])["Reservations"][0]["Instances"]

    assert [zone["ZoneName"] for zone in zones] == ["us-east-1a", "us-east-1b"]
    assert (described["State"]["Name"], described["Placement"]["AvailabilityZone"]) == ("running", ZONE)
    assert _refusal(ec2, "DescribeInstances", InstanceIds=["i-0"]) == "InvalidInstanceID.NotFound"
