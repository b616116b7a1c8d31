"""Snapshots of EBS volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn
from backup_actions.offsite.snapshots import NAME_TAG, Order, Snapshot, State, accepted_all_the_same, is_gone, name_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import SnapshotTypeDef

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html: what is not here is pending, or recovering
_STATES: Mapping[str, State] = {"completed": "available", "error": "failed", "recoverable": "failed"}


class DiskSnapshots:
    """Snapshots of EBS volumes."""

    def __init__(self, ec2: EC2Client, *, partition: str, region: str) -> None:
        self._ec2, self._partition, self._region = ec2, partition, region

    def shared(self, arn: str) -> Snapshot | None:
        """Somebody's that this account may use: whose it is stands in it."""
        try:
            with translated():
                found = self._ec2.describe_snapshots(SnapshotIds=[name_in(arn)])
        except AwsCallFailed as refusal:
            if is_gone(refusal):
                return None
            raise
        return next(map(self._told, found["Snapshots"]), None)

    def own(self, name: str, known_arn: str = "") -> list[Snapshot]:
        """The copies with that name in their tag, the first that was begun first."""
        with translated():
            pages = self._ec2.get_paginator("describe_snapshots").paginate(
                OwnerIds=["self"], Filters=[{"Name": f"tag:{NAME_TAG}", "Values": [name]}]
            )
            found = [each for page in pages for each in page["Snapshots"]]
        copies = list(map(self._told, sorted(found, key=lambda each: (each["StartTime"], each["SnapshotId"]))))
        if known_arn and all(copy.arn != known_arn for copy in copies) and (known := self.shared(known_arn)):
            copies.append(known)
        return copies

    def begin_copy(self, order: Order) -> str:
        """A copy is being made. It has no name that a second one could not have: look for it first."""
        if self.own(order.name):
            return ""
        tags: Any = [{"Key": key, "Value": value} for key, value in order.tags.items()]
        with translated():
            begun = self._ec2.copy_snapshot(
                SourceRegion=Arn.parse(order.snapshot_arn).region,
                SourceSnapshotId=name_in(order.snapshot_arn),
                Encrypted=True,
                KmsKeyId=order.key_arn,
                Description=f"import of {order.snapshot_arn}",
                TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}],
            )
        return self._arn(begun["SnapshotId"])

    def remove(self, arn: str) -> bool:
        """Whether the removal was accepted."""
        try:
            with translated():
                self._ec2.delete_snapshot(SnapshotId=name_in(arn))
        except AwsCallFailed as refusal:
            return accepted_all_the_same(refusal)
        return True

    def _told(self, found: SnapshotTypeDef) -> Snapshot:
        return Snapshot(
            arn=self._arn(found["SnapshotId"]),
            owner=found["OwnerId"],
            state=_STATES.get(found["State"], "copying"),
            status=": ".join(filter(None, (found["State"], found.get("StateMessage", "")))),
            size_gib=found["VolumeSize"],
            key_arn=found.get("KmsKeyId", "") if found["Encrypted"] else "",
            taken_at=found["StartTime"],
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
        )

    def _arn(self, snapshot_id: str) -> str:
        return f"arn:{self._partition}:ec2:{self._region}::snapshot/{snapshot_id}"
