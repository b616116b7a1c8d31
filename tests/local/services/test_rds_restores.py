"""The embedded RDS: snapshots become real servers again, for as long as somebody needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from backup_actions_local.cloud import Cloud
from backup_actions_local.databases import DatabaseImage
from backup_actions_local.services.rds_records import DatabaseSnapshot

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from backup_actions_local.seaweed import ObjectServer

ZONE, KEY = "us-east-1a", "arn:aws:kms:us-east-1:111122223333:key/of-the-database"
LONG_SECONDS = 24 * 3600


@dataclass
class Stage:
    """A cloud with a network for databases."""

    cloud: Cloud
    rds: RDSClient
    security_group: str

    def snapshot(self, image: DatabaseImage | None = None, name: str = "shop", **about: Any) -> DatabaseSnapshot:
        """A finished snapshot of a database with that in it."""
        database = self.cloud.databases.make(name, image, **({"engine": "postgres"} | about))
        return self.cloud.databases.take_snapshot(database, f"awsbackup:job-{name}", tags={"a": "b"}, takes_seconds=0)

    def restore(self, snapshot: DatabaseSnapshot, identifier: str = "one", **more: Any) -> Mapping[str, Any]:
        """Begin to restore an instance."""
        asked = {
            "DBInstanceIdentifier": identifier,
            "DBSnapshotIdentifier": snapshot.id,
            "DBInstanceClass": "db.t4g.small",
            "DBSubnetGroupName": "databases",
            "VpcSecurityGroupIds": [self.security_group],
            "PubliclyAccessible": False,
            "BackupRetentionPeriod": 0,
            "Tags": [{"Key": "run", "Value": "r"}],
            **more,
        }
        wanted = {name: value for name, value in asked.items() if value is not None}
        return self.rds.restore_db_instance_from_db_snapshot(**wanted)["DBInstance"]

    def restore_cluster(self, snapshot: DatabaseSnapshot, identifier: str = "all", **more: Any) -> Mapping[str, Any]:
        """Begin to restore a cluster."""
        asked = {"DBClusterIdentifier": identifier, "SnapshotIdentifier": snapshot.arn, "Engine": snapshot.of.engine}
        return self.rds.restore_db_cluster_from_snapshot(**asked | more)["DBCluster"]

    def instance(self, identifier: str = "one") -> Mapping[str, Any]:
        """What is said of an instance."""
        return self.rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]

    def cluster(self, identifier: str = "all") -> Mapping[str, Any]:
        """What is said of a cluster."""
        return self.rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0]

    def seen_within(self, seconds: int) -> list[str]:
        """The states that the instance goes through in that time, looked at every few seconds."""
        seen: list[str] = []
        for _ in range(0, seconds, 5):
            status = str(self.instance()["DBInstanceStatus"])
            if seen[-1:] != [status]:
                seen.append(status)
            self.cloud.clock.sleep(5)
        return seen


@pytest.fixture(name="stage")
def _stage(tmp_path: Path, flow_objects: ObjectServer) -> Iterator[Stage]:
    with Cloud(tmp_path / "cloud", flow_objects, mode="inline") as cloud, cloud.clock.actor():
        cloud.restored.make_subnet_group("databases", cloud.place.zones)
        yield Stage(cloud, cloud.administrator.client("rds"), cloud.restored.make_security_group())


def test_an_instance_takes_a_while_to_come_and_to_go(stage: Stage) -> None:
    instance = stage.restore(stage.snapshot())
    assert (instance["DBInstanceStatus"], "Endpoint" in instance) == ("creating", False)
    assert stage.seen_within(700) == ["creating", "available"]

    stage.rds.delete_db_instance(DBInstanceIdentifier="one", SkipFinalSnapshot=True)
    assert stage.instance()["DBInstanceStatus"] == "deleting"
    with pytest.raises(ClientError, match="is already being deleted"):
        stage.rds.delete_db_instance(DBInstanceIdentifier="one", SkipFinalSnapshot=True)
    stage.cloud.clock.sleep(200)
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        stage.instance()


def test_an_instance_has_what_it_was_asked_for_with(stage: Stage) -> None:
    snapshot = stage.snapshot(storage_gib=50, kms_key_id=KEY)
    stage.restore(snapshot, "ONE", AvailabilityZone="us-east-1b", AllocatedStorage=80, StorageType="gp2")
    instance = stage.instance()

    about = (
        "DBInstanceIdentifier",
        "AvailabilityZone",
        "AllocatedStorage",
        "StorageType",
        "KmsKeyId",
        "DBInstanceClass",
    )
    assert [instance[name] for name in about] == ["one", "us-east-1b", 80, "gp2", KEY, "db.t4g.small"]
    assert (instance["PubliclyAccessible"], instance["DeletionProtection"]) == (False, False)
    assert instance["BackupRetentionPeriod"] == 0
    assert instance["DBSubnetGroup"]["DBSubnetGroupName"] == "databases"
    assert instance["VpcSecurityGroups"][0]["VpcSecurityGroupId"] == stage.security_group
    assert instance["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres17"
    assert instance["OptionGroupMemberships"][0]["OptionGroupName"] == "default:postgres-17"
    assert instance["TagList"] == [{"Key": "run", "Value": "r"}]
    tagged = stage.rds.list_tags_for_resource(ResourceName=instance["DBInstanceArn"])["TagList"]
    assert tagged == instance["TagList"]


def test_what_nobody_asks_for_is_as_the_snapshot_had_it(stage: Stage) -> None:
    missing: dict[str, Any] = dict.fromkeys(
        ("DBInstanceClass", "DBSubnetGroupName", "VpcSecurityGroupIds", "PubliclyAccessible", "BackupRetentionPeriod")
    )
    stage.restore(stage.snapshot(), **missing)
    instance = stage.instance()

    assert (instance["DBInstanceClass"], instance["PubliclyAccessible"]) == ("db.r6i.large", True)
    assert stage.seen_within(900) == ["creating", "backing-up", "available"]
