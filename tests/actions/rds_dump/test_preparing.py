"""Whether, where and how a snapshot is restored follows from what RDS says of it and of its engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.actions.rds_dump.fake_rds import NOW, ZONES, FakeRds, world_with

from backup_actions.actions.rds_dump.preparing import prepare

POINT = {
    "arn": "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1",
    "vaultName": "backups",
    "resourceArn": "arn:aws:rds:us-east-1:111122223333:db:shop",
    "resourceType": "RDS",
}
CLUSTER = {**POINT, "arn": POINT["arn"].replace(":snapshot:", ":cluster-snapshot:")}


def prepared(rds: FakeRds, point: dict[str, str] | None = None, **settings: Any) -> dict[str, Any]:
    chosen = {"instance_classes": ["db.t4g.medium", "db.m7g.large"], "verify": "restore", "extra_storage_percent": 100}
    key = f"arn:aws:kms:{settings.pop('key_region', 'us-east-1')}:111122223333:key/1"
    event = {
        "name": "backup-actions",
        "recoveryPoint": point or POINT,
        "zones": ZONES,
        "key": key,
        "settings": {**chosen, **settings},
    }
    return dict(prepare(world_with(rds), event))


def places(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(place["class"], place["zone"]) for place in found["places"]]


def test_the_best_class_is_tried_in_every_zone_before_the_next_one() -> None:
    rds = FakeRds()
    rds.offered["17.5", "db.m7g.large"] = ("us-east-1b", "us-east-1c")

    assert places(prepared(rds)) == [
        ("db.t4g.medium", "us-east-1a"),
        ("db.t4g.medium", "us-east-1b"),
        ("db.m7g.large", "us-east-1b"),
    ]


def test_a_class_that_the_region_does_not_know_is_passed_over() -> None:
    rds = FakeRds()
    rds.offered = {("17.5", "db.m7g.large"): ("us-east-1a",)}
    rds.unknown_classes = {"db.t4g.medium"}

    assert places(prepared(rds)) == [("db.m7g.large", "us-east-1a")]


def test_a_version_that_nobody_can_order_is_looked_for_as_what_rds_upgrades_it_to() -> None:
    rds = FakeRds(EngineVersion="17.1")
    targets = [
        {"EngineVersion": "18.1", "IsMajorVersionUpgrade": True},
        {"EngineVersion": "17.5", "IsMajorVersionUpgrade": False},
    ]
    rds.versions = [{"MajorEngineVersion": "17", "Status": "deprecated", "ValidUpgradeTarget": targets}]
    found = prepared(rds)

    assert found["restore"]["version"] == "17.5"
    assert found["source"]["version"] == "17.1"
    assert found["source"]["notes"][0] == "RDS has deprecated this version of postgres 17"


def test_where_nothing_is_offered_the_snapshot_cannot_be_dumped() -> None:
    rds = FakeRds()
    rds.offered = {}
    found = prepared(rds)

    assert (found["dumpable"], found["places"]) == (False, [])
    assert "RDS offers none of db.t4g.medium, db.m7g.large for postgres 17.5" in found["reason"]


def test_an_instance_is_restored_from_its_snapshot_onto_a_larger_disk_with_default_options() -> None:
    found = prepared(FakeRds())

    assert found["restore"]["kind"] == "instance"
    assert found["restore"]["members"] == {
        "DbSnapshotIdentifier": "awsbackup:job-1",
        "AllocatedStorage": 200,
        "StorageType": "gp3",
        "OptionGroupName": "default:postgres-17",
    }
    assert (found["source"]["user"], found["source"]["port"]) == ("boss", 5432)


def test_without_a_scratch_database_no_room_is_made_for_it() -> None:
    assert prepared(FakeRds(), verify="list")["restore"]["members"]["AllocatedStorage"] == 100


def test_an_aurora_snapshot_becomes_a_cluster_of_its_own_version() -> None:
    rds = FakeRds(Engine="aurora-postgresql")

    assert prepared(rds, CLUSTER)["restore"] == {
        "kind": "cluster",
        "engine": "aurora-postgresql",
        "version": "17.5",
        "members": {},
    }


@pytest.mark.parametrize(
    ("engine", "version", "member"),
    [
        ("mysql", "8.4.5", {"DbParameterGroupName": "backup-actions-mysql8-4"}),
        ("mysql", "5.7.44", {}),
        ("mariadb", "10.11.10", {}),
        ("aurora-mysql", "8.0.mysql_aurora.3.08.0", {"DbClusterParameterGroupName": "backup-actions-aurora-mysql8-0"}),
    ],
)
def test_events_of_mysql_do_not_run_where_it_is_restored(engine: str, version: str, member: dict[str, str]) -> None:
    rds = FakeRds(Engine=engine, EngineVersion=version)
    rds.offered = {(version, "db.t4g.medium"): ("us-east-1a",)}
    members = prepared(rds, CLUSTER if engine.startswith("aurora") else POINT)["restore"]["members"]

    assert {name: value for name, value in members.items() if "ParameterGroup" in name} == member


def test_a_snapshot_of_a_multi_zone_cluster_becomes_one_plain_instance() -> None:
    restore = prepared(FakeRds(), CLUSTER)["restore"]

    assert restore["kind"] == "instance"
    assert restore["members"]["DbClusterSnapshotIdentifier"] == "awsbackup:job-1"
    assert "DbSnapshotIdentifier" not in restore["members"]


@pytest.mark.parametrize(
    ("resource", "what"),
    [("recovery-point:continuous:db-1", "a continuous backup"), ("recovery-point:1", "which only AWS Backup knows")],
)
def test_what_is_no_snapshot_of_rds_is_refused_with_what_to_do(resource: str, what: str) -> None:
    point = {**POINT, "arn": f"arn:aws:backup:us-east-1:111122223333:{resource}"}
    found = prepared(FakeRds(), point)

    assert not found["dumpable"]
    assert what in found["reason"]
    assert found["reason"].endswith("copy it to another vault and dump the copy")


def test_a_key_of_another_region_cannot_keep_a_password_and_is_refused_before_anything_is_made() -> None:
    found = prepared(FakeRds(), key_region="eu-west-1")

    assert not found["dumpable"]
    assert found["reason"].startswith("the key of the bucket is in eu-west-1 and the snapshot in us-east-1")


def original(**about: Any) -> dict[str, Any]:
    return {"DbiResourceId": "db-1", "DBParameterGroups": [{"DBParameterGroupName": "tuned"}], **about}


def test_groups_that_the_temporary_instance_goes_without_are_told() -> None:
    rds = FakeRds(OptionGroupName="audited")
    rds.instances["shop"] = original()

    assert prepared(rds)["source"]["notes"] == [
        "the original has the parameter group tuned, the temporary instance had the default one",
        "the original has the option group audited, the temporary instance had the default one",
    ]


@pytest.mark.parametrize("about", [None, {"DbiResourceId": "db-2"}])
def test_groups_of_an_original_that_is_gone_are_not_known(about: dict[str, Any] | None) -> None:
    """Another database may have its name by now."""
    rds = FakeRds()
    if about:
        rds.instances["shop"] = original(**about)

    assert prepared(rds)["source"]["notes"] == ["the original is gone: its parameter group is not known"]


def test_the_end_of_an_engine_s_support_is_told() -> None:
    rds = FakeRds()
    rds.instances["shop"] = original(DBParameterGroups=[{"DBParameterGroupName": "default.postgres17"}])
    rds.ends = NOW + timedelta(days=10)

    (note,) = prepared(rds)["source"]["notes"]
    assert note.startswith("standard support of postgres 17 ends on 2026-12-02")


@pytest.mark.parametrize(
    ("engine", "version", "group"),
    [
        ("mysql", "5.5.46", "default:mysql-5-5"),
        ("postgres", "9.4.1", "default:postgres-9-4"),
        ("postgres", "10.1", "default:postgres-10"),
    ],
)
def test_a_version_that_rds_has_forgotten_has_its_release_read_from_its_number(
    engine: str, version: str, group: str
) -> None:
    rds = FakeRds(Engine=engine, EngineVersion=version)
    rds.versions = []
    rds.offered = {(version, "db.t4g.medium"): ("us-east-1a",)}

    assert prepared(rds)["restore"]["members"]["OptionGroupName"] == group
