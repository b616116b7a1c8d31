"""What RDS cannot export is known beforehand, with what to do instead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from backup_actions.actions.rds_export.exportable import objection, objection_to_parts, objection_to_place
from backup_actions.actions.rds_export.settings import RdsExportSettings
from backup_actions.actions.rds_export.tasks import prepare
from backup_actions.aws import World
from backup_actions.errors import SettingInvalid

POINT = {
    "arn": "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1",
    "vaultName": "backups",
    "resourceArn": "arn:aws:rds:us-east-1:111122223333:db:shop",
    "resourceType": "RDS",
}


def about(**changes: str) -> dict[str, str]:
    return {"engine": "postgres", "version": "17.5", "storage_type": "gp3", "status": "available", **changes}


@pytest.mark.parametrize(
    ("engine", "version"),
    [
        ("postgres", "17.5"),
        ("postgres", "9.6.6"),
        ("postgres", "10.7"),
        ("mysql", "8.4.5"),
        ("mysql", "5.7.44-rds.20240408"),
        ("mariadb", "11.4.4"),
        ("mariadb", "10.3.8"),
        ("aurora-mysql", "8.0.mysql_aurora.3.08.0"),
        ("aurora-postgresql", "16.6"),
    ],
)
def test_what_rds_exports_meets_no_objection(engine: str, version: str) -> None:
    assert objection(**about(engine=engine, version=version)) is None


@pytest.mark.parametrize(
    ("engine", "version", "first"),
    [
        ("postgres", "9.3.25", "9.4.21"),
        ("postgres", "9.6.5", "9.6.6"),
        ("postgres", "10.6", "10.7"),
        ("mysql", "5.5.61", "5.6.40"),
        ("mysql", "8.0.11", "8.0.13"),
        ("mariadb", "10.2.11", "10.2.12"),
    ],
)
def test_versions_that_are_too_old_name_the_first_one_that_is_not(engine: str, version: str, first: str) -> None:
    said = objection(**about(engine=engine, version=version))

    assert said == f"RDS exports {engine} {first} and later, not {version}: take a native dump of it instead"


@pytest.mark.parametrize("engine", ["oracle-ee", "sqlserver-web", "db2-se", "custom-oracle-ee", "aurora", "docdb"])
def test_engines_that_cannot_be_exported_name_the_alternative(engine: str) -> None:
    assert f"not of {engine}: take a native dump of it instead" in str(objection(**about(engine=engine)))


def test_magnetic_storage_and_unfinished_snapshots_are_objected_to() -> None:
    assert "magnetic storage" in str(objection(**about(storage_type="standard")))
    assert "the snapshot is creating" in str(objection(**about(status="creating")))


def test_parts_with_a_schema_are_not_of_mysql() -> None:
    assert "shop.public.orders" in str(objection_to_parts(["shop.public.orders"], "mysql"))
    assert objection_to_parts(["shop.public.orders"], "postgresql") is None
    assert objection_to_parts(["shop.orders"], "mysql") is None


def test_a_bucket_elsewhere_and_a_prefix_with_a_colon_are_objected_to() -> None:
    assert "the bucket is in eu-west-1" in str(
        objection_to_place(bucket_region="eu-west-1", region="us-east-1", prefix="a")
    )
    assert "colon" in str(objection_to_place(bucket_region="us-east-1", region="us-east-1", prefix="a:b"))


@pytest.mark.parametrize("part", ["shop.public.Order Lines", "", "a.b.c.d", "größe", "shop."])
def test_settings_refuse_parts_that_rds_would_refuse(part: str) -> None:
    with pytest.raises(SettingInvalid, match="export_only"):
        RdsExportSettings(export_only=(part,))


def world(*, location: str | None = None, snapshots: list[dict[str, Any]] | None = None) -> World:
    s3 = SimpleNamespace(get_bucket_location=lambda **_: {"LocationConstraint": location})
    rds = SimpleNamespace(describe_db_snapshots=lambda **_: {"DBSnapshots": snapshots})
    return World(SimpleNamespace(s3=s3, rds=rds, region="us-east-1"))  # type: ignore[arg-type]


def asked(**changes: object) -> dict[str, Any]:
    return {
        "bucket": "archive",
        "prefix": "rds-export/a",
        "recoveryPoint": POINT,
        "settings": {"export_only": []},
        **changes,
    }


class Moment:
    """What botocore makes of a time."""

    def isoformat(self) -> str:
        """The time as text."""
        return "2026-01-15T03:00:00+00:00"


SNAPSHOT = {
    "Engine": "postgres",
    "AllocatedStorage": 100, "EngineVersion": "17.5", "StorageType": "gp3", "Status": "available",
    "SnapshotCreateTime": Moment(),
}  # fmt: skip


def test_a_snapshot_that_can_be_exported_is_described_for_the_manifest() -> None:
    said = prepare(world(snapshots=[SNAPSHOT]), asked())

    assert said == {
        "exportable": True,
        "reason": "",
        "source": {
            "engine": "postgres",
            "engine_version": "17.5",
            "snapshot_created": "2026-01-15T03:00:00+00:00",
            "family": "postgresql",
        },
        "snapshotGib": 100,
    }


@pytest.mark.parametrize(("location", "said"), [("EU", "the bucket is in eu-west-1"), ("eu-central-1", "eu-central-1")])
def test_a_bucket_of_another_region_is_told_before_rds_is_asked(location: str, said: str) -> None:
    answer = prepare(world(location=location, snapshots=[SNAPSHOT]), asked())

    assert answer["exportable"] is False
    assert said in answer["reason"]


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:backup:us-east-1:111122223333:recovery-point:continuous:db-1", "a continuous backup"),
        ("arn:aws:backup:us-east-1:111122223333:recovery-point:1234", "which only AWS Backup knows"),
    ],
)
def test_points_that_rds_does_not_know_are_told_apart(arn: str, said: str) -> None:
    answer = prepare(world(), asked(recoveryPoint={**POINT, "arn": arn}))

    assert answer["exportable"] is False
    assert said in answer["reason"]
    assert "take a native dump" in answer["reason"]
