"""DB instances, Aurora clusters and their snapshots: what is known of them, in the words of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage

Answer = dict[str, Any]
MASTER = "admin"
"""The master user of every database here: the one who fills images."""


@dataclass(eq=False, slots=True, kw_only=True)
class Database:
    """A DB instance, or an Aurora cluster with one instance in it. ``image`` is what it holds."""

    id: str
    arn: str
    engine: str
    engine_version: str
    image: DatabaseImage | None
    """None for products that do not run here: they can be looked at, not exported."""
    created: datetime
    is_cluster: bool = False
    storage_type: str = "gp3"
    storage_gib: int = 20
    kms_key_id: str = ""
    instance_class: str = "db.r6i.large"
    parameter_group: str = ""
    """Empty is the engine's default; so is it with the option group."""
    option_group: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The groups have names."""
        self.parameter_group = self.parameter_group or default_parameter_group(self.engine, self.engine_version)
        self.option_group = self.option_group or default_option_group(self.engine, self.engine_version)

    @property
    def port(self) -> int:
        """The port that the engine listens on at a customer's."""
        return 5432 if "postgres" in self.engine else 3306

    def answer(self) -> Answer:
        """The database as DescribeDBInstances or DescribeDBClusters has it."""
        about = {
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "MasterUsername": MASTER,
            "AllocatedStorage": self.storage_gib,
            "StorageEncrypted": bool(self.kms_key_id),
            "TagList": tag_list(self.tags),
        }
        if self.is_cluster:
            member = {"DBInstanceIdentifier": f"{self.id}-1", "IsClusterWriter": True}
            named = {
                "DBClusterIdentifier": self.id,
                "DBClusterArn": self.arn,
                "DBClusterMembers": [member],
                "DBClusterParameterGroup": self.parameter_group,
            }
            return {**about, **named, "Status": "available", "ClusterCreateTime": self.created}
        named = {
            "DBInstanceIdentifier": self.id,
            "DBInstanceArn": self.arn,
            "DBInstanceClass": self.instance_class,
            "StorageType": self.storage_type,
            "DBParameterGroups": [{"DBParameterGroupName": self.parameter_group, "ParameterApplyStatus": "in-sync"}],
            "OptionGroupMemberships": [{"OptionGroupName": self.option_group, "Status": "in-sync"}],
        }
        return {**about, **named, "DBInstanceStatus": "available", "InstanceCreateTime": self.created}


@dataclass(eq=False, slots=True, kw_only=True)
class DatabaseSnapshot:
    """A snapshot of either; it holds what the database held when it was begun."""

    id: str
    arn: str
    of: Database
    image: DatabaseImage | None
    created: datetime
    available_at: datetime
    kind: str = "awsbackup"
    tags: dict[str, str] = field(default_factory=dict)

    def status(self, now: datetime) -> str:
        """``creating`` or ``available``."""
        return "available" if now >= self.available_at else "creating"

    def answer(self, now: datetime) -> Answer:
        """The snapshot as DescribeDBSnapshots or DescribeDBClusterSnapshots has it."""
        database = self.of
        about: Answer = {
            "Engine": database.engine,
            "EngineVersion": database.engine_version,
            "MasterUsername": MASTER,
            "Port": database.port,
            "AllocatedStorage": database.storage_gib,
            "SnapshotCreateTime": self.created,
            "SnapshotType": self.kind,
            "Status": self.status(now),
            "PercentProgress": 100 if self.status(now) == "available" else 0,
            "StorageType": database.storage_type,
            "TagList": tag_list(self.tags),
        } | ({"KmsKeyId": database.kms_key_id} if database.kms_key_id else {})
        if database.is_cluster:
            named = {"DBClusterSnapshotIdentifier": self.id, "DBClusterSnapshotArn": self.arn}
            return {**about, **named, "DBClusterIdentifier": database.id, "StorageEncrypted": bool(database.kms_key_id)}
        named = {
            "DBSnapshotIdentifier": self.id,
            "DBSnapshotArn": self.arn,
            "DBInstanceIdentifier": database.id,
            "OptionGroupName": database.option_group,
        }
        return {**about, **named, "Encrypted": bool(database.kms_key_id)}


@dataclass(eq=False, slots=True, kw_only=True)
class ExportTask:
    """An export of a snapshot; ``asked`` are the parameters that it was asked for with."""

    asked: dict[str, Any]
    snapshot: DatabaseSnapshot
    started: datetime
    status: str = "STARTING"
    ended: datetime | None = None
    percent: int = 0
    failure_cause: str = ""
    warning_message: str = ""

    @property
    def id(self) -> str:
        """Its identifier, chosen by who asked."""
        return str(self.asked["ExportTaskIdentifier"])

    @property
    def is_active(self) -> bool:
        """Whether it counts against the account's quota."""
        return self.status in {"STARTING", "IN_PROGRESS", "CANCELING"}

    def answer(self) -> Answer:
        """The task as DescribeExportTasks has it."""
        names = ("SourceArn", "S3Prefix", "IamRoleArn", "KmsKeyId", "ExportOnly")
        optional = {
            **{name: self.asked.get(name) for name in names},
            "TaskStartTime": self.started if self.status != "STARTING" else None,
            "TaskEndTime": self.ended,
            "FailureCause": self.failure_cause,
            "WarningMessage": self.warning_message,
        }
        return {
            "ExportTaskIdentifier": self.id,
            "S3Bucket": self.asked["S3BucketName"],
            "SnapshotTime": self.snapshot.created,
            "Status": self.status,
            "PercentProgress": self.percent,
            "TotalExtractedDataInGB": 0,
            "SourceType": "SNAPSHOT",
            **{name: value for name, value in optional.items() if value},
        }


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def default_parameter_group(engine: str, version: str) -> str:
    """``default.postgres17``, ``default.mysql8.4``."""
    return f"default.{engine}{_major(engine, version)}"


def default_option_group(engine: str, version: str) -> str:
    """``default:postgres-17``, ``default:mysql-8-4``."""
    return f"default:{engine}-{_major(engine, version).replace('.', '-')}"


def _major(engine: str, version: str) -> str:
    """PostgreSQL's major versions are one number, the others' two."""
    return ".".join(version.split(".")[: 1 if "postgres" in engine else 2])
