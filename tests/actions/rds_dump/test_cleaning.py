"""A round of the clean-up removes what is there, waits for what is not gone, and touches nothing of others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.actions.rds_dump.fake_rds import FakeParameters, FakeRds, world_with

from backup_actions.actions.rds_dump.cleaning import clean
from backup_actions.errors import AwsCallFailed

EVENT = {
    "instance": "run-1",
    "cluster": "run-1-cluster",
    "parameter": "/password",
    "tag": "rds-dump/run-1",
    "bucket": "archives",
    "prefix": "rds-dump/x",
    "discard": False,
}
OURS = [{"Key": "backup-actions:run", "Value": "rds-dump/run-1"}]


def round_of(rds: FakeRds, parameters: FakeParameters | None = None) -> list[str]:
    return list(clean(world_with(rds, parameters), EVENT)["pending"])


def deleted(rds: FakeRds) -> list[str]:
    return [operation for operation, _ in rds.calls]


def instance(status: str = "available", **about: Any) -> FakeRds:
    rds = FakeRds()
    rds.instances["run-1"] = {"DBInstanceStatus": status, "TagList": OURS, **about}
    return rds


def test_where_nothing_is_left_nothing_is_pending() -> None:
    assert round_of(FakeRds()) == []


def test_an_instance_is_deleted_without_a_last_snapshot_and_with_its_backups_and_waited_for() -> None:
    rds = instance()

    assert round_of(rds) == ["the instance run-1 is not gone yet"]
    assert rds.calls == [
        (
            "delete_db_instance",
            {"DBInstanceIdentifier": "run-1", "SkipFinalSnapshot": True, "DeleteAutomatedBackups": True},
        )
    ]


def test_an_instance_that_is_going_is_not_deleted_twice() -> None:
    rds = instance("deleting")

    assert round_of(rds) == ["the instance run-1 is not gone yet"]
    assert deleted(rds) == []


@pytest.mark.parametrize("code", ["InvalidDBInstanceState", "InvalidDBInstanceStateFault"])
def test_an_instance_that_cannot_be_deleted_yet_is_waited_for(code: str) -> None:
    rds = instance("creating")
    rds.refuses["delete_db_instance"] = code

    assert round_of(rds) == ["the instance run-1 is not gone yet"]


def test_a_cluster_goes_after_its_instance() -> None:
    rds = instance(DBClusterIdentifier="run-1-cluster")
    rds.clusters["run-1-cluster"] = {"Status": "available", "TagList": OURS}
    round_of(rds)
    del rds.instances["run-1"]

    assert deleted(rds) == ["delete_db_instance"]
    assert round_of(rds) == ["the cluster run-1-cluster is not gone yet"]
    assert deleted(rds) == ["delete_db_instance", "delete_db_cluster"]


def test_what_others_have_made_under_such_a_name_is_left_alone() -> None:
    rds = instance(TagList=[{"Key": "backup-actions:run", "Value": "rds-dump/run-2"}])

    assert round_of(rds) == []
    assert deleted(rds) == []


def test_the_password_goes_in_the_first_round() -> None:
    parameters = FakeParameters()
    parameters.values["/password"] = "secret"
    round_of(instance(), parameters)

    assert parameters.values == {}


def test_a_deletion_that_is_refused_is_no_success() -> None:
    rds = instance()
    rds.refuses["delete_db_instance"] = "AccessDenied"

    with pytest.raises(AwsCallFailed):
        round_of(rds)
