"""The embedded RDS: snapshots with real bytes, and exports of them as RDS lays them down."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from backup_actions.contract import Statement
from backup_actions_local.cloud import Cloud
from backup_actions_local.databases import DatabaseImage, shop
from backup_actions_local.services.rds_exports import SERVICE
from backup_actions_local.services.rds_records import DatabaseSnapshot

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from backup_actions_local.seaweed import ObjectServer

BUCKET, PREFIX = "database-exports", "exports/here"
LONG_SECONDS = 24 * 3600


@dataclass
class Stage:
    """A cloud with one database that was backed up, and a role for its exports."""

    cloud: Cloud
    rds: RDSClient
    role: str = "exporter"

    def snapshot(self, image: DatabaseImage | None, name: str = "shop", **about: str) -> DatabaseSnapshot:
        """A finished snapshot of a database with that in it."""
        database = self.cloud.databases.make(name, image, **about)  # type: ignore[arg-type]
        return self.cloud.databases.take_snapshot(database, f"awsbackup:job-{name}", tags={"a": "b"}, takes_seconds=0)

    def start(self, snapshot: DatabaseSnapshot, identifier: str = "one", **more: Any) -> Mapping[str, Any]:
        """Begin an export."""
        return self.rds.start_export_task(
            **{
                "ExportTaskIdentifier": identifier,
                "SourceArn": snapshot.arn,
                "S3BucketName": BUCKET,
                "S3Prefix": PREFIX,
                "IamRoleArn": self.cloud.place.role_arn(self.role),
                "KmsKeyId": self.cloud.place.arn("kms", "key/of-the-bucket"),
                **more,
            }
        )

    def task(self, identifier: str = "one") -> Mapping[str, Any]:
        """What is said of a task."""
        return self.rds.describe_export_tasks(ExportTaskIdentifier=identifier)["ExportTasks"][0]

    def told(self) -> list[str]:
        """The numbers of the events that there were."""
        return [event["detail"]["EventID"] for event in self.cloud.events.seen]

    def stored(self) -> dict[str, bytes]:
        """What lies below the prefix."""
        s3 = self.cloud.administrator.client("s3")
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX).get("Contents", [])
        return {
            found["Key"].removeprefix(f"{PREFIX}/"): s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read()
            for found in listed
        }


@pytest.fixture(name="stage")
def _stage(tmp_path: Path, flow_objects: ObjectServer) -> Iterator[Stage]:
    with Cloud(tmp_path / "cloud", flow_objects, mode="inline") as cloud, cloud.clock.actor():
        s3 = cloud.administrator.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        cloud._bucket_keys[f"arn:aws:s3:::{BUCKET}"] = cloud.place.arn("kms", "key/of-the-bucket")
        stage = Stage(cloud, cloud.administrator.client("rds"))
        everything = Statement(("s3:PutObject", "kms:GenerateDataKey"), on="*", because="a test")
        cloud.roles.add(stage.role, [everything])
        cloud.roles.trust(stage.role, SERVICE, ["arn:aws:rds:us-east-1:111122223333:*snapshot:awsbackup:*"])
        yield stage
        for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        s3.delete_bucket(Bucket=BUCKET)


def rows(data: bytes) -> int:
    count: int = pq.read_metadata(io.BytesIO(data)).num_rows
    return count


def test_export_of_postgresql_lays_down_what_rds_does(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    stage.start(stage.snapshot(postgresql_shop))
    assert stage.task()["Status"] == "STARTING"
    stage.cloud.clock.sleep(610)
    assert stage.task()["Status"] == "IN_PROGRESS"
    stage.cloud.clock.sleep(LONG_SECONDS)

    task, stored = stage.task(), stage.stored()
    assert (task["Status"], task["PercentProgress"], task.get("WarningMessage")) == ("COMPLETE", 100, None)
    info = json.loads(stored["one/export_info_one.json"])
    assert (info["status"], info["exportedFilesPath"]) == ("COMPLETE", f"{PREFIX}/one")
    names = [name for name in stored if "tables_info" in name]
    assert names == ["one/export_tables_info_one_from_1_to_4.json", "one/export_tables_info_one_from_5_to_7.json"]
    targets = [each["target"] for name in names for each in json.loads(stored[name])["perTableStatus"]]
    assert targets == [".".join(table.path) for table in postgresql_shop.tables()]
    assert "one/shop/public.Order_Lines/1/_SUCCESS" in stored
    parts = [name for name in stored if name.startswith("one/shop/public.orders/1/part-")]
    assert [re.sub(r"-[0-9a-f-]{36}-c000", "", name.rpartition("/")[2]) for name in parts] == [
        "part-00000.gz.parquet",
        "part-00002.gz.parquet",
    ]
    assert sum(rows(stored[name]) for name in parts) == shop.ORDERS


def test_export_of_mariadb_names_the_database_twice(stage: Stage, mariadb_shop: DatabaseImage) -> None:
    stage.start(stage.snapshot(mariadb_shop, engine="mysql"))
    stage.cloud.clock.sleep(LONG_SECONDS)

    parts = [data for name, data in stage.stored().items() if name.startswith("one/shop/shop.orders/1/part-")]
    assert sum(map(rows, parts)) == shop.ORDERS


def test_what_cannot_be_exported_is_left_out_with_a_warning(
    stage: Stage, postgresql_shop: DatabaseImage, tmp_path: Path
) -> None:
    stage.start(stage.snapshot(postgresql_shop.changed(tmp_path / "more.tar", shop.add_what_is_skipped)))
    stage.cloud.clock.sleep(LONG_SECONDS)

    warning = json.loads(stage.task()["WarningMessage"])
    assert stage.task()["Status"] == "COMPLETE"
    assert [each["tableName"] for each in warning["skippedTables"]] == [
        "shop.public.price_list",
        "shop.public.sessions",
    ]
    assert not any("price_list" in name for name in stage.stored())


def test_an_export_of_some_tables_holds_these_alone(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    stage.start(stage.snapshot(postgresql_shop), ExportOnly=["shop.audit", "shop.public.orders"])
    stage.cloud.clock.sleep(LONG_SECONDS)

    assert {name.split("/")[2] for name in stage.stored() if "/shop/" in name} == {"audit.log", "public.orders"}


def test_a_canceled_export_leaves_what_it_has_written(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    stage.start(stage.snapshot(postgresql_shop))
    stage.cloud.clock.sleep(700)
    assert stage.rds.cancel_export_task(ExportTaskIdentifier="one")["Status"] == "CANCELING"
    stage.cloud.clock.sleep(LONG_SECONDS)

    assert (stage.task()["Status"], stage.told()) == ("CANCELED", ["RDS-EVENT-0160"])
    assert stage.stored()
    assert "one/export_info_one.json" not in stage.stored()
    with pytest.raises(ClientError, match="InvalidExportTaskStateFault"):
        stage.rds.cancel_export_task(ExportTaskIdentifier="one")


def test_five_exports_run_at_a_time_and_one_of_a_snapshot(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    snapshots = [stage.snapshot(postgresql_shop, f"shop-{number}") for number in range(6)]
    for number, snapshot in enumerate(snapshots[:5]):
        stage.start(snapshot, f"export-{number}")

    with pytest.raises(ClientError, match="ExportTaskLimitReached"):
        stage.start(snapshots[5], "export-5")
    with pytest.raises(ClientError, match="InvalidExportSourceState"):
        stage.start(snapshots[0], "again")
    stage.cloud.clock.sleep(LONG_SECONDS)
    assert stage.start(snapshots[0], "again")["Status"] == "STARTING"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"S3Prefix": "arn:aws:rds"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "1-begins-with-a-digit"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "two--hyphens"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "a" * 61}, "InvalidParameterValue"),
        ({"ExportOnly": ["shop.public.Order Lines"]}, "InvalidExportOnly"),
        ({"S3BucketName": "elsewhere"}, "InvalidS3BucketFault"),
        ({"SourceArn": "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:none"}, "DBSnapshotNotFound"),
        ({"SourceArn": "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:none"}, "DBClusterSnapshotNotFoundFault"),
        ({"IamRoleArn": "arn:aws:iam::111122223333:role/nobody"}, "IamRoleMissingPermissions"),
    ],
)
def test_bad_requests_are_refused_by_name(
    stage: Stage, postgresql_shop: DatabaseImage, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError, match=code):
        stage.start(stage.snapshot(postgresql_shop), **asked)


@pytest.mark.parametrize("about", [{"engine": "sqlserver-se"}, {"storage_type": "standard", "engine": "mysql"}])
def test_engines_and_storage_that_cannot_be_exported_are_refused(stage: Stage, about: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="InvalidExportSourceState"):
        stage.start(stage.snapshot(None, **about))


def test_a_role_is_taken_on_for_the_snapshots_that_it_names_alone(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    database = stage.cloud.databases.make("shop", postgresql_shop)
    manual = stage.cloud.databases.take_snapshot(database, "manual", tags={}, takes_seconds=0)

    with pytest.raises(ClientError, match="IamRoleMissingPermissions"):
        stage.start(manual)


def test_a_role_without_the_key_fails_the_export_and_says_so(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    stage.cloud.roles.add(stage.role, [Statement(("s3:PutObject",), on="*", because="a test")])
    stage.start(stage.snapshot(postgresql_shop))
    stage.cloud.clock.sleep(LONG_SECONDS)

    assert (stage.task()["Status"], stage.told()) == ("FAILED", ["RDS-EVENT-0159"])
    assert "kms:GenerateDataKey" in stage.task()["FailureCause"]


def test_aurora_is_a_cluster_with_snapshots_of_its_own(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    snapshot = stage.snapshot(postgresql_shop, engine="aurora-postgresql")

    (described,) = stage.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert described["DBClusterSnapshotArn"] == snapshot.arn
    assert stage.rds.describe_db_snapshots()["DBSnapshots"] == []
    assert stage.rds.list_tags_for_resource(ResourceName=snapshot.arn)["TagList"] == [{"Key": "a", "Value": "b"}]
    assert stage.start(snapshot)["Status"] == "STARTING"
    stage.cloud.clock.sleep(LONG_SECONDS)
    assert stage.task()["Status"] == "COMPLETE"


def test_aws_backup_makes_snapshots_of_instances_and_clusters(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    backup = stage.cloud.administrator.client("backup")
    stage.cloud.vaults.make_vault("vault")
    for name, engine in (("instance", "postgres"), ("cluster", "aurora-postgresql")):
        database = stage.cloud.databases.make(name, postgresql_shop, engine=engine, tags={"of": name})
        backup.start_backup_job(
            BackupVaultName="vault", ResourceArn=database.arn, IamRoleArn=stage.cloud.place.role_arn("backup")
        )
    stage.cloud.clock.sleep(LONG_SECONDS)

    points = backup.list_recovery_points_by_backup_vault(BackupVaultName="vault")["RecoveryPoints"]
    kinds = sorted((point["ResourceType"], point["RecoveryPointArn"].split(":awsbackup:job-")[0]) for point in points)
    assert kinds == [
        ("Aurora", "arn:aws:rds:us-east-1:111122223333:cluster-snapshot"),
        ("RDS", "arn:aws:rds:us-east-1:111122223333:snapshot"),
    ]
    for point in points:
        backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=point["RecoveryPointArn"])
    stage.cloud.clock.sleep(LONG_SECONDS)
    assert stage.rds.describe_db_snapshots()["DBSnapshots"] == []
