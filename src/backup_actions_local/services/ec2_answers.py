"""Volumes, snapshots and instances as EC2 describes them, and the filters that it knows."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from backup_actions_local.calls import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.services.instances import Instance
    from backup_actions_local.services.place import Place
    from backup_actions_local.services.volumes import Attachment, Snapshot, Volume

T = TypeVar("T")
Answer = dict[str, Any]
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
_STATE_CODES = {"running": 16, "shutting-down": 32, "terminated": 48}


def volume_answer(volume: Volume, place: Place, now: datetime) -> Answer:
    """A volume as CreateVolume and DescribeVolumes have it."""
    answer: Answer = {
        "VolumeId": volume.id,
        "AvailabilityZone": volume.zone,
        "Size": volume.size_gib,
        "SnapshotId": volume.snapshot_id,
        "State": volume.state(now),
        "CreateTime": volume.created,
        "VolumeType": volume.kind.type,
        "Iops": volume.kind.iops,
        "MultiAttachEnabled": False,
        "Encrypted": bool(volume.kms_key_id),
        "Tags": tag_list(volume.tags),
        "Attachments": [attachment_answer(volume.id, volume.attachment, now)] if volume.attachment else [],
    }
    if volume.kind.throughput_mib_s is not None:
        answer["Throughput"] = volume.kind.throughput_mib_s
    if volume.kind.initialization_mib_s is not None:
        answer["VolumeInitializationRate"] = volume.kind.initialization_mib_s
    if volume.kms_key_id:
        answer["KmsKeyId"] = volume.kms_key_id
    return answer | {"OwnerId": place.account}


def attachment_answer(volume_id: str, attachment: Attachment, now: datetime) -> Answer:
    """An attachment as AttachVolume, DetachVolume and DescribeVolumes have it."""
    return {
        "VolumeId": volume_id,
        "InstanceId": attachment.instance_id,
        "Device": attachment.requested,
        "State": attachment.state(now),
        "AttachTime": attachment.attached_at,
        "DeleteOnTermination": False,
    }


def snapshot_answer(snapshot: Snapshot, owner: str, now: datetime, *, for_owner: bool = True) -> Answer:
    """A snapshot as DescribeSnapshots has it; to others its tags are not told."""
    answer: Answer = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id,
        "VolumeSize": snapshot.size_gib,
        "State": snapshot.state(now),
        "Progress": "100%" if snapshot.state(now) == "completed" else "0%",
        "StartTime": snapshot.started,
        "Description": snapshot.description,
        "OwnerId": owner,
        "Encrypted": bool(snapshot.kms_key_id),
        "StorageTier": "standard",
        "Tags": tag_list(snapshot.tags) if for_owner else [],
    }
    optional = {"KmsKeyId": snapshot.kms_key_id, "StateMessage": snapshot.error}
    return answer | {name: value for name, value in optional.items() if value}


def instance_answer(instance: Instance, now: datetime) -> Answer:
    """The little that DescribeInstances says here."""
    state = instance.state(now)
    return {
        "InstanceId": instance.id,
        "State": {"Name": state, "Code": _STATE_CODES[state]},
        "Placement": {"AvailabilityZone": instance.zone},
        "LaunchTime": instance.launched,
        "Tags": tag_list(instance.tags),
    }


def zone_answer(zone: str, region: str) -> Answer:
    """A zone as DescribeAvailabilityZones has it."""
    return {
        "ZoneName": zone,
        "ZoneId": f"use1-az{ord(zone[-1]) - ord('a') + 1}" if region == "us-east-1" else f"{region}-az{zone[-1]}",
        "RegionName": region,
        "State": "available",
        "ZoneType": "availability-zone",
        "OptInStatus": "opt-in-not-required",
        "GroupName": region,
        "NetworkBorderGroup": region,
        "Messages": [],
    }


def tag_list(tags: Mapping[str, str]) -> list[Answer]:
    """Tags as EC2 lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


Values = Callable[[T], Iterable[str]]


def filtered(
    items: Iterable[T],
    filters: Sequence[Mapping[str, Any]] | None,
    known: Mapping[str, Values[T]],
    tags_of: Callable[[T], Mapping[str, str]],
) -> list[T]:
    """The items that every filter accepts; within a filter one value suffices, ``*`` and ``?`` stand for anything.

    Raises Refused for a filter that nobody knows.
    """
    chosen = list(items)
    for one in filters or ():
        values_of = _values_of(str(one["Name"]), known, tags_of)
        patterns = [str(pattern) for pattern in one.get("Values") or ()]
        chosen = [item for item in chosen if _accepts(patterns, values_of(item))]
    return chosen


def _accepts(patterns: Sequence[str], values: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for value in values for pattern in patterns)


def _values_of(name: str, known: Mapping[str, Values[T]], tags_of: Callable[[T], Mapping[str, str]]) -> Values[T]:
    if name == "tag-key":
        return lambda item: tags_of(item).keys()
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda item: [tags_of(item)[key]] if key in tags_of(item) else []
    if name not in known:
        raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
    return known[name]
