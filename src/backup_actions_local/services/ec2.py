"""EC2 as far as volumes go: what its API says of the block store and does to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.errors import BackupActionsError
from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services import ec2_answers as answers
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.volumes import Snapshot, Volume, kind_of, tags_for

if TYPE_CHECKING:
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.mishaps import Mishaps
    from backup_actions_local.services.neighbours import Neighbours

Operation = Callable[[Call, datetime], Mapping[str, Any]]

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
_DEVICE_NAME = re.compile(r"(/dev/)?(sd[a-z]|xvd[a-d]?[a-z])([1-9]|1[0-5])?")
_ROOT_DEVICE_NAMES = {"/dev/xvda", "/dev/sda1"}
# 28 attachments, of which the root disk and the network interface are two.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/volume_limits.html
_VOLUMES_PER_INSTANCE = 26


class Ec2:
    """The operations. Error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""

    name = "ec2"
    everywhere = frozenset({"CreateTags", "DeleteTags"})

    def __init__(self, store: BlockStore, mishaps: Mishaps, neighbours: Neighbours) -> None:
        self._store, self._mishaps, self._neighbours = store, mishaps, neighbours
        self._place, self._durations = store.place, store.durations
        self._tokens: dict[str, tuple[Mapping[str, Any], Volume]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Operation] = {
            "CreateVolume": self._create_volume,
            "DescribeVolumes": self._describe_volumes,
            "AttachVolume": self._attach_volume,
            "DetachVolume": self._detach_volume,
            "DeleteVolume": self._delete_volume,
            "DescribeAvailabilityZones": self._describe_zones,
            "DescribeInstances": self._describe_instances,
            "CreateTags": self._create_tags,
            "DeleteTags": self._delete_tags,
        }
        return {name: self._settled(operation) for name, operation in operations.items()}

    def _settled(self, operation: Operation) -> Handler:
        def answer(call: Call) -> Mapping[str, Any]:
            with self._store.settled() as now:
                return operation(call, now)

        return answer

    def _create_volume(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(
            call, "AvailabilityZone", "Encrypted", "Iops", "KmsKeyId", "Size", "SnapshotId", "VolumeType",
            "TagSpecifications", "Throughput", "ClientToken", "VolumeInitializationRate",
        )  # fmt: skip
        params = {name: value for name, value in call.params.items() if value is not None}
        token = params.pop("ClientToken", "")
        if token in self._tokens:
            asked, volume = self._tokens[token]
            if asked != params:
                raise Refused(
                    "IdempotentParameterMismatch", f"The client token {token} was used with other parameters before."
                )
        else:
            volume = self._new_volume(params, now)
            if token:
                self._tokens[token] = params, volume
        return answers.volume_answer(volume, self._place, now)

    def _new_volume(self, params: Mapping[str, Any], now: datetime) -> Volume:
        zone = str(params.get("AvailabilityZone", ""))
        if zone not in self._place.zones:
            raise Refused("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")
        source = self._complete_snapshot(params["SnapshotId"], now) if params.get("SnapshotId") else None
        size_gib = _size_gib(params, source)
        kind, tags = kind_of(params, size_gib), tags_for(params, "volume")
        if self._mishaps.strike("volume capacity", zone):
            message = f"There is not enough capacity to fulfill your EBS volume provision request in {zone}."
            raise Refused("InsufficientVolumeCapacity", message, 500)
        if sum(volume.size_gib for volume in self._store.volumes()) + size_gib > self._store.quota_gib:
            most = f"your maximum gp3 storage limit of {self._store.quota_gib / 1024:g} TiB"
            raise Refused("VolumeLimitExceeded", f"You have exceeded {most} in this region.")
        return self._store.create(
            source.image if source else None,
            zone=zone,
            size_gib=size_gib,
            kind=kind,
            tags=tags,
            kms_key_id=str(params.get("KmsKeyId") or (source and source.kms_key_id) or self._default_key(params)),
            snapshot_id=source.id if source else "",
            product_codes=source.product_codes if source else (),
            takes_seconds=self._durations.volume_created_seconds,
            fails=self._mishaps.strike("volume error") is not None,
        )

    def _complete_snapshot(self, snapshot_id: str, now: datetime) -> Snapshot:
        shared = self._neighbours.volume_snapshots_for(self._place.account)
        if any((each.id, each.region) == (snapshot_id, self._place.region) for _, each in shared):
            what = f"volumes of snapshots that another account shares, as {snapshot_id}: copy it first"
            raise Refused("NotEmbedded", f"the embedded AWS does not know {what}", 501)
        snapshot = self._store.snapshot(snapshot_id)
        if snapshot.state(now) != "completed":
            raise Refused("IncorrectState", f"Snapshot is in invalid state - {snapshot.state(now)}")
        return snapshot

    def _default_key(self, params: Mapping[str, Any]) -> str:
        return self._place.arn("kms", "alias/aws/ebs") if params.get("Encrypted") else ""

    def _describe_volumes(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "VolumeIds", "Filters", "NextToken", "MaxResults")
        ids: Sequence[str] = call.params.get("VolumeIds") or ()
        if ids and call.params.get("MaxResults"):
            raise Refused("InvalidParameterCombination", "The parameter volumes cannot be used with maxResults")
        wanted = [self._store.volume(volume_id) for volume_id in ids] if ids else self._store.volumes()
        chosen = answers.filtered(
            wanted,
            call.params.get("Filters"),
            {
                "availability-zone": lambda volume: [volume.zone],
                "attachment.instance-id": lambda v: [v.attachment.instance_id] if v.attachment else [],
                "snapshot-id": lambda volume: [volume.snapshot_id],
                "status": lambda volume: [volume.state(now)],
                "volume-id": lambda volume: [volume.id],
            },
            lambda volume: volume.tags,
        )
        part, token = page(chosen, call.params.get("NextToken"), call.params.get("MaxResults"))
        described = [answers.volume_answer(volume, self._place, now) for volume in part]
        return {"Volumes": described} | ({"NextToken": token} if token else {})

    def _attach_volume(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "Device", "InstanceId", "VolumeId")
        volume, instance = self._store.volume(call.params["VolumeId"]), self._store.instance(call.params["InstanceId"])
        if volume.attachment:
            where = volume.attachment.instance_id
            raise Refused("VolumeInUse", f"{volume.id} is already attached to an instance: {where}")
        if volume.state(now) != "available":
            raise Refused("IncorrectState", f"Volume '{volume.id}' is in the '{volume.state(now)}' state.")
        if instance.state(now) != "running":
            raise Refused("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
        if volume.zone != instance.zone:
            raise Refused(
                "InvalidVolume.ZoneMismatch", f"The volume '{volume.id}' is not in the same availability zone as "
                f"instance '{instance.id}'",
            )  # fmt: skip
        if volume.product_codes:
            raise Refused(
                "IncorrectInstanceState", f"Cannot attach volume '{volume.id}' with Marketplace codes as the instance "
                f"'{instance.id}' is not in the 'stopped' state.",
            )  # fmt: skip
        device = call.params["Device"]
        self._check_device(device, instance.id)
        try:
            attachment = self._store.attach(volume, instance, device)
        except BackupActionsError as failure:
            raise Refused("AttachmentLimitExceeded", str(failure)) from failure
        return answers.attachment_answer(volume.id, attachment, now)

    def _check_device(self, device: str, instance_id: str) -> None:
        if not _DEVICE_NAME.fullmatch(device):
            message = f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name."
            raise Refused("InvalidParameterValue", message)
        attachments = [volume.attachment for volume in self._store.volumes() if volume.attachment]
        taken = {a.requested for a in attachments if a.instance_id == instance_id}
        if len(taken) >= _VOLUMES_PER_INSTANCE:
            message = f"The instance {instance_id} has {_VOLUMES_PER_INSTANCE} volumes attached, which is its limit."
            raise Refused("AttachmentLimitExceeded", message)
        if device in taken | _ROOT_DEVICE_NAMES:
            message = f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
            raise Refused("InvalidParameterValue", message)

    def _detach_volume(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "Device", "Force", "InstanceId", "VolumeId")
        volume = self._store.volume(call.params["VolumeId"])
        attachment = volume.attachment
        if attachment is None:
            raise Refused("IncorrectState", f"Volume '{volume.id}' is in the '{volume.state(now)}' state.")
        if call.params.get("InstanceId", attachment.instance_id) != attachment.instance_id:
            raise Refused("InvalidAttachment.NotFound", f"{volume.id} is not attached to {call.params['InstanceId']}")
        if attachment.detaches_at is None:
            attachment.detaches_at = now + timedelta(seconds=self._durations.volume_detached_seconds)
        attachment.forced |= bool(call.params.get("Force"))
        return answers.attachment_answer(volume.id, attachment, now)

    def _delete_volume(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "VolumeId")
        volume = self._store.volume(call.params["VolumeId"])
        if volume.attachment:
            where = volume.attachment.instance_id
            raise Refused("VolumeInUse", f"Volume {volume.id} is currently attached to {where}")
        if volume.state(now) == "creating":
            raise Refused("IncorrectState", f"Volume {volume.id} is in state creating")
        if volume.gone_at is None:
            volume.gone_at = now + timedelta(seconds=self._durations.volume_deleted_seconds)
            volume.image.unlink()
        return {}

    def _describe_zones(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "ZoneNames", "Filters")
        del now
        for zone in call.params.get("ZoneNames") or ():
            if zone not in self._place.zones:
                raise Refused("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
        chosen = answers.filtered(
            call.params.get("ZoneNames") or self._place.zones,
            call.params.get("Filters"),
            {"state": lambda zone: ["available"], "zone-name": lambda zone: [zone]},
            lambda zone: {},
        )
        return {"AvailabilityZones": [answers.zone_answer(zone, self._place.region) for zone in chosen]}

    def _describe_instances(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "InstanceIds", "Filters")
        ids: Sequence[str] = call.params.get("InstanceIds") or ()
        wanted = [self._store.instance(instance_id) for instance_id in ids] if ids else self._store.instances()
        chosen = answers.filtered(
            wanted,
            call.params.get("Filters"),
            {"instance-state-name": lambda instance: [instance.state(now)]},
            lambda instance: instance.tags,
        )
        described = [answers.instance_answer(instance, now) for instance in chosen]
        return {"Reservations": [{"Instances": [one], "OwnerId": self._place.account} for one in described]}

    def _create_tags(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "Resources", "Tags")
        del now
        for tags in [self._tags(resource) for resource in call.params["Resources"]]:
            tags.update({tag["Key"]: tag.get("Value", "") for tag in call.params["Tags"]})
        return {}

    def _delete_tags(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "Resources", "Tags")
        del now
        for tags in [self._tags(resource) for resource in call.params["Resources"]]:
            wanted = call.params.get("Tags") or [{"Key": key} for key in tags]
            for tag in wanted:
                if tag.get("Value") in {None, tags.get(tag["Key"])}:
                    tags.pop(tag["Key"], None)
        return {}

    def _tags(self, resource_id: str) -> dict[str, str]:
        tags = self._store.tagged(resource_id)
        if tags is None:
            raise Refused("InvalidID", f"The ID '{resource_id}' is not valid")
        return tags


def _size_gib(params: Mapping[str, Any], source: Snapshot | None) -> int:
    size_gib = int(params.get("Size") or (source.size_gib if source else 0))
    if not size_gib:
        raise Refused("MissingParameter", "The request must contain the parameter size/snapshot")
    if source and size_gib < source.size_gib:
        raise Refused(
            "InvalidParameterValue",
            f"Volume of {size_gib}GiB is smaller than snapshot '{source.id}', expect size >= {source.size_gib}GiB",
        )
    return size_gib
