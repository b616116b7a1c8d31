"""DB instances and clusters that were restored from snapshots: what is known of them, in the words of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.services.rds_records import Answer, tag_list

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from backup_actions_local.databases.managed import ManagedServer

HOST = "localhost"
_HIDDEN = "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetGroup:
    """A DB subnet group, and the zones that its subnets are in."""

    name: str
    arn: str
    zones: tuple[str, ...]

    def answer(self) -> Answer:
        """The group as DescribeDBSubnetGroups has it."""
        return {
            "DBSubnetGroupName": self.name,
            "DBSubnetGroupDescription": "embedded",
            "DBSubnetGroupArn": self.arn,
            "VpcId": "vpc-embedded",
            "SubnetGroupStatus": "Complete",
            "Subnets": [
                {
                    "SubnetIdentifier": f"subnet-{zone}",
                    "SubnetAvailabilityZone": {"Name": zone},
                    "SubnetStatus": "Active",
                }
                for zone in self.zones
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What both kinds are asked for alike."""

    subnet_group: SubnetGroup | None
    security_groups: tuple[str, ...]
    deletion_protection: bool
    backup_retention_days: int
    publicly_accessible: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Cluster:
    """An Aurora cluster. It has its storage, and no server before an instance is in it."""

    id: str
    arn: str
    engine: str
    engine_version: str
    master: str
    kms_key_id: str
    created: datetime
    wishes: Wishes
    parameter_group: str
    server: ManagedServer | None
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "creating"
    password_is_pending: bool = False
    members: list[Instance] = field(default_factory=list)
    status_in_use: str = "available"

    @property
    def is_going(self) -> bool:
        """Whether somebody has asked for its deletion."""
        return self.status == "deleting"

    def answer(self) -> Answer:
        """The cluster as DescribeDBClusters has it."""
        group = self.wishes.subnet_group
        answer: Answer = {
            "DBClusterIdentifier": self.id,
            "DBClusterArn": self.arn,
            "Status": self.status,
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "EngineMode": "provisioned",
            "MasterUsername": self.master,
            "AllocatedStorage": 1,
            "StorageEncrypted": bool(self.kms_key_id),
            "ClusterCreateTime": self.created,
            "BackupRetentionPeriod": self.wishes.backup_retention_days,
            "DeletionProtection": self.wishes.deletion_protection,
            "DBClusterParameterGroup": self.parameter_group,
            "VpcSecurityGroups": _security_groups(self.wishes),
            "DBClusterMembers": [
                {"DBInstanceIdentifier": member.id, "IsClusterWriter": number == 0}
                for number, member in enumerate(self.members)
            ],
            "TagList": tag_list(self.tags),
            **({"DBSubnetGroup": group.name} if group else {}),
            **({"KmsKeyId": self.kms_key_id} if self.kms_key_id else {}),
            **({"PendingModifiedValues": {"MasterUserPassword": _HIDDEN}} if self.password_is_pending else {}),
        }
        if self.status == "creating":
            return answer
        port = self.server.port if self.server else 0
        return answer | {"Endpoint": HOST, "ReaderEndpoint": HOST, "Port": port}


@dataclass(eq=False, slots=True, kw_only=True)
class Instance:
    """A DB instance, alone or in a cluster."""

    id: str
    arn: str
    resource_id: str
    engine: str
    engine_version: str
    instance_class: str
    zone: str
    master: str
    storage_type: str
    storage_gib: int
    kms_key_id: str
    created: datetime
    wishes: Wishes
    parameter_group: str
    option_group: str
    server: ManagedServer | None
    """None for products that do not run here."""
    cluster: Cluster | None = None
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "creating"
    password_is_pending: bool = False
    storage_is_growing: bool = False
    """RDS goes on with its storage, which is greater than the snapshot's, while it can be used already."""

    @property
    def is_going(self) -> bool:
        """Whether somebody has asked for its deletion."""
        return self.status == "deleting"

    @property
    def status_in_use(self) -> str:
        """What it is when nothing is done to it."""
        return "storage-optimization" if self.storage_is_growing else "available"

    def answer(self) -> Answer:
        """The instance as DescribeDBInstances has it; it has no endpoint before it was available once."""
        group = self.wishes.subnet_group
        optional: Answer = {
            "DBClusterIdentifier": self.cluster.id if self.cluster else None,
            "DBSubnetGroup": group.answer() if group else None,
            "KmsKeyId": self.kms_key_id,
            "PendingModifiedValues": {"MasterUserPassword": _HIDDEN} if self.password_is_pending else None,
            "InstanceCreateTime": self.created if self.status != "creating" else None,
            "Endpoint": {"Address": HOST, "Port": self.server.port} if self.server and self.server.port else None,
        }
        return {
            "DBInstanceIdentifier": self.id,
            "DBInstanceArn": self.arn,
            "DbiResourceId": self.resource_id,
            "DBInstanceClass": self.instance_class,
            "DBInstanceStatus": self.status,
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "MasterUsername": self.master,
            "AvailabilityZone": self.zone,
            "AllocatedStorage": self.storage_gib,
            "StorageType": self.storage_type,
            "StorageEncrypted": bool(self.kms_key_id),
            "MultiAZ": False,
            "PubliclyAccessible": self.wishes.publicly_accessible,
            "DeletionProtection": self.wishes.deletion_protection,
            "BackupRetentionPeriod": self.wishes.backup_retention_days,
            "VpcSecurityGroups": _security_groups(self.wishes),
            "DBParameterGroups": [
                {"DBParameterGroupName": self.parameter_group, "ParameterApplyStatus": "in-sync"},
            ],
            "OptionGroupMemberships": [{"OptionGroupName": self.option_group, "Status": "in-sync"}],
            "TagList": tag_list(self.tags),
            **{name: value for name, value in optional.items() if value},
        }


def checked_password(params: Mapping[str, Any], engine: str) -> str:
    """The password asked for; none is the empty one. Raises Refused for one that RDS does not take."""
    password = str(params.get("MasterUserPassword") or "")
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    longest = 128 if engine == "postgres" else 41
    if password and (not 8 <= len(password) <= longest or set(password) & set('/"@ ') or not password.isascii()):
        raise Refused(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', "
            "'@', '\"', ' ' may be used.",
        )
    return password


def _security_groups(wishes: Wishes) -> list[Answer]:
    return [{"VpcSecurityGroupId": group, "Status": "active"} for group in wishes.security_groups]
