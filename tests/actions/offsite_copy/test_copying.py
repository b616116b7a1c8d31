"""A copy is begun once, under the export key and with tags of its own; what becomes of it is told in our words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.actions.offsite_copy.fake_account import (
    ACCOUNT,
    EXPORT_KEY,
    KINDS,
    RESOURCES,
    SOURCES,
    FakeAccount,
    point_of,
)

from backup_actions.actions.offsite_copy.copying import copy, describe
from backup_actions.errors import AwsCallFailed
from backup_actions.model.offsite import Announcement

NAME, TAG = "backup-actions-offsite-1", "offsite-copy/run-1"
TAGS = {"backup-actions": "yes", "encryption_key": "offsite"}
OPERATIONS = {"RDS": "copy_db_snapshot", "Aurora": "copy_db_cluster_snapshot", "EBS": "copy_snapshot"}
DONE = {"RDS": "available", "Aurora": "available", "EBS": "completed"}


def event(kind: str, **about: Any) -> dict[str, Any]:
    usual = {"name": NAME, "tag": TAG, "tags": TAGS, "key": EXPORT_KEY, "region": "us-east-1", "run": "run-1"}
    rest = {"ledger": "ledger", "waited": False, "createdAt": "2026-11-21T00:00:00+00:00"}
    return {"recoveryPoint": point_of(kind), **usual, **rest, **about}


def copied(account: FakeAccount, kind: str, **about: Any) -> str:
    return str(copy(account.world(), event(kind, **about))["status"])


def the_copy(account: FakeAccount) -> dict[str, Any]:
    (only,) = account.copies.values()
    return only


def statuses(account: FakeAccount) -> list[str]:
    """What the ledger says of the action."""
    return [item["status"]["S"] for (_, name), item in account.items.items() if name == "action#offsite-copy"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_the_export_key_and_tags_of_its_own(kind: str) -> None:
    account = FakeAccount()
    account.snapshots[SOURCES[kind]]["tags"]["team"] = "shop"

    assert copied(account, kind) == "begun"

    made = the_copy(account)
    assert made["key"] == EXPORT_KEY
    assert made["tags"] == {**TAGS, "backup-actions:run": TAG}


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_whose_beginning_was_not_answered_is_found_again(kind: str) -> None:
    account = FakeAccount()
    copied(account, kind)

    assert copied(account, kind) == "begun"

    assert len(account.copies) == 1
    assert len(account.called(OPERATIONS[kind])) == 1


@pytest.mark.parametrize(
    ("kind", "code"), [("RDS", "DBSnapshotAlreadyExists"), ("Aurora", "DBClusterSnapshotAlreadyExistsFault")]
)
def test_a_name_that_was_taken_meanwhile_is_looked_at_and_no_failure(kind: str, code: str) -> None:
    account = FakeAccount()
    account.refuses[OPERATIONS[kind]] = code

    assert copied(account, kind) == "begun"


@pytest.mark.parametrize(("kind", "source"), [("RDS", "SourceRegion"), ("Aurora", "SourceRegion")])
def test_in_another_region_the_copy_says_where_its_source_is(kind: str, source: str) -> None:
    account = FakeAccount()
    copied(account, kind, region="eu-west-1")
    copied(account, kind)

    there, here = account.called(OPERATIONS[kind])
    assert there[source] == "us-east-1"
    assert source not in here


@pytest.mark.parametrize(("kind", "code"), [("RDS", "SnapshotQuotaExceeded"), ("EBS", "ResourceLimitExceeded")])
def test_without_room_the_run_waits_and_stands_so_in_the_ledger(kind: str, code: str) -> None:
    account = FakeAccount()
    account.refuses[OPERATIONS[kind]] = code

    assert copied(account, kind) == "no room"
    assert statuses(account) == ["waiting"]

    account.refuses.clear()

    assert copied(account, kind, waited=True) == "begun"
    assert statuses(account) == ["processing"]


def test_a_key_that_rds_may_not_use_is_told_apart_and_named() -> None:
    account = FakeAccount()
    account.refuses["copy_db_snapshot"] = "KMSKeyNotAccessibleFault"

    found = copy(account.world(), event("RDS"))

    assert found["status"] == "key not accessible"
    assert EXPORT_KEY in found["reason"]


def test_any_other_refusal_is_a_failure() -> None:
    account = FakeAccount()
    account.refuses["copy_db_snapshot"] = "AccessDenied"

    with pytest.raises(AwsCallFailed):
        copied(account, "RDS")


def described(account: FakeAccount, kind: str, **about: Any) -> dict[str, Any]:
    return dict(describe(account.world(), event(kind, **about)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_announced_is_what_aws_says_of_the_copy(kind: str) -> None:
    account = FakeAccount()
    copied(account, kind)
    made = the_copy(account)
    made["status"] = DONE[kind]

    found = described(account, kind)

    assert found["status"] == "available"
    announcement = Announcement(**found["announcement"])
    assert announcement.snapshot_arn == made["arn"]
    assert (announcement.resource_arn, announcement.recovery_point_arn) == (RESOURCES[kind], SOURCES[kind])
    assert announcement.created_at == "2026-11-21T00:00:00+00:00"
    assert (announcement.key_arn, announcement.run) == (EXPORT_KEY, "run-1")
    expected = ("", "", 8) if kind == "EBS" else (made["engine"], "17.5", 20)
    assert (announcement.engine, announcement.engine_version, announcement.size_gib) == expected


def test_aurora_which_states_no_size_is_announced_with_the_least() -> None:
    account = FakeAccount()
    copied(account, "Aurora")
    the_copy(account).update(status="available", size_gib=0)

    assert described(account, "Aurora")["announcement"]["size_gib"] == 1


def test_a_copy_under_way_is_awaited_by_the_name_that_events_have() -> None:
    database, volume = FakeAccount(), FakeAccount()
    copied(database, "RDS")
    copied(volume, "EBS")

    assert (described(database, "RDS")["status"], described(volume, "EBS")["status"]) == ("under way", "under way")
    assert described(database, "RDS")["awaited"] == f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:{NAME}"
    assert described(volume, "EBS")["awaited"] == "arn:aws:ec2::us-east-1:snapshot/snap-1"


def test_what_cannot_be_found_is_told_as_missing() -> None:
    assert described(FakeAccount(), "EBS")["status"] == "missing"


def test_a_snapshot_of_others_under_the_same_name_is_not_the_copy() -> None:
    account = FakeAccount()
    account.add(f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:{NAME}", tags={})

    assert described(account, "RDS")["status"] == "missing"


def test_ebs_words_for_a_failure_are_passed_on() -> None:
    account = FakeAccount()
    copied(account, "EBS")
    the_copy(account).update(status="error", message="Given key ID is not accessible")

    found = described(account, "EBS")

    assert (found["status"], found["reason"]) == ("failed", "Given key ID is not accessible")


def test_a_copy_under_another_key_is_none() -> None:
    account = FakeAccount()
    copied(account, "RDS")
    the_copy(account).update(status="available", key="arn:aws:kms:us-east-1:111122223333:key/other")

    found = described(account, "RDS")

    assert found["status"] == "failed"
    assert "key/other instead of" in found["reason"]


def test_of_two_copies_the_one_that_is_furthest_is_taken() -> None:
    account = FakeAccount()
    copied(account, "EBS")
    late = account.add(
        "arn:aws:ec2:us-east-1::snapshot/snap-9", status="completed", key=EXPORT_KEY, tags={"backup-actions:run": TAG}
    )

    assert described(account, "EBS")["announcement"]["snapshot_arn"] == late["arn"]
