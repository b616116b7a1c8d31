"""The last step of a run: what it leaves in the evidence that stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from backup_actions.aws import Clients, World
from backup_actions.lifecycle.tasks import finish
from backup_actions_local.resources import make_ledger

KEY = "evidence/of-it/evidence.json"
POINT = {
    "arn": "arn:aws:ec2:us-east-1::snapshot/snap-1",
    "vaultName": "backups",
    "resourceArn": "arn:aws:ec2:us-east-1:111122223333:volume/vol-1",
    "resourceType": "EBS",
}
DENIED = {"error": "Lambda.Denied", "cause": "Conclude: no"}


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        clients = Clients(boto3.Session(region_name="us-east-1"))
        clients.s3.create_bucket(Bucket="archives")
        make_ledger(clients.dynamodb, "ledger")
        yield World(clients)


def finished(world: World, before: dict[str, Any] | None, **event: Any) -> dict[str, Any]:
    """The evidence after a run has finished over what stood before."""
    if before is not None:
        world.clients.s3.put_object(Bucket="archives", Key=KEY, Body=json.dumps(before).encode())
    facts = {"sizeBytes": 1, "createdAt": "2026-05-01T00:00:00+00:00", "tags": {}, "evidenceKey": KEY}
    told = {"bucket": "archives", "ledger": "ledger", "run": "run-2", "recoveryPoint": POINT, "facts": facts}
    how: dict[str, Any] = {"results": [], "decision": None, "deletion": None, "problem": DENIED}
    finish(world, {**told, **how, **event})
    stored: dict[str, Any] = json.loads(world.clients.s3.get_object(Bucket="archives", Key=KEY)["Body"].read())
    return stored


def test_a_run_that_came_to_no_proof_leaves_that_of_an_earlier_one_as_it_is(world: World) -> None:
    before = {"run": "run", "decision": {"verdict": "keep"}, "actions": ["proven"], "outcome": "kept", "problem": None}

    after = finished(world, before)

    assert {name: after[name] for name in before} == before
    assert (after["later_run"]["run"], after["later_run"]["outcome"]) == ("run-2", "failed")
    assert after["later_run"]["problem"] == DENIED


def test_a_run_completes_its_own_evidence(world: World) -> None:
    after = finished(world, {"run": "run-2", "actions": ["proven"]})

    assert (after["outcome"], after["actions"]) == ("failed", ["proven"])
    assert "later_run" not in after


def test_without_any_evidence_it_is_said_which_run_failed(world: World) -> None:
    after = finished(world, None)

    assert (after["run"], after["outcome"], after["problem"]) == ("run-2", "failed", DENIED)
