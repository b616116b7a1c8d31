"""RDS and Parameter Store as far as the short steps ask them, held in dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from backup_actions.model.progress import Silence

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ZONES = [{"name": f"us-east-1{letter}", "queue": f"queue-{letter}"} for letter in "ab"]
SNAPSHOT: Mapping[str, Any] = {
    "Engine": "postgres",
    "EngineVersion": "17.5",
    "Status": "available",
    "SnapshotCreateTime": NOW,
    "MasterUsername": "boss",
    "AllocatedStorage": 100,
    "StorageType": "gp2",
    "DBInstanceIdentifier": "shop",
    "DBClusterIdentifier": "shop",
    "DbiResourceId": "db-1",
    "DbClusterResourceId": "db-1",
    "OptionGroupName": "default:postgres-17",
}


def refusal(code: str) -> ClientError:
    """What boto3 raises for a code."""
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class FakeRds:
    """Answers from its attributes; what is changed is noted in ``calls``."""

    def __init__(self, **snapshot: Any) -> None:
        self.snapshot = {**SNAPSHOT, **snapshot}
        self.instances: dict[str, dict[str, Any]] = {}
        self.clusters: dict[str, dict[str, Any]] = {}
        self.offered: dict[tuple[str, str], tuple[str, ...]] = {("17.5", "db.t4g.medium"): ("us-east-1a", "us-east-1b")}
        self.versions: list[dict[str, Any]] = [{"MajorEngineVersion": "17", "Status": "available"}]
        self.ends: datetime | None = None
        self.unknown_classes: set[str] = set()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuses: dict[str, str] = {}

    def describe_db_snapshots(self, **_: Any) -> dict[str, Any]:
        """The one snapshot."""
        return {"DBSnapshots": [self.snapshot]}

    def describe_db_cluster_snapshots(self, **_: Any) -> dict[str, Any]:
        """The one snapshot."""
        return {"DBClusterSnapshots": [self.snapshot]}

    def describe_db_instances(self, *, DBInstanceIdentifier: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """That instance."""
        if DBInstanceIdentifier not in self.instances:
            raise refusal("DBInstanceNotFound")
        return {"DBInstances": [self.instances[DBInstanceIdentifier]]}

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """That cluster."""
        if DBClusterIdentifier not in self.clusters:
            raise refusal("DBClusterNotFoundFault")
        return {"DBClusters": [self.clusters[DBClusterIdentifier]]}

    def describe_db_engine_versions(self, **_: Any) -> dict[str, Any]:
        """What is known of the version."""
        return {"DBEngineVersions": self.versions}

    def describe_db_major_engine_versions(self, **_: Any) -> dict[str, Any]:
        """When its support ends."""
        name = "open-source-rds-standard-support"
        ends = [{"LifecycleSupportName": name, "LifecycleSupportEndDate": self.ends}] if self.ends else []
        return {"DBMajorEngineVersions": [{"SupportedEngineLifecycles": ends}]}

    def get_paginator(self, name: str) -> SimpleNamespace:
        """Of the options that can be ordered, or of an engine's versions."""
        pages = {
            "describe_orderable_db_instance_options": self._options,
            "describe_db_engine_versions": lambda **_: [{"DBEngineVersions": self.versions}],
        }
        return SimpleNamespace(paginate=pages[name])

    def _options(self, **asked: Any) -> Iterator[dict[str, Any]]:
        if asked["DBInstanceClass"] in self.unknown_classes:
            raise refusal("InvalidParameterValue")
        zones = self.offered.get((asked["EngineVersion"], asked["DBInstanceClass"]), ())
        yield {"OrderableDBInstanceOptions": [{"AvailabilityZones": [{"Name": zone}]} for zone in zones]}

    def __getattr__(self, operation: str) -> Any:
        def changed(**asked: Any) -> dict[str, Any]:
            self.calls.append((operation, asked))
            if operation in self.refuses:
                raise refusal(self.refuses[operation])
            return {}

        return changed


class FakeParameters:
    """One account's parameters."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.tags: dict[str, Any] = {}

    def put_parameter(self, *, Name: str, Value: str, **asked: Any) -> None:  # noqa: N803 - boto3's names
        """An existing one is only overwritten on demand, and not tagged then."""
        assert asked["Type"] == "SecureString"
        assert not (asked.get("Overwrite") and asked.get("Tags"))
        if Name in self.values and not asked.get("Overwrite"):
            raise refusal("ParameterAlreadyExists")
        self.values[Name] = Value
        self.tags.setdefault(Name, asked.get("Tags"))

    def delete_parameter(self, *, Name: str) -> None:  # noqa: N803 - boto3's name
        """It is gone."""
        if self.values.pop(Name, None) is None:
            raise refusal("ParameterNotFound")


def world_with(rds: FakeRds, parameters: FakeParameters | None = None) -> Any:
    """A world of these two."""
    clients = SimpleNamespace(region="us-east-1", rds=rds, ssm=parameters or FakeParameters())
    return SimpleNamespace(clients=clients, clock=SimpleNamespace(now=lambda: NOW), progress=Silence())
