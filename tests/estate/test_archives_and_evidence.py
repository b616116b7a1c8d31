"""The bucket compared with itself: what was archived has evidence, what was proven is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.estate.ledgers import HOUR, NOON
from tests.estate.watched_account import LONG_AGO, WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate import evidence
from backup_actions.estate.evidence import archives_and_evidence
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

DAY = "2026-05-01"


def point(name: str) -> RecoveryPoint:
    arn = Arn.parse(f"arn:aws:ec2:us-east-1::snapshot/{name}")
    return RecoveryPoint(arn, "backups", Arn.parse("arn:aws:ec2:us-east-1:111122223333:volume/vol-1"), "EBS")


def archived(account: Account, name: str, at: object = LONG_AGO) -> str:
    """An archive stands whole; its folder."""
    folder = point(name).prefix("ebs-archive", DAY)
    for key in ("run/whole/files.tar.zst", "manifest.json"):
        account.objects[f"{folder}/{key}"] = at  # type: ignore[assignment]
    return f"s3://{WATCHED.bucket}/{folder}"


def proven(account: Account, name: str, *, verified: bool = True) -> str:
    """Evidence stands, with a verification; its folder."""
    folder = point(name).prefix("evidence", DAY)
    for key in ("ebs-archive-verification.json", "evidence.json"):
        account.objects[f"{folder}/{key}"] = LONG_AGO
    account.documents[f"{folder}/ebs-archive-verification.json"] = {"verified": verified}
    return f"s3://{WATCHED.bucket}/{folder}"


def found(account: Account, world: World) -> list[tuple[str, str]]:
    return [(finding.kind, finding.subject) for finding in account.found(archives_and_evidence, world)]


def test_what_was_archived_and_proven_is_as_it_should_be(world: World) -> None:
    account = Account(page=2)
    for name in ("snap-1", "snap-1-2", "snap-10", "snap-2"):  # sorted otherwise with the slash that follows
        archived(account, name)
        proven(account, name)

    assert found(account, world) == []


def test_an_archive_without_evidence_is_told(world: World) -> None:
    account = Account()
    archived(account, "snap-1")
    proven(account, "snap-1")
    lonely = archived(account, "snap-2")

    assert found(account, world) == [("archive without evidence", lonely)]


def test_a_verified_archive_that_is_gone_is_told(world: World) -> None:
    account = Account()
    archived(account, "snap-1")
    proven(account, "snap-1")
    lonely = proven(account, "snap-2")

    assert found(account, world) == [("evidence without archive", lonely)]


def reported(account: Account, name: str, manifest: str) -> str:
    """An action's report of something that was verified, whose objects stand but for the manifest; its evidence."""
    archived(account, name)
    lonely = proven(account, name)
    folder, evidence = (point(name).prefix(kind, DAY) for kind in ("ebs-archive", "evidence"))
    del account.objects[f"{folder}/manifest.json"]
    report = {"verified": True, "manifest_key": f"{folder}/{manifest}"}
    account.documents[f"{evidence}/evidence.json"] = {
        "actions": [{"action": "ebs-archive", "result": {"report": report}}]
    }
    return lonely


def test_a_verified_archive_whose_manifest_is_gone_is_told(world: World) -> None:
    account = Account()
    lonely = reported(account, "snap-1", "manifest.json")

    (finding,) = account.found(archives_and_evidence, world)

    assert (finding.kind, finding.subject) == ("evidence without archive", lonely)
    assert "its manifest ebs-archive/" in finding.what


def test_a_manifest_that_an_action_calls_otherwise_is_not_missed(world: World) -> None:
    account = Account()
    reported(account, "snap-1", "run/whole/files.tar.zst")

    assert found(account, world) == []


def test_evidence_that_cannot_be_read_is_told_and_the_next_is_looked_at(world: World) -> None:
    account = Account()
    proven(account, "snap-1")
    lonely = proven(account, "snap-2")
    key = f"{point('snap-1').prefix('evidence', DAY)}/ebs-archive-verification.json"
    account.refused_keys[key] = "InvalidObjectState"

    assert [kind for kind, _ in found(account, world)] == ["not looked at", "evidence without archive"]
    assert found(account, world)[1][1] == lonely


def test_a_page_ends_after_so_many_keys_however_few_folders_they_are_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account()
    lonely = [archived(account, f"snap-{number}") for number in range(4)]
    monkeypatch.setattr(evidence, "_KEYS", 3)

    pages = list(archives_and_evidence(account.looking(world), ""))
    rest = list(archives_and_evidence(account.looking(world), pages[0].cursor))

    assert [[finding.subject for finding in page.findings] for page in pages] == [lonely[:2], lonely[2:], []]
    assert [finding.subject for page in rest for finding in page.findings] == lonely[2:]


def test_what_was_never_verified_and_was_discarded_is_not_missed(world: World) -> None:
    account = Account()
    proven(account, "snap-1", verified=False)

    assert found(account, world) == []


def test_an_archive_that_never_became_whole_needs_no_evidence(world: World) -> None:
    account = Account()
    folder = archived(account, "snap-1").removeprefix(f"s3://{WATCHED.bucket}/")
    del account.objects[f"{folder}/manifest.json"]

    assert found(account, world) == []


def test_what_is_being_written_is_left_alone(world: World) -> None:
    account = Account()
    archived(account, "snap-1", at=NOON - HOUR / 2)

    assert found(account, world) == []


def test_what_a_run_is_at_is_left_alone(world: World) -> None:
    account = Account()
    archived(account, "snap-1")
    details = {"evidence": point("snap-1").prefix("evidence", DAY)}
    ledger = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)
    ledger.record(point("snap-1"), run="run", status=Status.PROCESSING, details=details)

    assert found(account, world) == []


def test_what_the_lifecycle_of_the_bucket_is_about_to_end_is_left_alone(world: World) -> None:
    account = Account()
    proven(account, "snap-1")
    ends_tomorrow = replace(WATCHED, expires_after_days=3)

    assert account.found(archives_and_evidence, world, estate=ends_tomorrow) == []


def test_what_lies_elsewhere_in_the_bucket_is_not_looked_at(world: World) -> None:
    account = Account(objects={"ebs-archive/by-hand/manifest.json": LONG_AGO, "home/manifest.json": LONG_AGO})

    assert found(account, world) == []


def test_the_next_call_goes_on_behind_the_folder_at_which_one_has_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "_FOLDERS", 1)
    account = Account()
    lonely = [archived(account, name) for name in ("snap-1-2", "snap-1", "snap-10")]
    looking = account.looking(world)

    first = next(archives_and_evidence(looking, ""))
    rest = [finding.subject for page in archives_and_evidence(looking, first.cursor) for finding in page.findings]

    assert [first.findings[0].subject, *rest] == lonely
