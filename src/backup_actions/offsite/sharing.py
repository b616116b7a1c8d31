"""With whom a snapshot of our own is shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from backup_actions.aws import World, translated
from backup_actions.offsite.snapshots import name_in

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterSnapshotAttributeTypeDef, DBSnapshotAttributeTypeDef


def shared_with(world: World, resource_type: str, arn: str) -> list[str]:
    """The accounts that may copy it or restore from it; ``all`` where everybody may."""
    name = name_in(arn)
    with translated():
        match resource_type:
            case "RDS":
                databases = world.clients.rds.describe_db_snapshot_attributes(DBSnapshotIdentifier=name)
                return _restorers(databases["DBSnapshotAttributesResult"]["DBSnapshotAttributes"])
            case "Aurora":
                clusters = world.clients.rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier=name)
                return _restorers(clusters["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"])
            case _:
                disks = world.clients.ec2.describe_snapshot_attribute(
                    SnapshotId=name, Attribute="createVolumePermission"
                )
                return [each.get("UserId") or each["Group"] for each in disks["CreateVolumePermissions"]]


def _restorers(
    attributes: Iterable[DBSnapshotAttributeTypeDef | DBClusterSnapshotAttributeTypeDef],
) -> list[str]:
    return [
        account
        for each in attributes
        if each.get("AttributeName") == "restore"
        for account in each.get("AttributeValues", [])
    ]
