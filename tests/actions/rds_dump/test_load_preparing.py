"""Into what a dump is loaded follows from its verification and its description, and from what RDS offers now."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.actions.rds_dump.fake_rds import ZONES, FakeRds, refusal, world_with
from tests.dump.fake_engine import ENGINE, FakeServer

from backup_actions.actions.rds_dump.load_preparing import create, prepare_load
from backup_actions.archive import FolderStore
from backup_actions.dump import dump, engines
from backup_actions.errors import AwsCallFailed, NotVerified

VERIFIED: dict[str, Any] = {
    "source": {"product": "postgres", "family": "postgresql", "version": "17.1", "user": "boss", "port": 5432},
    "instance": {"class": "db.t4g.medium", "version": "17.5"},
}
TAGS = {"backup-actions": "yes", "backup-actions:run": "rds-dump/run-1"}


@pytest.fixture(name="bucket")
def _bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bucket that is a folder, with a dump in it."""
    monkeypatch.setitem(engines._ENGINES, "postgresql", ENGINE)
    server = FakeServer(tmp_path / "server")
    server.fill("app", {("public", "orders"): ["one", "two"]})
    (server.folder / "accounts").write_text("alice\n")
    dump(server.connection, FolderStore(tmp_path / "bucket" / "rds-dump"))
    return tmp_path / "bucket"


def prepared(bucket: Path, rds: FakeRds, verified: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is said of the dump that lies there."""
    (bucket / "evidence").mkdir()
    (bucket / "evidence" / "rds-dump-verification.json").write_text(json.dumps(verified or VERIFIED))
    return asked(bucket, rds)


def asked(bucket: Path, rds: FakeRds) -> dict[str, Any]:
    def get_object(**wanted: str) -> dict[str, Any]:
        path = bucket / wanted["Key"]
        if not path.exists():
            raise refusal("NoSuchKey")
        return {"Body": io.BytesIO(path.read_bytes())}

    world = world_with(rds)
    world.clients.s3 = SimpleNamespace(get_object=get_object)
    chosen = {"instance_classes": ["db.t4g.medium"]}
    event = {
        "name": "n",
        "bucket": "b",
        "prefix": "rds-dump",
        "evidencePrefix": "evidence",
        "settings": chosen,
        "zones": ZONES,
    }
    return dict(prepare_load(world, event))


def offering(*versions: str) -> FakeRds:
    """Each of them in both zones."""
    rds = FakeRds()
    rds.versions = [{"EngineVersion": version} for version in versions]
    rds.offered = {(version, "db.t4g.medium"): ("us-east-1a", "us-east-1b") for version in versions}
    return rds


def test_a_dump_goes_into_the_version_that_it_was_taken_from(bucket: Path) -> None:
    found = prepared(bucket, offering("17.6", "17.5", "18.0"))

    assert found["loadable"]
    assert found["restore"] == {
        "kind": "empty",
        "engine": "postgres",
        "version": "17.5",
        "members": {"AllocatedStorage": 20, "StorageType": "gp3"},
    }
    assert [place["zone"] for place in found["places"]] == ["us-east-1a", "us-east-1b"]
    assert found["source"] == {
        "product": "postgres",
        "family": "postgresql",
        "version": "17.5",
        "user": "boss",
        "port": 5432,
    }


def test_where_that_is_gone_the_nearest_later_one_takes_it(bucket: Path) -> None:
    assert prepared(bucket, offering("17.4", "18.0", "17.6"))["restore"]["version"] == "17.6"


def test_what_nothing_offered_can_take_is_not_loaded(bucket: Path) -> None:
    found = prepared(bucket, offering("16.9", "17.4"))

    assert (found["loadable"], found["places"]) == (False, [])
    assert "RDS offers none of db.t4g.medium for postgres 17.5" in found["reason"]


def test_a_dump_of_aurora_is_not_loaded(bucket: Path) -> None:
    source = {**VERIFIED["source"], "product": "aurora-postgresql"}
    found = prepared(bucket, offering("17.5"), {**VERIFIED, "source": source})

    assert not found["loadable"]
    assert found["reason"].startswith("a dump of aurora-postgresql 17.5 is not loaded")


def test_what_was_never_verified_is_not_tested(bucket: Path) -> None:
    with pytest.raises(NotVerified, match="rds-dump-verification"):
        asked(bucket, offering("17.5"))


def created(rds: FakeRds) -> dict[str, str]:
    event = {
        "instance": "backup-actions-dump-1",
        "class": "db.t4g.medium",
        "zone": "us-east-1a",
        "restore": {"engine": "postgres", "version": "17.5", "members": {"AllocatedStorage": 20}},
        "source": VERIFIED["source"],
        "subnetGroup": "databases",
        "securityGroup": "sg-1",
        "tags": TAGS,
    }
    return dict(create(world_with(rds), event))


def test_an_instance_is_made_closed_encrypted_ours_and_under_a_password_of_its_own() -> None:
    rds = FakeRds()

    assert [created(rds)["outcome"] for _ in range(2)] == ["made", "made"]

    (_, one), (_, other) = rds.calls
    assert (one["PubliclyAccessible"], one["StorageEncrypted"], one["BackupRetentionPeriod"]) == (False, True, 0)
    assert (one["DBSubnetGroupName"], one["VpcSecurityGroupIds"]) == ("databases", ["sg-1"])
    assert {tag["Key"]: tag["Value"] for tag in one["Tags"]} == TAGS
    assert len(one["MasterUserPassword"]) == 40
    assert one["MasterUserPassword"] != other["MasterUserPassword"]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("InsufficientDBInstanceCapacity", "capacity"),
        ("InstanceQuotaExceeded", "quota"),
        ("DBInstanceAlreadyExists", "made"),
    ],
)
def test_what_rds_says_instead_becomes_an_outcome(code: str, outcome: str) -> None:
    rds = FakeRds()
    rds.refuses["create_db_instance"] = code

    assert created(rds)["outcome"] == outcome


def test_any_other_refusal_is_raised() -> None:
    rds = FakeRds()
    rds.refuses["create_db_instance"] = "InvalidSubnet"

    with pytest.raises(AwsCallFailed):
        created(rds)
