"""Snapshots of DB instances, of Aurora clusters and of EBS volumes: looked at, copied, shared, deleted in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from backup_actions.actions.offsite_copy.places import RUN_TAG
from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_rds import RDSClient

    from backup_actions.aws import Clients

GONE = frozenset(
    {"DBSnapshotNotFound", "DBSnapshotNotFoundFault", "DBClusterSnapshotNotFoundFault", "InvalidSnapshot.NotFound"}
)
_AVAILABLE = frozenset({"available", "completed"})
_FAILED = frozenset({"failed", "error", "incompatible-restore", "inaccessible-encryption-credentials"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the three APIs say in different words; what one of them does not know is empty."""

    arn: str
    status: str
    created_at: str
    """In ISO 8601."""
    size_gib: int
    key_arn: str
    """The key that it is encrypted with; empty where it is not."""
    tags: Mapping[str, str]
    engine: str = ""
    engine_version: str = ""
    option_group: str = ""
    encrypts_itself: bool = False
    """Transparent data encryption."""
    tier: str = ""
    reason: str = ""
    """Why it failed."""

    @property
    def is_available(self) -> bool:
        """Whether it can be copied and shared."""
        return self.status in _AVAILABLE

    @property
    def has_failed(self) -> bool:
        """Whether it will never be available."""
        return self.status in _FAILED


class Snapshots(Protocol):
    """One kind of snapshots, of this account, in one region. Raises AwsBusy and AwsCallFailed."""

    def described(self, native_id: str) -> Snapshot | None:
        """What is known of it; None where there is none."""

    def made_by(self, run_tag: str, name: str) -> list[Snapshot]:
        """The copies that a run has made, those that are furthest first. RDS knows them by ``name``, EBS by the tag."""

    def begin_copy(self, source: Arn, name: str, *, key_arn: str, tags: Mapping[str, str]) -> None:
        """A copy has been begun."""

    def share_with(self, native_id: str, account: str) -> None:
        """The account can see the snapshot and copy it."""

    def stop_sharing(self, native_id: str, account: str) -> None:
        """It can no more."""

    def delete_copy(self, native_id: str) -> None:
        """The snapshot is being deleted."""

    def event_key(self, snapshot: Snapshot) -> str:
        """How events name the snapshot."""


def snapshots_like(clients: Clients, arn: Arn, region: str) -> Snapshots:
    """The snapshots of a region that are of the same kind as this one."""
    if arn.service == "ec2":
        return VolumeSnapshots(clients.ec2_in(region), arn.partition, region)
    if arn.resource.startswith("cluster-snapshot:"):
        return ClusterSnapshots(clients.rds_in(region), region)
    return InstanceSnapshots(clients.rds_in(region), region)


def native_id_of(arn: Arn) -> str:
    """What the APIs know a snapshot by: the name, which may have colons, or ``snap-…``."""
    return arn.resource.partition("/" if arn.service == "ec2" else ":")[2]


@dataclass(frozen=True, slots=True)
class InstanceSnapshots:
    """Snapshots of DB instances."""

    rds: RDSClient
    region: str

    def described(self, native_id: str) -> Snapshot | None:
        """What is known of it; None where there is none."""
        found = _first(lambda: self.rds.describe_db_snapshots(DBSnapshotIdentifier=native_id)["DBSnapshots"])
        return _of_instance(found) if found else None

    def made_by(self, run_tag: str, name: str) -> list[Snapshot]:
        """The copy of that name, if the run has made it."""
        found = self.described(name)
        return [found] if found and found.tags.get(RUN_TAG) == run_tag else []

    def begin_copy(self, source: Arn, name: str, *, key_arn: str, tags: Mapping[str, str]) -> None:
        """A copy of that name has been begun; of the source's tags it has none."""
        with translated():
            self.rds.copy_db_snapshot(
                SourceDBSnapshotIdentifier=str(source),
                TargetDBSnapshotIdentifier=name,
                KmsKeyId=key_arn,
                CopyTags=False,
                Tags=_tag_list(tags),
                **_from(source, self.region),
            )

    def share_with(self, native_id: str, account: str) -> None:
        """The account can see the snapshot and copy it."""
        with translated():
            self.rds.modify_db_snapshot_attribute(
                DBSnapshotIdentifier=native_id, AttributeName="restore", ValuesToAdd=[account]
            )

    def stop_sharing(self, native_id: str, account: str) -> None:
        """It can no more."""
        with translated():
            self.rds.modify_db_snapshot_attribute(
                DBSnapshotIdentifier=native_id, AttributeName="restore", ValuesToRemove=[account]
            )

    def delete_copy(self, native_id: str) -> None:
        """The snapshot is being deleted; one that is still being copied is given up."""
        with translated():
            self.rds.delete_db_snapshot(DBSnapshotIdentifier=native_id)

    def event_key(self, snapshot: Snapshot) -> str:
        """RDS's events have the snapshot's ARN."""
        return snapshot.arn


@dataclass(frozen=True, slots=True)
class ClusterSnapshots:
    """Snapshots of Aurora clusters."""

    rds: RDSClient
    region: str

    def described(self, native_id: str) -> Snapshot | None:
        """What is known of it; None where there is none."""
        ask = self.rds.describe_db_cluster_snapshots
        found = _first(lambda: ask(DBClusterSnapshotIdentifier=native_id)["DBClusterSnapshots"])
        return _of_cluster(found) if found else None

    def made_by(self, run_tag: str, name: str) -> list[Snapshot]:
        """The copy of that name, if the run has made it."""
        found = self.described(name)
        return [found] if found and found.tags.get(RUN_TAG) == run_tag else []

    def begin_copy(self, source: Arn, name: str, *, key_arn: str, tags: Mapping[str, str]) -> None:
        """A copy of that name has been begun; of the source's tags it has none."""
        with translated():
            self.rds.copy_db_cluster_snapshot(
                SourceDBClusterSnapshotIdentifier=str(source),
                TargetDBClusterSnapshotIdentifier=name,
                KmsKeyId=key_arn,
                CopyTags=False,
                Tags=_tag_list(tags),
                **_from(source, self.region),
            )

    def share_with(self, native_id: str, account: str) -> None:
        """The account can see the snapshot and copy it."""
        with translated():
            self.rds.modify_db_cluster_snapshot_attribute(
                DBClusterSnapshotIdentifier=native_id, AttributeName="restore", ValuesToAdd=[account]
            )

    def stop_sharing(self, native_id: str, account: str) -> None:
        """It can no more."""
        with translated():
            self.rds.modify_db_cluster_snapshot_attribute(
                DBClusterSnapshotIdentifier=native_id, AttributeName="restore", ValuesToRemove=[account]
            )

    def delete_copy(self, native_id: str) -> None:
        """The snapshot is being deleted; one that is still being copied is given up."""
        with translated():
            self.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=native_id)

    def event_key(self, snapshot: Snapshot) -> str:
        """RDS's events have the snapshot's ARN."""
        return snapshot.arn


@dataclass(frozen=True, slots=True)
class VolumeSnapshots:
    """Snapshots of EBS volumes. They are named by EBS: a run knows its own by their tag."""

    ec2: EC2Client
    partition: str
    region: str

    def described(self, native_id: str) -> Snapshot | None:
        """What is known of it; None where there is none."""
        found = _first(lambda: self.ec2.describe_snapshots(SnapshotIds=[native_id])["Snapshots"])
        return self._snapshot(found) if found else None

    def made_by(self, run_tag: str, name: str) -> list[Snapshot]:
        """The run's copies: a call whose answer was lost may have made a second one."""
        del name
        with translated():
            pages = self.ec2.get_paginator("describe_snapshots").paginate(
                OwnerIds=["self"], Filters=[{"Name": f"tag:{RUN_TAG}", "Values": [run_tag]}]
            )
            found = [self._snapshot(each) for page in pages for each in page["Snapshots"]]
        return sorted(found, key=lambda each: (each.has_failed, not each.is_available, each.arn))

    def begin_copy(self, source: Arn, name: str, *, key_arn: str, tags: Mapping[str, str]) -> None:
        """Another copy has been begun: the call knows no token."""
        with translated():
            self.ec2.copy_snapshot(
                SourceRegion=source.region,
                SourceSnapshotId=native_id_of(source),
                Description=name,
                Encrypted=True,
                KmsKeyId=key_arn,
                TagSpecifications=[{"ResourceType": "snapshot", "Tags": _tag_list(tags)}],
            )

    def share_with(self, native_id: str, account: str) -> None:
        """The account can see the snapshot and copy it."""
        with translated():
            self.ec2.modify_snapshot_attribute(
                SnapshotId=native_id, Attribute="createVolumePermission", OperationType="add", UserIds=[account]
            )

    def stop_sharing(self, native_id: str, account: str) -> None:
        """It can no more."""
        with translated():
            self.ec2.modify_snapshot_attribute(
                SnapshotId=native_id, Attribute="createVolumePermission", OperationType="remove", UserIds=[account]
            )

    def delete_copy(self, native_id: str) -> None:
        """The snapshot is deleted; one that is still being copied is given up."""
        with translated():
            self.ec2.delete_snapshot(SnapshotId=native_id)

    def event_key(self, snapshot: Snapshot) -> str:
        """EBS's events have ARNs of another form, with the region where the account would be.

        https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html#copy-snapshot-complete
        """
        return f"arn:{self.partition}:ec2::{self.region}:{Arn.parse(snapshot.arn).resource}"

    def _snapshot(self, found: Mapping[str, Any]) -> Snapshot:
        return Snapshot(
            arn=f"arn:{self.partition}:ec2:{self.region}::snapshot/{found['SnapshotId']}",
            status=found["State"],
            created_at=found["StartTime"].isoformat(),
            size_gib=found["VolumeSize"],
            key_arn=found.get("KmsKeyId", ""),
            tags=_tags(found.get("Tags", ())),
            tier=found.get("StorageTier", ""),
            reason=found.get("StateMessage", ""),
        )


def _of_instance(found: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        arn=found["DBSnapshotArn"],
        option_group=found.get("OptionGroupName", ""),
        encrypts_itself=bool(found.get("TdeCredentialArn")),
        **_of_database(found),
    )


def _of_cluster(found: Mapping[str, Any]) -> Snapshot:
    return Snapshot(arn=found["DBClusterSnapshotArn"], **_of_database(found))


def _of_database(found: Mapping[str, Any]) -> dict[str, Any]:
    """Aurora's storage grows by itself: its snapshots may state none. One that is being made has no time yet.

    AWS Backup may have copied it: the time of the first one is that of the backup.
    """
    created = found.get("OriginalSnapshotCreateTime") or found.get("SnapshotCreateTime")
    return {
        "status": found["Status"],
        "created_at": created.isoformat() if created else "",
        "size_gib": max(1, found.get("AllocatedStorage", 0)),
        "key_arn": found.get("KmsKeyId", ""),
        "tags": _tags(found.get("TagList", ())),
        "engine": found["Engine"],
        "engine_version": found.get("EngineVersion", ""),
    }


def _first(ask: Callable[[], Sequence[Any]]) -> Any | None:
    try:
        with translated():
            return next(iter(ask()), None)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in GONE:
            return None
        raise


def _from(source: Arn, region: str) -> dict[str, Any]:
    """Where another region's snapshot comes from: botocore signs a request of that region with it."""
    return {} if source.region == region else {"SourceRegion": source.region}


def _tag_list(tags: Mapping[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _tags(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in listed}
