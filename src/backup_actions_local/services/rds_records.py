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
    copied_from: str = ""
    """The ARN of the snapshot that it is a copy of."""
    original: datetime | None = None
    """When the first of its line was made."""
    copying: str = ""
    """How a copy is called that is not made yet, ``creating`` or ``copying``; ``failed`` when it never will be."""
    shared_with: set[str] = field(default_factory=set)
    """Accounts, and ``all``."""
    gone_at: datetime | None = None
    """From when on nobody finds it; set by its deletion."""

    @property
    def region(self) -> str:
        """Where it is."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.arn.split(":")[4]

    @property
    def is_under_way(self) -> bool:
        """Whether it is a copy that is being made."""
        return self.copying not in {"", "failed"} and self.gone_at is None

    def is_shared_with(self, account: str) -> bool:
        """Whether the account may copy it."""
        return self.gone_at is None and bool(self.shared_with & {account, "all"})

    def status(self, now: datetime) -> str:
        """``creating``, ``copying``, ``available``, ``failed`` or ``deleting``."""
        if self.gone_at is not None:
            return "deleting"
        return self.copying or ("available" if now >= self.available_at else "creating")

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
            source = {"SourceDBClusterSnapshotArn": self.copied_from} if self.copied_from else {}
            cluster = {"DBClusterIdentifier": database.id, "StorageEncrypted": bool(database.kms_key_id)}
            return {**about, **named, **cluster, **source}
        described: Answer = {
            "DBSnapshotIdentifier": self.id,
            "DBSnapshotArn": self.arn,
            "DBInstanceIdentifier": database.id,
            "OptionGroupName": database.option_group,
            "OriginalSnapshotCreateTime": self.original or self.created,
        }
        return {**about, **described, "Encrypted": bool(database.kms_key_id), **self._source()}

    def answer_for_others(self, now: datetime) -> Answer:
        """The snapshot as those see it with whom it is shared: its name is its ARN, its tags are not told."""
        name = f"DB{'Cluster' if self.of.is_cluster else ''}SnapshotIdentifier"
        return self.answer(now) | {name: self.arn, "SnapshotType": "shared", "TagList": []}

    def _source(self) -> Answer:
        """What it was copied from, told only if that is another account's or another region's."""
        here, there = self.arn.split(":")[3:5], self.copied_from.split(":")[3:5]
        if not self.copied_from or here == there:
            return {}
        return {"SourceDBSnapshotIdentifier": self.copied_from, "SourceRegion": there[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionGroup:
    """What a customer has added to an engine; ``lasting`` are the options that no group ever loses again."""

    name: str
    arn: str
    engine: str
    options: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()

    def answer(self) -> Answer:
        """The group as DescribeOptionGroups has it."""
        named = {"OptionGroupName": self.name, "OptionGroupArn": self.arn, "EngineName": self.engine}
        options = [
            {"OptionName": option, "Persistent": option in self.lasting, "Permanent": option in self.lasting}
            for option in dict.fromkeys((*self.options, *self.lasting))
        ]
        return named | {"Options": options}


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
