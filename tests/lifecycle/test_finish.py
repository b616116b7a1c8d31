"""The last steps of a run: what they leave in evidence and ledger of what an earlier one has proven."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.estate.ledgers import ESTATE
from tests.moto_clients import moto_clients

from backup_actions.aws import World
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.overview import PointInDetail, stands
from backup_actions.ledger import Entry, Ledger, Standing, Status
from backup_actions.lifecycle import tasks
from backup_actions.lifecycle.describing import Present
from backup_actions.lifecycle.evidence import with_earlier
from backup_actions.lifecycle.tasks import conclude, describe, finish
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.resources import make_ledger

KEY = "evidence/of-it/evidence.json"
POINT = {
    "arn": "arn:aws:ec2:us-east-1::snapshot/snap-1",
    "vaultName": "backups",
    "resourceArn": "arn:aws:ec2:us-east-1:111122223333:volume/vol-1",
    "resourceType": "EBS",
}
ACTION = "ebs-archive"
MADE_AT = "2026-04-01T00:00:00+00:00"
PROVEN = {"action": ACTION, "proven": True, "reason": "", "result": {"report": {"manifest_key": "it"}}}
BROKEN = {
    "action": ACTION, "succeeded": False, "restorable": True, "prefix": "p", "evidencePrefix": "e",
    "error": "NoZoneLeft", "cause": "no room",
}  # fmt: skip
DENIED = {"error": "Lambda.Denied", "cause": "Conclude: no"}


@pytest.fixture(name="world")
def _world() -> Iterator[World]:
    with moto_clients() as clients:
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


def ledger(world: World) -> Ledger:
    return Ledger(world.clients.dynamodb, "ledger", world.clock)


def archived(world: World, status: Status = Status.KEPT, standing: str = "verified") -> None:
    """An earlier run has archived the point."""
    point = RecoveryPoint.from_json(POINT)
    evidence = {"run": "run", "actions": [PROVEN], "outcome": status, "deletion": {"outcome": str(status)}}
    world.clients.s3.put_object(Bucket="archives", Key=KEY, Body=json.dumps(evidence).encode())
    ledger(world).record_action(point, ACTION, run="run", status=standing, details={"stored_bytes": 7})
    ledger(world).record(point, run="run", status=status, details={"evidence": KEY}, made_at=MADE_AT)


def ended(world: World, **event: Any) -> None:
    told = {"bucket": "archives", "ledger": "ledger", "run": "run-2", "recoveryPoint": POINT, "facts": None}
    how: dict[str, Any] = {"results": [], "decision": None, "deletion": None, "problem": None}
    finish(world, {**told, **how, **event})


def failed_again(world: World) -> None:
    """A later run at which the action failed, to its end."""
    point, facts = RecoveryPoint.from_json(POINT), {"evidenceKey": KEY, "createdAt": MADE_AT}
    ledger(world).record(point, run="run-2", status=Status.PROCESSING, details={"evidence": "evidence/of-it"})
    told = {"bucket": "archives", "ledger": "ledger", "run": "run-2", "recoveryPoint": POINT, "facts": facts}
    decision = conclude(world, {**told, "results": [BROKEN], "settings": {"policy": "keep"}})
    finish(world, {**told, "results": [BROKEN], "decision": decision, "deletion": None, "problem": None})


def of_point(world: World) -> Entry:
    return ledger(world).entries(POINT["arn"])[0]


def test_of_a_point_that_could_not_be_described_it_stays_known_where_its_evidence_lies_and_how_old_it_is(
    world: World,
) -> None:
    archived(world, Status.FAILED)

    ended(world, problem=DENIED)

    entry = of_point(world)
    assert (entry.status, entry.run, entry.details["evidence"], entry.since) == ("failed", "run-2", KEY, MADE_AT)
    stored = json.loads(world.clients.s3.get_object(Bucket="archives", Key=KEY)["Body"].read())
    assert stored["later_run"]["problem"] == DENIED


def test_a_point_that_is_described_in_vain_for_the_first_time_waits_since_then(world: World) -> None:
    ended(world, problem=DENIED)

    assert (of_point(world).status, of_point(world).details["evidence"]) == ("failed", "")


@pytest.mark.parametrize("status", [Status.KEPT, Status.SHORTENED, Status.DELETED])
def test_what_is_archived_stands_as_that_after_a_later_run_that_began_no_action(world: World, status: Status) -> None:
    archived(world, status)

    ended(world, problem=DENIED)

    assert (of_point(world).status, of_point(world).details["failed"]) == (status, True)


def test_a_point_that_no_action_handles_any_more_keeps_its_evidence(world: World) -> None:
    archived(world)
    unhandled = describe(world, {"recoveryPoint": POINT, "run": "run-2", "ledger": "ledger", "actions": []})

    ended(world, facts=unhandled["facts"])

    entry = of_point(world)
    assert (entry.status, entry.details["evidence"], entry.since) == ("kept", KEY, MADE_AT)
    assert "Skipped" in str(entry.details["reason"])


def test_a_point_that_is_skipped_says_why(world: World) -> None:
    unhandled = describe(world, {"recoveryPoint": POINT, "run": "run", "ledger": "ledger", "actions": []})

    ended(world, facts=unhandled["facts"])

    assert of_point(world).status == "skipped"
    assert of_point(world).details["reason"] == "no installed action handles EBS"
    assert of_point(world).details["unhandled"] is True


@pytest.mark.parametrize("status", [Status.KEPT, Status.SHORTENED])
def test_a_later_run_whose_action_fails_leaves_evidence_and_ledger_of_what_was_proven(
    world: World, status: Status
) -> None:
    archived(world, status)

    failed_again(world)

    evidence = json.loads(world.clients.s3.get_object(Bucket="archives", Key=KEY)["Body"].read())
    (action,) = evidence["actions"]
    assert (action["run"], action["proven"], action["result"]) == ("run", True, PROVEN["result"])
    assert (action["later_run"]["run"], action["later_run"]["reason"]) == ("run-2", "NoZoneLeft: no room")
    assert (evidence["run"], evidence["deletion"]) == ("run-2", {"outcome": str(status)})
    assert [entry.run for entry in ledger(world).standing(Standing.ARTIFACT)] == ["run"]
    assert of_point(world).status == status


def test_a_later_run_whose_action_fails_is_shown_beside_what_stands(world: World) -> None:
    archived(world)

    failed_again(world)

    found = stands(world, ESTATE, POINT["arn"])
    assert isinstance(found, PointInDetail)
    assert [(each.status, each.is_again) for each in found.actions] == [("verified", False), ("failed", True)]
    assert found.why == "an earlier run has archived it; run-2: Failed: EBS vol-1 (snap-1)"


def test_a_step_that_is_called_again_after_a_refusal_goes_on_from_what_the_first_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived(world, Status.FAILED)
    facts = {"evidenceKey": KEY, "createdAt": MADE_AT}
    told = {"bucket": "archives", "ledger": "ledger", "run": "run-2", "recoveryPoint": POINT, "facts": facts}
    event = {**told, "results": [BROKEN], "settings": {"policy": "delete"}}

    def refused(*_: object) -> Present:
        raise AwsCallFailed(operation="DescribeRecoveryPoint", error_code="AccessDeniedException", reason="no")

    monkeypatch.setattr(tasks, "read_present", refused)
    with pytest.raises(AwsCallFailed):
        conclude(world, event)
    first = json.loads(world.clients.s3.get_object(Bucket="archives", Key=KEY)["Body"].read())
    monkeypatch.setattr(tasks, "read_present", lambda *_: Present(is_there=False))
    decision = conclude(world, event)

    second = json.loads(world.clients.s3.get_object(Bucket="archives", Key=KEY)["Body"].read())
    assert "decision" not in first
    assert second["actions"] == first["actions"]
    assert (second["decision"]["verdict"], decision["verdict"], decision["stands"]) == ("gone", "gone", True)
    assert [entry.run for entry in ledger(world).standing(Standing.ARTIFACT)] == ["run"]


def test_what_vanished_from_a_run_that_failed_is_gone_and_says_so(world: World) -> None:
    decision = {"verdict": "gone", "because": "AWS Backup does not have it", "unproven": [], "stands": False}

    ended(world, results=[BROKEN], decision=decision)

    assert (of_point(world).status, of_point(world).details["reason"]) == ("gone", "AWS Backup does not have it")


def test_what_was_found_damaged_stays_so_when_it_could_not_be_made_again(world: World) -> None:
    archived(world, standing="damaged")

    failed_again(world)

    assert of_point(world).status == "failed"
    assert ledger(world).count(Standing.DAMAGED) == 1


def test_evidence_keeps_what_an_earlier_run_has_proven_of_an_action_that_is_not_run_any_more() -> None:
    other = {"action": "other", "proven": True}

    told = with_earlier({"run": "run", "actions": [PROVEN, other]}, "run-2", [{"action": ACTION, "proven": True}])

    assert told == [{"action": ACTION, "proven": True}, {**other, "run": "run"}]


def test_a_step_that_is_called_again_writes_the_same_evidence() -> None:
    now = [{"action": ACTION, "proven": False}]
    once = with_earlier({"run": "run", "actions": [PROVEN]}, "run-2", now)

    assert with_earlier({"run": "run-2", "actions": once}, "run-2", now) == once
