"""A restored database's password is random, told to RDS, kept encrypted, and in no answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.actions.rds_dump.fake_rds import FakeParameters, FakeRds, world_with

from backup_actions.actions.rds_dump.password import set_password
from backup_actions.errors import AwsCallFailed

PARAMETER = "/backup-actions/rds-dump/run"
EVENT = {
    "kind": "instance",
    "instance": "instance",
    "cluster": "cluster",
    "parameter": PARAMETER,
    "key": "key",
    "tags": {"owner": "us"},
}


def told(rds: FakeRds) -> list[Any]:
    return [asked["MasterUserPassword"] for _, asked in rds.calls]


def test_database_and_parameter_get_the_same_password_and_the_answer_has_none() -> None:
    rds, parameters = FakeRds(), FakeParameters()
    answer = set_password(world_with(rds, parameters), EVENT)

    (password,) = told(rds)
    assert parameters.values == {PARAMETER: password}
    assert parameters.tags == {PARAMETER: [{"Key": "owner", "Value": "us"}]}
    assert password not in json.dumps(dict(answer))


def test_every_engine_takes_such_a_password() -> None:
    rds = FakeRds()
    set_password(world_with(rds), EVENT)

    assert re.fullmatch(r"[A-Za-z0-9_-]{40}", told(rds)[0])


def test_another_call_replaces_both() -> None:
    rds, parameters = FakeRds(), FakeParameters()
    for _ in range(2):
        set_password(world_with(rds, parameters), EVENT)

    first, second = told(rds)
    assert first != second
    assert parameters.values == {PARAMETER: second}


def test_the_members_of_a_cluster_share_its_password() -> None:
    rds = FakeRds()
    set_password(world_with(rds), {**EVENT, "kind": "cluster"})

    ((operation, asked),) = rds.calls
    assert (operation, asked["DBClusterIdentifier"]) == ("modify_db_cluster", "cluster")


def test_a_password_that_rds_refuses_is_in_no_error() -> None:
    rds, parameters = FakeRds(), FakeParameters()
    rds.refuses["modify_db_instance"] = "InvalidDBInstanceState"
    with pytest.raises(AwsCallFailed) as refused:
        set_password(world_with(rds, parameters), EVENT)

    assert parameters.values[PARAMETER] not in f"{refused.value} {refused.value.hint} {refused.value.facts}"
