"""What cannot be copied off-site is known before anything is made, and the reason says what to do instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.actions.offsite_copy.fake_account import (
    ACCOUNT,
    BUCKET,
    EXPORT_KEY,
    KINDS,
    PREFIX,
    SEPARATED,
    SOURCES,
    FakeAccount,
    point_of,
)

from backup_actions.actions.offsite_copy.announced import AnnouncedCopies, Stage
from backup_actions.actions.offsite_copy.announcing import announce
from backup_actions.actions.offsite_copy.preparing import prepare

THIRD = "777788889999"
SETTINGS = {"tag_key": "encryption_key", "tag_value": "offsite", "separated_account": SEPARATED}


def prepared(account: FakeAccount, kind: str = "RDS", **about: Any) -> dict[str, Any]:
    event = {"recoveryPoint": point_of(kind), "settings": SETTINGS, "key": EXPORT_KEY, "bucket": BUCKET}
    return dict(prepare(account.world(), {**event, "prefix": PREFIX, "ledger": "ledger", **about}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tagged_snapshot_of_a_backup_can_be_copied(kind: str) -> None:
    found = prepared(FakeAccount(), kind)

    assert found == {
        "status": "copyable",
        "reason": "",
        "announcement": {},
        "createdAt": "2026-11-22T00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("kind", "about", "reason"),
    [
        ("RDS", {"tags": {}}, "does not carry the tag encryption_key=offsite"),
        ("EBS", {"tags": {"encryption_key": "other"}}, "does not carry the tag encryption_key=offsite"),
        ("RDS", {"status": "creating"}, "is creating"),
        ("EBS", {"status": "pending"}, "is pending"),
        ("EBS", {"tier": "archive"}, "archive tier"),
        ("Aurora", {"engine": "postgres"}, "Multi-AZ DB clusters"),
        ("Aurora", {"key": ""}, "encrypts no copies of unencrypted snapshots"),
        ("RDS", {"tde": "arn:aws:…"}, "transparent data encryption"),
    ],
)
def test_what_rds_and_ebs_do_not_share_is_not_copied(kind: str, about: dict[str, Any], reason: str) -> None:
    account = FakeAccount()
    account.snapshots[SOURCES[kind]].update(about)

    found = prepared(account, kind)

    assert found["status"] == "not copyable"
    assert reason in found["reason"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([{"OptionName": "TDE", "Permanent": True, "Persistent": True}], "not copyable"),
        ([{"OptionName": "Timezone", "Permanent": False, "Persistent": True}], "not copyable"),
        ([{"OptionName": "STATSPACK", "Permanent": False, "Persistent": False}], "copyable"),
    ],
)
def test_options_that_never_leave_their_group_keep_a_snapshot_at_home(
    options: list[dict[str, Any]], status: str
) -> None:
    account = FakeAccount()
    account.snapshots[SOURCES["RDS"]].update(engine="oracle-ee", option_group="own")
    account.options = options

    assert prepared(account)["status"] == status


def test_a_backup_that_is_gone_is_named_as_such() -> None:
    account = FakeAccount()
    del account.snapshots[SOURCES["RDS"]]

    assert "no such snapshot any more" in prepared(account)["reason"]


def test_a_point_that_only_aws_backup_knows_is_not_copied() -> None:
    arn = f"arn:aws:backup:us-east-1:{ACCOUNT}:recovery-point:continuous:1"

    assert "a continuous backup" in prepared(FakeAccount(), recoveryPoint={**point_of("RDS"), "arn": arn})["reason"]


def test_the_account_of_the_backup_itself_is_no_other_place() -> None:
    settings = {**SETTINGS, "separated_account": ACCOUNT}

    assert "is the account of the backup itself" in prepared(FakeAccount(), settings=settings)["reason"]


@pytest.mark.parametrize(
    ("state", "remedy"), [("Disabled", "enable it"), ("PendingDeletion", "cancel its deletion and enable it")]
)
def test_a_key_that_encrypts_nothing_is_told_with_its_remedy(state: str, remedy: str) -> None:
    account = FakeAccount()
    account.key_state = state

    assert prepared(account)["reason"] == f"the export key {EXPORT_KEY} is {state}: {remedy}"


def test_another_regions_key_is_met_when_it_is_used() -> None:
    account = FakeAccount()
    account.key_state = "Disabled"

    assert prepared(account, key=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/there")["status"] == "copyable"


def announced(account: FakeAccount, **about: Any) -> dict[str, Any]:
    """An earlier run has announced its copy, of which this is said."""
    copy = f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:backup-actions-offsite-1"
    account.add(copy, **{"tags": {"backup-actions:run": "offsite-copy/run-1"}, "key": EXPORT_KEY, **about})
    announcement = {
        "snapshot_arn": copy,
        "resource_type": "RDS",
        "resource_arn": f"arn:aws:rds:us-east-1:{ACCOUNT}:db:shop",
        "recovery_point_arn": SOURCES["RDS"],
        "created_at": "2026-11-22T00:00:00+00:00",
        "engine": "postgres",
        "engine_version": "17.5",
        "size_gib": 20,
        "key_arn": EXPORT_KEY,
        "run": "run-1",
    }
    event = {"topic": "topic", "ledger": "ledger", "bucket": BUCKET, "prefix": PREFIX, "evidencePrefix": "e"}
    announce(account.world(), {**event, "account": SEPARATED, "announcement": announcement})
    return announcement


def test_a_copy_that_was_announced_to_no_avail_is_announced_again_and_not_copied_again() -> None:
    account = FakeAccount()
    announcement = announced(account)

    found = prepared(account)

    assert found["status"] == "announced"
    assert found["announcement"] == announcement


@pytest.mark.parametrize(
    "about", [{"status": "deleting"}, {"tags": {"backup-actions:run": "offsite-copy/run-2"}}, {"tags": {}}]
)
def test_an_announcement_whose_copy_is_gone_or_is_anothers_counts_for_nothing(about: dict[str, Any]) -> None:
    account = FakeAccount()
    announced(account, **about)

    assert prepared(account)["status"] == "copyable"


def test_a_copy_that_another_account_was_told_of_is_none_for_this_one() -> None:
    """Whoever was told may still acknowledge it, and an import of EBS's does not say whose it is."""
    account = FakeAccount()
    announced(account)

    assert prepared(account, settings={**SETTINGS, "separated_account": THIRD})["status"] == "copyable"


def test_a_copy_in_another_region_than_the_settings_now_name_is_not_announced_again() -> None:
    account = FakeAccount()
    announced(account)

    assert prepared(account, key=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/there")["status"] == "copyable"


@pytest.mark.parametrize("stage", [Stage.ACKNOWLEDGED, Stage.LEAVING, Stage.REMOVED])
def test_what_was_answered_or_is_being_removed_is_not_announced_again_but_copied_anew(stage: Stage) -> None:
    account = FakeAccount()
    announcement = announced(account)
    copies = AnnouncedCopies(account.world().clients.dynamodb, "ledger", account.world().clock)
    known = copies.find(announcement["snapshot_arn"])
    assert known is not None
    copies.stand(replace(known, stage=stage))

    assert prepared(account)["status"] == "copyable"


@pytest.mark.parametrize("stored", [b"{}", b"\xff", b""])
def test_an_announcement_that_cannot_be_read_is_left_alone(stored: bytes) -> None:
    account = FakeAccount()
    account.objects[f"{PREFIX}/run-0/announcement.json"] = stored

    assert prepared(account)["status"] == "copyable"


def test_a_backup_that_came_from_another_account_is_left_to_that() -> None:
    elsewhere = point_of("RDS")["resourceArn"].replace(ACCOUNT, "999999999999")

    found = prepared(FakeAccount(), recoveryPoint={**point_of("RDS"), "resourceArn": elsewhere})

    assert "a copy of a backup of 999999999999" in found["reason"]


def test_the_time_of_a_copied_backup_is_that_of_the_first() -> None:
    account = FakeAccount()
    account.snapshots[SOURCES["RDS"]]["original"] = datetime(2026, 11, 1, tzinfo=UTC)

    assert prepared(account)["createdAt"] == "2026-11-01T00:00:00+00:00"
