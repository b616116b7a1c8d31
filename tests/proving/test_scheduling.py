"""Once a day what is due is begun, and what cannot be read any more leaves the queue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.estate.ledgers import point
from tests.proving.vaults import ACTION, ESTATE, archived, put

from backup_actions.estate.description import VARIABLE
from backup_actions.ledger import Ledger, Standing, Status
from backup_actions.proving import ProvingSettings, scheduling
from backup_actions.proving.elsewhere import TESTERS
from backup_actions.proving.scheduling import MACHINE, SETTINGS, begin_proofs

if TYPE_CHECKING:
    from backup_actions.aws import World

POINT = point("snap-1")
EVIDENCE_PREFIX = POINT.prefix("evidence", "2026-05-04")
EVERY_QUARTER = ProvingSettings(verify_every_days=90)


@pytest.fixture(name="begun")
def _begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The executions that were begun: name and input."""
    begun: list[tuple[str, Any]] = []

    def begin(_client: object, machine: str, name: str, given: Any) -> bool:
        assert machine == "proving"
        begun.append((name, given))
        return True

    monkeypatch.setattr(scheduling, "begin", begin)
    return begun


def called(
    world: World,
    *,
    settings: ProvingSettings = EVERY_QUARTER,
    expires_after_days: int | None = None,
    testers: str = "{}",
) -> Any:
    """What the function answers, a hundred days after all was archived."""
    world.clock.sleep(timedelta(days=100).total_seconds())
    estate = replace(ESTATE, expires_after_days=expires_after_days)
    environment = {
        VARIABLE: estate.to_text(),
        MACHINE: "proving",
        SETTINGS: json.dumps(settings.to_json()),
        TESTERS: testers,
    }
    return begin_proofs(replace(world, environment=environment), {})


def entry(world: World) -> Any:
    return Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock).entries(str(POINT.arn))[1]


def test_an_archive_that_is_due_is_proven_in_a_run_named_after_the_day(
    world: World, begun: list[tuple[str, Any]]
) -> None:
    archived(world, POINT)

    assert called(world) == {"restores": 0, "verifications": 1}

    ((name, given),) = begun
    assert name.startswith("verification-2026-08-12-ebs-archive-")
    assert (given["action"], given["kind"]) == (ACTION, "verification")
    assert given["proofKey"].startswith("proofs/date=2026-08-12/resource_type=EBS/")
    assert given["proofKey"].endswith("/ebs-archive-verification-120000.json")


def test_what_is_restored_today_is_not_verified_as_well(world: World, begun: list[tuple[str, Any]]) -> None:
    archived(world, POINT)
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(POINT, ACTION, run="run", status="verified", details={"restorable": True})

    assert called(world, settings=replace(EVERY_QUARTER, restore_every_days=1)) == {"restores": 1, "verifications": 0}
    assert [given["kind"] for _, given in begun] == ["restore"]


@pytest.mark.parametrize(("every_days", "tests"), [(1, 1), (None, 0)], ids=["restore-test", "verification"])
def test_a_restore_test_is_made_by_the_action_s_own_machine_where_it_can(
    world: World, begun: list[tuple[str, Any]], every_days: int | None, tests: int
) -> None:
    prefix = archived(world, POINT)
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(POINT, ACTION, run="run", status="verified", details={"restorable": True})

    called(
        world,
        settings=replace(EVERY_QUARTER, restore_every_days=every_days),
        testers=json.dumps({ACTION: "arn:of-its-machine"}),
    )

    ((_, given),) = begun
    asked = {
        "machineArn": "arn:of-its-machine",
        "prefix": prefix,
        "evidencePrefix": EVIDENCE_PREFIX,
        "documentKey": given["proofKey"].removesuffix(".json") + "-restored.json",
    }
    assert given.get("test") == (asked if tests else None)


def test_what_a_run_is_at_is_left_to_it(world: World, begun: list[tuple[str, Any]]) -> None:
    archived(world, POINT)
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record(POINT, run="run-2", status=Status.PROCESSING, details={"evidence": "evidence/of-it"})

    assert called(world)["verifications"] == 0
    assert begun == []


def test_what_is_too_cold_to_be_read_needs_no_job_and_leaves_the_queue(
    world: World, begun: list[tuple[str, Any]]
) -> None:
    prefix = archived(world, POINT)
    evidence_key = f"{POINT.prefix('evidence', '2026-05-04')}/evidence.json"
    evidence = json.loads(world.clients.s3.get_object(Bucket=ESTATE.bucket, Key=evidence_key)["Body"].read())
    report = evidence["actions"][0]["result"]["report"]
    report["artifacts"] = [{"key": f"{prefix}/data", "size_bytes": 4, "crc64nvme": ""}]
    report |= {"verified": True, "reason": "", "verification_key": "", "source_bytes": 0, "stored_bytes": 0}
    put(world, evidence_key, json.dumps(evidence).encode())
    world.clients.s3.put_object(Bucket=ESTATE.bucket, Key=f"{prefix}/data", Body=b"cold", StorageClass="GLACIER")
    proven = entry(world).since

    assert called(world)["verifications"] == 0

    assert begun == []
    assert (entry(world).standing, entry(world).details["last_proven"]) == (Standing.COLD, proven)


@pytest.mark.parametrize(("days", "status"), [(100, "expired"), (1000, "verified"), (None, "verified")])
def test_what_the_lifecycle_has_ended_is_not_looked_for(
    world: World, begun: list[tuple[str, Any]], days: int | None, status: str
) -> None:
    prefix = archived(world, POINT)
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=f"{prefix}/manifest.json")

    called(world, expires_after_days=days)

    assert entry(world).status == status
    assert len(begun) == (status == "verified")
