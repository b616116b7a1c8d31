"""Snapshots of RDS instances and of Aurora clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn
from backup_actions.offsite.snapshots import (
    Order,
    Snapshot,
    State,
    accepted_all_the_same,
    is_gone,
    is_taken,
    name_in,
)

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBSnapshotTypeDef

_FAILED = frozenset({"failed", "incompatible-restore"})


class InstanceSnapshots:
    """Snapshots of RDS instances."""

    def __init__(self, rds: RDSClient) -> None:
        self._rds = rds

    def shared(self, arn: str) -> Snapshot | None:
        """Another account's, where it is shared with this one."""
        try:
            with translated():
                found = self._rds.describe_db_snapshots(DBSnapshotIdentifier=arn, SnapshotType="shared")
        except AwsCallFailed as refusal:
            if is_gone(refusal):
                return None
            raise
        return next(map(_of_instance, found["DBSnapshots"]), None)

    def own(self, name: str, known_arn: str = "") -> list[Snapshot]:
        """The copy of that name."""
        try:
            with translated():
                found = self._rds.describe_db_snapshots(DBSnapshotIdentifier=name)
        except AwsCallFailed as refusal:
            if is_gone(refusal):
                return []
            raise
        return list(map(_of_instance, found["DBSnapshots"]))

    def begin_copy(self, order: Order) -> str:
        """A copy is being made, or was there."""
        with _unless_taken(), translated():
            begun = self._rds.copy_db_snapshot(
                SourceDBSnapshotIdentifier=order.snapshot_arn,
                TargetDBSnapshotIdentifier=order.name,
                KmsKeyId=order.key_arn,
                CopyTags=False,
                Tags=[{"Key": key, "Value": value} for key, value in order.tags.items()],
                **_from_elsewhere(order, self._rds.meta.region_name),
            )
            return begun["DBSnapshot"]["DBSnapshotArn"]
        return ""

    def remove(self, arn: str) -> bool:
        """Whether the removal was accepted."""
        try:
            with translated():
                self._rds.delete_db_snapshot(DBSnapshotIdentifier=name_in(arn))
        except AwsCallFailed as refusal:
            return accepted_all_the_same(refusal)
        return True


class ClusterSnapshots:
    """Snapshots of Aurora clusters."""

    def __init__(self, rds: RDSClient) -> None:
        self._rds = rds

    def shared(self, arn: str) -> Snapshot | None:
        """Another account's, where it is shared with this one."""
        try:
            with translated():
                found = self._rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=arn, SnapshotType="shared")
        except AwsCallFailed as refusal:
            if is_gone(refusal):
                return None
            raise
        return next(map(_of_cluster, found["DBClusterSnapshots"]), None)

    def own(self, name: str, known_arn: str = "") -> list[Snapshot]:
        """The copy of that name."""
        try:
            with translated():
                found = self._rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
        except AwsCallFailed as refusal:
            if is_gone(refusal):
                return []
            raise
        return list(map(_of_cluster, found["DBClusterSnapshots"]))

    def begin_copy(self, order: Order) -> str:
        """A copy is being made, or was there."""
        with _unless_taken(), translated():
            begun = self._rds.copy_db_cluster_snapshot(
                SourceDBClusterSnapshotIdentifier=order.snapshot_arn,
                TargetDBClusterSnapshotIdentifier=order.name,
                KmsKeyId=order.key_arn,
                CopyTags=False,
                Tags=[{"Key": key, "Value": value} for key, value in order.tags.items()],
                **_from_elsewhere(order, self._rds.meta.region_name),
            )
            return begun["DBClusterSnapshot"]["DBClusterSnapshotArn"]
        return ""

    def remove(self, arn: str) -> bool:
        """Whether the removal was accepted."""
        try:
            with translated():
                self._rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name_in(arn))
        except AwsCallFailed as refusal:
            return accepted_all_the_same(refusal)
        return True


def _from_elsewhere(order: Order, here: str) -> dict[str, Any]:
    """What botocore needs to sign for the region of a snapshot that is in another one."""
    region = Arn.parse(order.snapshot_arn).region
    return {"SourceRegion": region} if region != here else {}


@contextmanager
def _unless_taken() -> Iterator[None]:
    try:
        yield
    except AwsCallFailed as refusal:
        if not is_taken(refusal):
            raise


def _state(status: str) -> State:
    return "available" if status == "available" else "failed" if status in _FAILED else "copying"


def _of_instance(found: DBSnapshotTypeDef) -> Snapshot:
    return Snapshot(
        arn=found["DBSnapshotArn"],
        owner=Arn.parse(found["DBSnapshotArn"]).account,
        state=_state(found["Status"]),
        status=found["Status"],
        engine=found["Engine"],
        engine_version=found["EngineVersion"],
        size_gib=found["AllocatedStorage"],
        key_arn=found.get("KmsKeyId", "") if found.get("Encrypted") else "",
        resource=f"db:{found['DBInstanceIdentifier']}",
        taken_at=found.get("SnapshotCreateTime"),
        backed_up_at=found.get("OriginalSnapshotCreateTime"),
        copied_from=found.get("SourceDBSnapshotIdentifier", ""),
        tags=_tags(found),
    )


def _of_cluster(found: DBClusterSnapshotTypeDef) -> Snapshot:
    return Snapshot(
        arn=found["DBClusterSnapshotArn"],
        owner=Arn.parse(found["DBClusterSnapshotArn"]).account,
        state=_state(found["Status"]),
        status=found["Status"],
        engine=found["Engine"],
        engine_version=found["EngineVersion"],
        # An Aurora volume grows by itself; some versions say 0 here.
        size_gib=max(1, found.get("AllocatedStorage", 1)),
        key_arn=found.get("KmsKeyId", "") if found.get("StorageEncrypted") else "",
        resource=f"cluster:{found['DBClusterIdentifier']}",
        taken_at=found.get("SnapshotCreateTime"),
        copied_from=found.get("SourceDBClusterSnapshotArn", ""),
        tags=_tags(found),
    )


def _tags(found: DBSnapshotTypeDef | DBClusterSnapshotTypeDef) -> Mapping[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("TagList", [])}
