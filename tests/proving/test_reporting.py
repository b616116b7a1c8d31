"""The report says what ledger, evidence and bucket say, and what it could not look at."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tests.estate.ledgers import VOLUME, point
from tests.proving.vaults import ACTION, ESTATE, archived

from backup_actions.cli.report_page import page
from backup_actions.ledger import Ledger, Status
from backup_actions.model.progress import Silence
from backup_actions.proving.reporting import report_on

if TYPE_CHECKING:
    from backup_actions.aws import World
    from backup_actions.model.json_types import JsonObject
    from backup_actions.proving.report import Report

MARKUP = "arn:aws:ec2:us-east-1:111122223333:volume/<b>vol"


def report(world: World) -> Report:
    return report_on(world, ESTATE, Silence())


def failed(world: World, name: str, why: str, of: str = VOLUME) -> None:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record(point(name, of), run="run", status=Status.FAILED, details={"reason": why})


def test_an_archived_backup_is_reported_with_its_proof_and_the_hashes_of_its_documents(world: World) -> None:
    prefix = archived(world, point("snap-1"))

    (resource,) = report(world).resources
    (found,) = resource.points
    (archive,) = found.archives

    evidence_key = found.evidence.removeprefix(f"s3://{ESTATE.bucket}/")
    evidence = world.clients.s3.get_object(Bucket=ESTATE.bucket, Key=evidence_key)["Body"].read()
    assert (resource.resource, found.status, found.why) == (VOLUME, "kept", "the settings say keep")
    assert found.tags == (("team", "books"),)
    assert found.evidence_sha256 == hashlib.sha256(evidence).hexdigest()
    assert (archive.action, archive.standing, archive.proven_by) == (ACTION, "artifact", "run")
    assert archive.proven_at == world.clock.now().isoformat()
    assert (archive.place, archive.manifest_now) == (f"s3://{ESTATE.bucket}/{prefix}", "as proven")


def test_a_backup_that_failed_is_not_protected_and_says_why(world: World) -> None:
    failed(world, "snap-1", "the volume cannot be made")

    found = report(world)

    assert [(each.point, each.why) for each in found.unprotected] == [
        (str(point("snap-1").arn), "the volume cannot be made")
    ]
    assert found.counts["resources_without_archive"] == 1


def test_a_backup_that_is_gone_after_a_failure_is_not_said_to_be_kept_as_an_earlier_run_decided(world: World) -> None:
    archived(world, point("snap-1"))
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    evidence = ledger.entries(str(point("snap-1").arn))[0].details["evidence"]
    details = {"evidence": evidence, "reason": "AWS Backup does not have it any more"}
    ledger.record(point("snap-1"), run="run-2", status=Status.GONE, details=details)

    (found,) = report(world).unprotected

    assert (found.status, found.why) == ("gone", "AWS Backup does not have it any more")


def test_what_waits_to_be_archived_again_is_no_second_archive(world: World) -> None:
    archived(world, point("snap-1"))
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(point("snap-1"), ACTION, run="run-2", status="waiting", details={})

    ((found,),) = (resource.points for resource in report(world).resources)

    assert [(archive.standing, archive.manifest_now) for archive in found.archives] == [("artifact", "as proven")]


def test_a_manifest_that_is_gone_or_another_is_damage(world: World) -> None:
    gone, changed = archived(world, point("snap-1")), archived(world, point("snap-2"))
    world.clients.s3.delete_object(Bucket=ESTATE.bucket, Key=f"{gone}/manifest.json")
    world.clients.s3.put_object(Bucket=ESTATE.bucket, Key=f"{changed}/manifest.json", Body=b"{}")

    damaged = {each.point.rpartition("/")[2]: archive.manifest_now for each, archive in report(world).damaged}

    assert damaged == {"snap-1": "missing", "snap-2": "another"}


def test_of_a_cold_archive_it_is_told_when_it_was_read_and_when_it_was_only_looked_at(world: World) -> None:
    archived(world, point("snap-1"))
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    told = {"sha256": "", "problem": "", "key": "proofs/x.json"}
    proofs: JsonObject = {
        "verification": {**told, "kind": "verification", "found": "good", "at": "2026-08-01T00:00:00+00:00"},
        "look": {
            **told, "kind": "verification", "found": "cold", "at": "2026-11-01T00:00:00+00:00", "objects_compared": 3
        },
    }  # fmt: skip
    details: JsonObject = {"proofs": proofs, "last_proven": "2026-08-01T00:00:00+00:00"}
    ledger.record_action(point("snap-1"), ACTION, run="run", status="cold", details=details)

    made = report(world)

    ((archive,),) = (each.archives for each in made.points)
    assert (archive.proven_at, archive.proven_by) == ("2026-08-01T00:00:00+00:00", "verification")
    assert archive.looked_at == "2026-11-01T00:00:00+00:00"
    assert "2026-11-01 00:00 UTC</time>, not read: S3 told the sizes and checksums" in page(made)


def test_what_cannot_be_asked_is_a_remark_and_no_silence(world: World) -> None:
    """moto knows no legal holds."""
    assert any("legal holds" in remark for remark in report(world).remarks)


def test_the_bucket_tells_how_long_it_keeps_what_is_in_it(world: World) -> None:
    rule = {
        "ID": "all",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Transitions": [{"Days": 30, "StorageClass": "DEEP_ARCHIVE"}],
        "Expiration": {"Days": 400},
    }
    world.clients.s3.put_bucket_lifecycle_configuration(
        Bucket=ESTATE.bucket,
        LifecycleConfiguration={"Rules": [rule]},  # type: ignore[list-item]
    )

    told = report(world).retention

    assert "After 30 days what is stored is moved to DEEP_ARCHIVE." in told
    assert "After 400 days what is stored is removed." in told
    assert any("no object lock" in sentence for sentence in told)


def test_the_same_state_makes_the_same_report(world: World) -> None:
    for number in range(3):
        archived(world, point(f"snap-{number}"))
        failed(world, f"snap-{number}", "no", of=f"{VOLUME}-{2 - number}")

    first, second = report(world), report(world)

    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    assert page(first) == page(second)


def test_the_page_needs_nothing_from_elsewhere_and_shows_no_markup_of_others(world: World) -> None:
    archived(world, point("snap-1"))
    failed(world, "snap-2", "<script>alert(1)</script>", of=MARKUP)

    shown = page(report(world))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script" not in shown
    assert "<b>vol" not in shown
    assert not any(word in shown for word in ("src=", "href=", "@import", "url("))


def test_an_empty_estate_is_reported_as_one(world: World) -> None:
    found = report(world)

    assert found.counts["backups"] == 0
    assert "The ledger knows of no backup." in page(found)
