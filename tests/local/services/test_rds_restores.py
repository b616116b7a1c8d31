"""The embedded RDS: snapshots become instances and clusters again, as RDS's own would."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from backup_actions.contract import Statement
from backup_actions_local.cloud import Cloud
from backup_actions_local.services.rds_records import DatabaseSnapshot

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from backup_actions_local.seaweed import ObjectServer

ZONE, KEY = "us-east-1a", "arn:aws:kms:us-east-1:111122223333:key/of-the-database"
PASSWORD = "Only-for-a-test"
RESTORED_SECONDS = 700
_LOOK_SECONDS = 15


@dataclass
class Stage:
    """A cloud with a network for databases, in which each test has an instance and a cluster of its own name."""

    cloud: Cloud
    rds: RDSClient
    security_group: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    name: str = ""

    def snapshot(self, engine: str = "postgres", **about: Any) -> DatabaseSnapshot:
        """A finished snapshot of a database with nothing in it."""
        number = next(self.numbers)
        database = self.cloud.databases.make(f"shop-{number}", None, engine=engine, **about)
        return self.cloud.databases.take_snapshot(database, f"awsbackup:job-{number}", tags={}, takes_seconds=0)

    def restore(self, snapshot: DatabaseSnapshot | None = None, /, **more: Any) -> Mapping[str, Any]:
        """Begin to restore an instance; what is None is not said."""
        asked = {
            "DBInstanceIdentifier": self.name,
            "DBSnapshotIdentifier": (snapshot or self.snapshot()).id,
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

    def restore_cluster(self, snapshot: DatabaseSnapshot | None = None, /, **more: Any) -> Mapping[str, Any]:
        """Begin to restore a cluster."""
        snapshot = snapshot or self.snapshot("aurora-postgresql")
        asked = {"DBClusterIdentifier": self.name, "SnapshotIdentifier": snapshot.arn, "Engine": snapshot.of.engine}
        return self.rds.restore_db_cluster_from_snapshot(**asked | more)["DBCluster"]

    def add_instance(self, **more: Any) -> Mapping[str, Any]:
        """Begin to create an instance in the cluster."""
        asked = {"DBInstanceIdentifier": f"{self.name}-1", "DBClusterIdentifier": self.name}
        classed = {"Engine": "aurora-postgresql", "DBInstanceClass": "db.t4g.medium"}
        return self.rds.create_db_instance(**asked | classed | more)["DBInstance"]

    def instance(self, identifier: str = "") -> Mapping[str, Any]:
        """What is said of an instance."""
        return self.rds.describe_db_instances(DBInstanceIdentifier=identifier or self.name)["DBInstances"][0]

    def cluster(self) -> Mapping[str, Any]:
        """What is said of the cluster."""
        return self.rds.describe_db_clusters(DBClusterIdentifier=self.name)["DBClusters"][0]

    def seen_within(self, seconds: int) -> list[str]:
        """The states that the instance goes through in that time, looked at often enough to see each."""
        seen: list[str] = []
        for _ in range(0, seconds, _LOOK_SECONDS):
            status = str(self.instance()["DBInstanceStatus"])
            if seen[-1:] != [status]:
                seen.append(status)
            self.cloud.clock.sleep(_LOOK_SECONDS)
        return seen


@pytest.fixture(name="shared", scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Stage]:
    with Cloud(tmp_path_factory.mktemp("cloud"), flow_objects, mode="inline") as cloud, cloud.clock.actor():
        cloud.restored.make_subnet_group("databases", cloud.place.zones)
        cloud.restored.make_subnet_group("narrow", ("us-east-1b",))
        yield Stage(cloud, cloud.administrator.client("rds"), cloud.restored.make_security_group())


@pytest.fixture(name="stage")
def _stage(shared: Stage) -> Iterator[Stage]:
    """The shared one; what a test has restored is gone after it, and what it has planned has happened."""
    shared.name = f"run-{next(shared.numbers)}"
    yield shared
    for found in shared.rds.describe_db_instances()["DBInstances"]:
        if "run-" in found["DBInstanceIdentifier"] and found["DBInstanceStatus"] != "deleting":
            shared.rds.delete_db_instance(DBInstanceIdentifier=found["DBInstanceIdentifier"], SkipFinalSnapshot=True)
    for cluster in shared.rds.describe_db_clusters()["DBClusters"]:
        if "run-" in cluster["DBClusterIdentifier"] and cluster["Status"] != "deleting":
            shared.rds.delete_db_cluster(DBClusterIdentifier=cluster["DBClusterIdentifier"], SkipFinalSnapshot=True)
    shared.cloud.clock.sleep(600)
    assert (shared.cloud.restored.instances, shared.cloud.restored.clusters) == ({}, {})
    shared.cloud.mishaps.assert_all_happened()


# ------------------------------------------------------------------------------------------------------------ instances


def test_an_instance_takes_a_while_to_come_and_to_go(stage: Stage) -> None:
    instance = stage.restore()
    assert (instance["DBInstanceStatus"], "Endpoint" in instance) == ("creating", False)
    assert stage.seen_within(RESTORED_SECONDS) == ["creating", "available"]

    stage.rds.delete_db_instance(DBInstanceIdentifier=stage.name, SkipFinalSnapshot=True)
    assert stage.instance()["DBInstanceStatus"] == "deleting"
    with pytest.raises(ClientError, match="is already being deleted"):
        stage.rds.delete_db_instance(DBInstanceIdentifier=stage.name, SkipFinalSnapshot=True)
    stage.cloud.clock.sleep(200)
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        stage.instance()


def test_an_instance_can_be_deleted_while_it_comes(stage: Stage) -> None:
    stage.restore()
    stage.cloud.clock.sleep(60)
    stage.rds.delete_db_instance(DBInstanceIdentifier=stage.name, SkipFinalSnapshot=True)
    stage.cloud.clock.sleep(200)

    assert stage.cloud.restored.instances == {}


def test_an_instance_has_what_it_was_asked_for_with(stage: Stage) -> None:
    snapshot = stage.snapshot(storage_gib=50, kms_key_id=KEY)
    wanted = {"AvailabilityZone": "us-east-1b", "AllocatedStorage": 80, "StorageType": "gp2"}
    stage.restore(snapshot, DBInstanceIdentifier=stage.name.upper(), **wanted)
    instance = stage.instance()

    assert {name: instance[name] for name in wanted} == wanted
    assert (instance["DBInstanceIdentifier"], instance["KmsKeyId"]) == (stage.name, KEY)
    assert (instance["PubliclyAccessible"], instance["DeletionProtection"]) == (False, False)
    assert (instance["DBInstanceClass"], instance["BackupRetentionPeriod"]) == ("db.t4g.small", 0)
    assert instance["DBSubnetGroup"]["DBSubnetGroupName"] == "databases"
    assert instance["VpcSecurityGroups"][0]["VpcSecurityGroupId"] == stage.security_group
    assert instance["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres17"
    assert instance["OptionGroupMemberships"][0]["OptionGroupName"] == "default:postgres-17"
    arn = instance["DBInstanceArn"]
    assert stage.rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "run", "Value": "r"}]


def test_what_nobody_asks_for_is_as_the_snapshot_had_it(stage: Stage) -> None:
    unsaid = (
        "DBInstanceClass",
        "DBSubnetGroupName",
        "VpcSecurityGroupIds",
        "PubliclyAccessible",
        "BackupRetentionPeriod",
    )
    stage.restore(**dict.fromkeys(unsaid))
    instance = stage.instance()

    assert (instance["DBInstanceClass"], instance["PubliclyAccessible"]) == ("db.r6i.large", True)
    assert stage.seen_within(900) == ["creating", "backing-up", "available"]


def test_an_instance_with_more_storage_can_be_used_while_rds_goes_on_with_it(stage: Stage) -> None:
    stage.restore(AllocatedStorage=40)
    assert stage.seen_within(RESTORED_SECONDS) == ["creating", "storage-optimization"]
    stage.rds.modify_db_instance(DBInstanceIdentifier=stage.name, MasterUserPassword=PASSWORD)
    seen = ["storage-optimization", "resetting-master-credentials", "storage-optimization"]
    assert stage.seen_within(100) == seen
    stage.cloud.clock.sleep(6 * 3600)

    assert stage.instance()["DBInstanceStatus"] == "available"


def test_tags_can_be_added(stage: Stage) -> None:
    arn = stage.restore()["DBInstanceArn"]
    stage.rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "b"}])

    assert stage.cloud.restored.tagged(arn) == {"run": "r", "a": "b"}
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        stage.rds.add_tags_to_resource(ResourceName=f"{arn}-not", Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"DBInstanceIdentifier": "1-begins-with-a-digit"}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "two--hyphens"}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "a" * 64}, "InvalidParameterValue"),
        ({"DBSnapshotIdentifier": "none"}, "DBSnapshotNotFound"),
        ({"DBSubnetGroupName": "none"}, "DBSubnetGroupNotFoundFault"),
        ({"VpcSecurityGroupIds": ["sg-none"]}, "InvalidParameterValue"),
        ({"DBInstanceClass": "db.x9.huge"}, "InvalidParameterCombination"),
        ({"AllocatedStorage": 10}, "InvalidParameterValue"),
        ({"Engine": "mysql"}, "InvalidParameterCombination"),
        ({"DBSubnetGroupName": "narrow", "AvailabilityZone": ZONE}, "InvalidVPCNetworkStateFault"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_what_rds_refuses_is_refused_by_name(stage: Stage, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        stage.restore(**asked)


def test_a_name_is_given_once_whatever_its_case(stage: Stage) -> None:
    stage.restore()

    with pytest.raises(ClientError, match="DBInstanceAlreadyExists"):
        stage.restore(DBInstanceIdentifier=stage.name.upper())
    stage.cloud.databases.make("of-a-customer", None, engine="postgres")
    with pytest.raises(ClientError, match="DBInstanceAlreadyExists"):
        stage.restore(DBInstanceIdentifier="of-a-customer")


def test_deletion_says_what_becomes_of_the_data(stage: Stage) -> None:
    stage.restore()

    with pytest.raises(ClientError, match="FinalDBSnapshotIdentifier is required"):
        stage.rds.delete_db_instance(DBInstanceIdentifier=stage.name)


def test_a_protected_instance_cannot_be_deleted(stage: Stage) -> None:
    stage.restore(DeletionProtection=True)

    with pytest.raises(ClientError, match="Cannot delete protected DB Instance"):
        stage.rds.delete_db_instance(DBInstanceIdentifier=stage.name, SkipFinalSnapshot=True)
    instance = stage.cloud.restored.instance(stage.name)
    stage.cloud.restored.begin_end(instance)


# ------------------------------------------------------------------------------------------------------ what goes wrong


def test_an_account_has_so_many_instances_and_no_more(stage: Stage) -> None:
    stage.restore()
    stage.cloud.restored.instances_at_most = 1

    with pytest.raises(ClientError, match="InstanceQuotaExceeded"):
        stage.restore(DBInstanceIdentifier="run-another")
    stage.cloud.restored.instances_at_most = 40


def test_a_zone_may_have_no_room(stage: Stage) -> None:
    stage.cloud.mishaps.no_database_capacity(ZONE, times=1)
    with pytest.raises(ClientError, match="InsufficientDBInstanceCapacity"):
        stage.restore(AvailabilityZone=ZONE)

    assert stage.restore(AvailabilityZone=ZONE)["AvailabilityZone"] == ZONE


@pytest.mark.parametrize("status", ["failed", "incompatible-restore", "storage-full"])
def test_an_instance_may_become_something_else_than_available(stage: Stage, status: str) -> None:
    stage.cloud.mishaps.database_becomes(status)
    stage.restore()

    assert stage.seen_within(RESTORED_SECONDS) == ["creating", status]
    with pytest.raises(ClientError, match="InvalidDBInstanceState"):
        stage.rds.modify_db_instance(DBInstanceIdentifier=stage.name, MasterUserPassword=PASSWORD)


def test_a_snapshot_of_a_deprecated_version_is_upgraded(stage: Stage) -> None:
    stage.cloud.offers.deprecate("postgres", "16.1", "16.4")
    stage.restore(stage.snapshot(engine_version="16.1"))

    assert stage.instance()["EngineVersion"] == "16.4"
    every = stage.rds.describe_db_engine_versions(Engine="postgres", IncludeAll=True)["DBEngineVersions"]
    assert [version["Status"] for version in every if version["EngineVersion"] == "16.1"] == ["deprecated"]
    offered = stage.rds.describe_db_engine_versions(Engine="postgres")["DBEngineVersions"]
    assert "16.1" not in {version["EngineVersion"] for version in offered}


def test_a_key_that_the_caller_may_not_use_is_not_accessible(stage: Stage) -> None:
    restoring = Statement(
        ("rds:RestoreDBInstanceFromDBSnapshot", "rds:AddTagsToResource"), on="*", because="only the key is missing"
    )
    stage.cloud.roles.add("restorer", [restoring, Statement(("kms:DescribeKey",), on=KEY)])
    rds = stage.cloud.session("restorer").client("rds")
    snapshot = stage.snapshot(kms_key_id=KEY).id

    with pytest.raises(ClientError, match=f"KMSKeyNotAccessibleFault.*{KEY}"):
        rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=stage.name, DBSnapshotIdentifier=snapshot)
    stage.cloud.roles.add("restorer", [restoring, Statement(("kms:DescribeKey", "kms:CreateGrant"), on=KEY)])
    restored = rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=stage.name, DBSnapshotIdentifier=snapshot)
    assert restored["DBInstance"]["KmsKeyId"] == KEY


# ------------------------------------------------------------------------------------------------------------- password


def test_a_new_password_shows_first_as_pending_and_then_as_being_set(stage: Stage) -> None:
    stage.restore()
    with pytest.raises(ClientError, match="not in available state"):
        stage.rds.modify_db_instance(DBInstanceIdentifier=stage.name, MasterUserPassword=PASSWORD)
    stage.cloud.clock.sleep(RESTORED_SECONDS)
    changed = stage.rds.modify_db_instance(DBInstanceIdentifier=stage.name, MasterUserPassword=PASSWORD)["DBInstance"]

    assert changed["DBInstanceStatus"] == "available"
    assert changed["PendingModifiedValues"]["MasterUserPassword"] == "****"
    assert stage.seen_within(100) == ["available", "resetting-master-credentials", "available"]
    assert not stage.instance().get("PendingModifiedValues")


@pytest.mark.parametrize("password", ["short", "with/slash", 'with"quote', "with@sign", "with space"])
def test_passwords_that_rds_does_not_take_are_refused(stage: Stage, password: str) -> None:
    stage.restore()
    stage.cloud.clock.sleep(RESTORED_SECONDS)

    with pytest.raises(ClientError, match="MasterUserPassword is not a valid password"):
        stage.rds.modify_db_instance(DBInstanceIdentifier=stage.name, MasterUserPassword=password)


# ------------------------------------------------------------------------------------------------------------- clusters


def test_a_cluster_comes_without_an_instance_and_goes_after_it(stage: Stage) -> None:
    stage.restore_cluster()
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        stage.add_instance()
    stage.cloud.clock.sleep(400)
    assert (stage.cluster()["Status"], stage.cluster()["DBClusterMembers"]) == ("available", [])
    assert stage.add_instance()["DBClusterIdentifier"] == stage.name
    stage.cloud.clock.sleep(RESTORED_SECONDS)
    assert stage.instance(f"{stage.name}-1")["DBInstanceStatus"] == "available"
    assert [member["IsClusterWriter"] for member in stage.cluster()["DBClusterMembers"]] == [True]

    with pytest.raises(ClientError, match="still contains DB instances in non-deleting state"):
        stage.rds.delete_db_cluster(DBClusterIdentifier=stage.name, SkipFinalSnapshot=True)
    stage.rds.delete_db_instance(DBInstanceIdentifier=f"{stage.name}-1")
    stage.rds.delete_db_cluster(DBClusterIdentifier=stage.name, SkipFinalSnapshot=True)
    stage.cloud.clock.sleep(200)
    with pytest.raises(ClientError, match="DBClusterNotFoundFault"):
        stage.cluster()


def test_a_cluster_without_a_named_version_has_the_newest(stage: Stage) -> None:
    stage.cloud.offers.know("aurora-postgresql", "17.10")

    assert stage.restore_cluster()["EngineVersion"] == "17.10"
    with pytest.raises(ClientError, match="DBClusterAlreadyExistsFault"):
        stage.restore_cluster(EngineVersion="17.4")


def test_the_password_of_a_cluster_is_the_clusters(stage: Stage) -> None:
    stage.restore_cluster()
    stage.cloud.clock.sleep(400)
    with pytest.raises(ClientError, match="Set master user password for the DB Cluster"):
        stage.add_instance(MasterUserPassword=PASSWORD)
    stage.rds.modify_db_cluster(DBClusterIdentifier=stage.name, MasterUserPassword=PASSWORD)
    stage.cloud.clock.sleep(30)
    assert stage.cluster()["Status"] == "resetting-master-credentials"
    stage.cloud.clock.sleep(60)
    assert stage.cluster()["Status"] == "available"


def test_clusters_keep_backups_of_a_day_at_least(stage: Stage) -> None:
    with pytest.raises(ClientError, match="must be between 1 and 35"):
        stage.restore_cluster(BackupRetentionPeriod=0)


# ------------------------------------------------------------------------------------------------------ what is offered


def test_instances_are_filtered_by_what_rds_filters_by(stage: Stage) -> None:
    stage.restore()

    def found(name: str, value: str) -> list[str]:
        wanted = stage.rds.describe_db_instances(Filters=[{"Name": name, "Values": [value]}])["DBInstances"]
        return [each["DBInstanceIdentifier"] for each in wanted]

    assert found("db-instance-id", stage.name) == [stage.name]
    assert found("db-cluster-id", "none") == []
    with pytest.raises(ClientError, match="Unrecognized filter name: tag"):
        found("tag", "r")


def test_classes_are_told_with_their_zones_in_pages(stage: Stage) -> None:
    stage.cloud.offers.withdraw("db.t3.small", ZONE)
    stage.cloud.offers.withdraw("db.t3.micro")
    pages = stage.rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine="mariadb", EngineVersion="10.11.10", PaginationConfig={"PageSize": 20}
    )
    options = [option for page in pages for option in page["OrderableDBInstanceOptions"]]
    zones = {option["DBInstanceClass"]: [zone["Name"] for zone in option["AvailabilityZones"]] for option in options}

    assert zones["db.t4g.micro"] == ["us-east-1a", "us-east-1b"]
    assert zones["db.t3.small"] == ["us-east-1b"]
    assert "db.t3.micro" not in zones
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        stage.restore(DBInstanceClass="db.t3.small", AvailabilityZone=ZONE)


def test_engines_under_a_licence_do_not_run_on_graviton(stage: Stage) -> None:
    options = stage.rds.describe_orderable_db_instance_options(Engine="oracle-ee")["OrderableDBInstanceOptions"]

    assert {option["DBInstanceClass"] for option in options if "g." in option["DBInstanceClass"]} == set()


def test_subnet_groups_tell_their_zones(stage: Stage) -> None:
    (group,) = stage.rds.describe_db_subnet_groups(DBSubnetGroupName="narrow")["DBSubnetGroups"]

    assert [subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]] == ["us-east-1b"]


# ---------------------------------------------------------------------------------------------------------------- new


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"EngineVersion": "17.999"}, "InvalidParameterCombination"),
        ({"Engine": "aurora-postgresql"}, "InvalidParameterCombination"),
        ({"DBInstanceClass": "db.x9.none"}, "InvalidParameterCombination"),
        ({"AllocatedStorage": 5}, "InvalidParameterValue"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"MasterUserPassword": ""}, "InvalidParameterValue"),
        ({"DBSubnetGroupName": "nowhere"}, "DBSubnetGroupNotFoundFault"),
        ({"DBInstanceIdentifier": "two--hyphens"}, "InvalidParameterValue"),
    ],
    ids=lambda each: each if isinstance(each, str) else "-".join(each),
)
def test_an_instance_that_cannot_be_made_is_refused(stage: Stage, wrong: Mapping[str, Any], code: str) -> None:
    asked: dict[str, Any] = {
        "DBInstanceIdentifier": stage.name,
        "Engine": "postgres",
        "DBInstanceClass": "db.t4g.small",
        "AllocatedStorage": 20,
        "MasterUsername": "admin",
        "MasterUserPassword": PASSWORD,
        "DBSubnetGroupName": "databases",
    }

    with pytest.raises(ClientError, match=code):
        stage.rds.create_db_instance(**{**asked, **wrong})
