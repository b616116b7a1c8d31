"""Once a day what is due is begun, and what cannot be read any more leaves the queue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.estate.ledgers import point
from tests.proving.vaults import ACTION, ESTATE, archived, chill, put, report_of

from backup_actions.errors import AwsCallFailed
from backup_actions.estate.description import VARIABLE
from backup_actions.ledger import Ledger, Standing, Status
from backup_actions.proving import ProvingSettings, concluding, scheduling
from backup_actions.proving.bucket import stored_document
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


@pytest.fixture(name="told")
def _told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The problems of which people were told."""
    told: list[str] = []
    monkeypatch.setattr(concluding, "_tell", lambda _world, _place, proof, _key: told.append("; ".join(proof.problems)))
    return told


def cold(world: World) -> tuple[str, str]:
    """An archive of two objects of which the larger one lies in Deep Archive; the larger and the smaller one's key."""
    prefix = archived(world, POINT)
    data, index = f"{prefix}/run/files.tar.zst", f"{prefix}/run/index.parquet"
    put(world, data, b"larger data")
    put(world, index, b"index")
    report_of(world, f"{EVIDENCE_PREFIX}/evidence.json", data, index)
    chill(world, data)
    return data, index


def test_what_is_too_cold_to_be_read_needs_no_job_and_is_looked_at_again_when_its_turn_comes(
    world: World, begun: list[tuple[str, Any]]
) -> None:
    cold(world)
    proven = entry(world).since

    assert [called(world)["verifications"] for _ in range(2)] == [0, 0]

    assert begun == []
    assert (entry(world).standing, entry(world).details["last_proven"]) == (Standing.COLD, proven)
    assert entry(world).since == world.clock.now().isoformat()
    assert entry(world).details["proofs"]["look"]["objects_compared"] == 2


def test_what_is_not_due_for_a_look_is_not_looked_at(world: World, begun: list[tuple[str, Any]]) -> None:
    cold(world)
    called(world)
    looked_at = entry(world).since
    world.clock.sleep(-timedelta(days=50).total_seconds())

    called(world)

    assert (entry(world).since, begun) == (looked_at, [])


@pytest.mark.parametrize("lost", ["index", "data", "manifest"])
def test_what_is_lost_of_something_cold_is_found_at_the_next_turn(
    world: World, begun: list[tuple[str, Any]], told: list[str], lost: str
) -> None:
    data, index = cold(world)
    called(world)
    manifest = f"{POINT.prefix(ACTION, '2026-05-04')}/manifest.json"
    key = {"index": index, "data": data, "manifest": manifest}[lost]
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=key)

    called(world)

    if lost == "data":  # nothing is cold any more: a job reads what is left
        assert len(begun) == 1
    else:
        assert (entry(world).standing, told, begun) == (Standing.DAMAGED, [f"{key} is not there"], [])


def test_what_has_replaced_something_cold_is_found_at_the_next_turn(
    world: World, begun: list[tuple[str, Any]], told: list[str]
) -> None:
    data, _ = cold(world)
    called(world)
    chill(world, data, b"LARGER DATA")

    called(world)

    assert (entry(world).standing, begun) == (Standing.DAMAGED, [])
    assert "has the CRC64NVME" in told[0]


def test_what_was_thawed_is_read_when_its_turn_comes(world: World, begun: list[tuple[str, Any]]) -> None:
    data, _ = cold(world)
    called(world)
    put(world, data, b"larger data")

    assert called(world)["verifications"] == 1
    assert len(begun) == 1


def test_evidence_that_has_to_be_thawed_is_told_by_the_ledger_and_the_next_is_proven(
    world: World, begun: list[tuple[str, Any]]
) -> None:
    archived(world, POINT)
    chill(world, f"{EVIDENCE_PREFIX}/evidence.json")
    world.clock.sleep(60)
    archived(world, point("snap-2"))

    assert called(world)["verifications"] == 1

    assert [given["recoveryPoint"]["arn"] for _, given in begun] == [str(point("snap-2").arn)]
    assert entry(world).standing == Standing.COLD
    assert entry(world).details["proofs"]["look"]["objects_compared"] == 0


def test_what_s3_refuses_to_show_is_raised_when_all_else_is_begun(
    world: World, begun: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    archived(world, POINT)
    world.clock.sleep(60)
    archived(world, point("snap-2"))

    def refusing(s3: Any, bucket: str, key: str) -> Any:
        if key.startswith(EVIDENCE_PREFIX):
            raise AwsCallFailed(operation="GetObject", error_code="AccessDenied", reason="denied")
        return stored_document(s3, bucket, key)

    monkeypatch.setattr(scheduling, "stored_document", refusing)

    with pytest.raises(AwsCallFailed, match="AccessDenied"):
        called(world)

    assert [given["recoveryPoint"]["arn"] for _, given in begun] == [str(point("snap-2").arn)]
    assert entry(world).standing == Standing.ARTIFACT, "it stays due"


@pytest.mark.parametrize(("days", "status"), [(100, "expired"), (1000, "verified"), (None, "verified")])
def test_what_the_lifecycle_has_ended_is_not_looked_for(
    world: World, begun: list[tuple[str, Any]], days: int | None, status: str
) -> None:
    prefix = archived(world, POINT)
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=f"{prefix}/manifest.json")

    called(world, expires_after_days=days)

    assert entry(world).status == status
    assert len(begun) == (status == "verified")
