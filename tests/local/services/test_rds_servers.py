"""What the embedded RDS restores is a real server: jobs reach it as they would reach RDS, and it leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
import pytest
from botocore.exceptions import ClientError

from backup_actions.contract.action import Job
from backup_actions.contract.parameter_groups import PARAMETER_GROUPS
from backup_actions_local.cloud import Cloud
from backup_actions_local.databases import DatabaseImage, MariaDb, shop

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from backup_actions_local.seaweed import ObjectServer

PASSWORD = "Only-for-a-test"
RESTORED_SECONDS, CHANGED_SECONDS, DELETED_SECONDS = 700, 60, 200


@dataclass
class Stage:
    """A cloud, what is known of it, and where it keeps its things."""

    cloud: Cloud
    rds: RDSClient
    folder: Path

    def snapshot(self, name: str, image: DatabaseImage, **about: Any) -> str:
        """The id of a finished snapshot."""
        database = self.cloud.databases.make(name, image, **about)
        return self.cloud.databases.take_snapshot(database, f"awsbackup:job-{name}", tags={}, takes_seconds=0).id

    def restored(self, name: str, image: DatabaseImage) -> tuple[str, int]:
        """Where an instance is that was given the password; it has the name."""
        snapshot = self.snapshot(f"{name}-source", image)
        self.rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=name, DBSnapshotIdentifier=snapshot, BackupRetentionPeriod=0
        )
        self.cloud.clock.sleep(RESTORED_SECONDS)
        self.rds.modify_db_instance(DBInstanceIdentifier=name, MasterUserPassword=PASSWORD, ApplyImmediately=True)
        self.cloud.clock.sleep(CHANGED_SECONDS)
        return self.endpoint(name)

    def endpoint(self, name: str) -> tuple[str, int]:
        """What DescribeDBInstances says."""
        endpoint = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["Endpoint"]
        return endpoint["Address"], endpoint["Port"]

    def connect(self, where: tuple[str, int]) -> psycopg.Connection[Any]:
        """A connection to PostgreSQL as a job makes one."""
        host, port = where
        bundle = str(self.cloud.restored.authority.bundle)
        return psycopg.connect(
            host=host, port=port, user="admin", password=PASSWORD, dbname=shop.DATABASE, sslmode="verify-full",
            sslrootcert=bundle, autocommit=True,
        )  # fmt: skip

    def delete(self, name: str) -> None:
        """The instance is gone."""
        self.rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        self.cloud.clock.sleep(DELETED_SECONDS)

    def servers(self) -> list[str]:
        """The folders of servers that are there."""
        return [path.name for path in (self.folder / "databases").glob("server-*")]


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("cloud")
    with Cloud(folder, flow_objects, mode="inline") as cloud, cloud.clock.actor():
        cloud.roles.add("worker", [])
        stage = Stage(cloud, cloud.administrator.client("rds"), folder)
        yield stage
        left = stage.restored("until-the-end", cloud.databases.all(clusters=False)[0].image)  # type: ignore[arg-type]
        assert stage.servers()
    assert stage.servers() == []
    with pytest.raises(psycopg.OperationalError, match="Connection refused"):
        stage.connect(left)


def test_a_restored_postgresql_serves_until_it_is_deleted(stage: Stage, postgresql_shop: DatabaseImage) -> None:
    where = stage.restored("one", postgresql_shop)
    with stage.connect(where) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (shop.ORDERS,)
    stage.delete("one")

    assert stage.servers() == []
    with pytest.raises(psycopg.OperationalError, match="Connection refused"):
        stage.connect(where)


def test_a_restored_mariadb_serves_by_the_name_of_its_certificate(stage: Stage, mariadb_shop: DatabaseImage) -> None:
    host, port = stage.restored("other", mariadb_shop)
    connection = pymysql.connect(
        host=host, port=port, user="admin", password=PASSWORD, database=shop.DATABASE,
        ssl_ca=str(stage.cloud.restored.authority.bundle), ssl_verify_cert=True, ssl_verify_identity=True,
    )  # fmt: skip
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        assert cursor.fetchone() == (shop.ORDERS,)
    stage.delete("other")


def test_a_cluster_keeps_its_data_and_its_password_between_instances(
    stage: Stage, postgresql_shop: DatabaseImage
) -> None:
    stage.rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="all",
        SnapshotIdentifier=stage.snapshot("all-source", postgresql_shop, engine="aurora-postgresql"),
        Engine="aurora-postgresql",
    )
    stage.cloud.clock.sleep(RESTORED_SECONDS)
    stage.rds.modify_db_cluster(DBClusterIdentifier="all", MasterUserPassword=PASSWORD, ApplyImmediately=True)
    stage.cloud.clock.sleep(CHANGED_SECONDS)
    for name, orders in (("first", shop.ORDERS), ("second", 0)):
        stage.rds.create_db_instance(
            DBInstanceIdentifier=name, DBClusterIdentifier="all", Engine="aurora-postgresql",
            DBInstanceClass="db.t4g.medium",
        )  # fmt: skip
        stage.cloud.clock.sleep(RESTORED_SECONDS)
        cluster = stage.rds.describe_db_clusters(DBClusterIdentifier="all")["DBClusters"][0]
        assert (cluster["Endpoint"], cluster["Port"]) == stage.endpoint(name)
        with stage.connect(stage.endpoint(name)) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (orders,)
            connection.execute("TRUNCATE orders CASCADE")
        stage.delete(name)
    stage.rds.delete_db_cluster(DBClusterIdentifier="all", SkipFinalSnapshot=True)
    stage.cloud.clock.sleep(DELETED_SECONDS)

    assert stage.servers() == []


def test_a_job_finds_the_authority_and_the_programs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    jobs = stage.cloud.jobs
    queue = jobs.queue("queue", stage.cloud.place.zones[0])
    jobs.define("tools", Job(code="unused:unused", doc="A job."), "worker", entry="job_steps:tools")
    batch = stage.cloud.administrator.client("batch")
    job_id = batch.submit_job(
        jobName="tools", jobQueue=queue, jobDefinition="tools",
        containerOverrides={"command": ["action", "tools", "{}"], "environment": [{"name": "A", "value": "b"}]},
    )["jobId"]  # fmt: skip
    stage.cloud.clock.sleep(300)

    said = jobs.log_of(job_id)
    assert f"trusts {stage.cloud.restored.authority.bundle}" in said
    assert f"dumps with {stage.folder / 'programs' / 'pg_dump'}" in said


def test_mysql_runs_its_events_unless_a_parameter_group_of_its_release_says_no(
    stage: Stage, mariadb_shop: DatabaseImage
) -> None:
    for group in PARAMETER_GROUPS:
        stage.cloud.restored.parameter_groups.make(group.name("ours"), group)
    snapshot = stage.snapshot("events", mariadb_shop, engine="mysql")
    restore = partial(stage.rds.restore_db_instance_from_db_snapshot, DBSnapshotIdentifier=snapshot)

    def scheduler(name: str) -> str:
        server = stage.cloud.restored.instance(name).server
        assert server
        assert server._running
        with MariaDb().connect(server._running) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@event_scheduler")
            return str(cursor.fetchone()[0])

    restore(DBInstanceIdentifier="with-defaults")
    restore(DBInstanceIdentifier="told", DBParameterGroupName="ours-mysql8-4")
    for name, code in (("ours-mysql8-0", "InvalidParameterCombination"), ("nobody-s", "DBParameterGroupNotFound")):
        with pytest.raises(ClientError, match=code):
            restore(DBInstanceIdentifier="refused", DBParameterGroupName=name)
    stage.cloud.clock.sleep(RESTORED_SECONDS)
    seen = scheduler("with-defaults"), scheduler("told")
    stage.delete("with-defaults")
    stage.delete("told")

    assert seen == ("ON", "OFF")


def test_a_new_instance_is_an_empty_server_with_the_master_and_the_password_asked_for(stage: Stage) -> None:
    stage.cloud.restored.make_subnet_group("databases", stage.cloud.place.zones)
    made = stage.rds.create_db_instance(
        DBInstanceIdentifier="new", Engine="postgres", DBInstanceClass="db.t4g.small", AllocatedStorage=20,
        MasterUsername="admin", MasterUserPassword=PASSWORD, StorageEncrypted=True, BackupRetentionPeriod=0,
        DBSubnetGroupName="databases", PubliclyAccessible=False, Tags=[{"Key": "run", "Value": "r"}],
    )["DBInstance"]  # fmt: skip
    stage.cloud.clock.sleep(RESTORED_SECONDS)
    host, port = stage.endpoint("new")
    with psycopg.connect(
        host=host, port=port, user="admin", password=PASSWORD, dbname="postgres", sslmode="verify-full",
        sslrootcert=str(stage.cloud.restored.authority.bundle),
    ) as connection:  # fmt: skip
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")}
        (is_superuser,) = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'admin'").fetchone() or ()
    stage.delete("new")

    assert (made["EngineVersion"], made["StorageEncrypted"], made["TagList"]) == (
        "17.5",
        True,
        [{"Key": "run", "Value": "r"}],
    )
    assert (names, is_superuser) == ({"postgres", "rdsadmin"}, False)
