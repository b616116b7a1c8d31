"""From the shared copy to its removal: what is announced, which acknowledgements count, what is removed and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.actions.offsite_copy.fake_account import (
    ACCOUNT,
    BUCKET,
    EVIDENCE,
    EXPORT_KEY,
    KINDS,
    NOW,
    PREFIX,
    RESOURCES,
    SEPARATED,
    SOURCES,
    FakeAccount,
    evidence_of,
    point_of,
)

from backup_actions.actions.offsite_copy.acknowledging import acknowledge
from backup_actions.actions.offsite_copy.announcing import announce, share
from backup_actions.actions.offsite_copy.cleaning import clean
from backup_actions.actions.offsite_copy.reporting import report
from backup_actions.errors import AwsCallFailed, CopyNotGone, NotVerified
from backup_actions.ledger import Waiter, Waits
from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of
from backup_actions.model.report import ActionReport

NAME, KEY = "backup-actions-offsite-1", f"{PREFIX}/run-1/announcement.json"
COPIES = {
    "RDS": f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:{NAME}",
    "Aurora": f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster-snapshot:{NAME}",
    "EBS": "arn:aws:ec2:us-east-1::snapshot/snap-1",
}
IMPORTS = {
    "RDS": f"arn:aws:rds:us-east-1:{SEPARATED}:snapshot:import-1",
    "Aurora": f"arn:aws:rds:us-east-1:{SEPARATED}:cluster-snapshot:import-1",
    "EBS": "arn:aws:ec2:us-east-1::snapshot/snap-import",
}
OURS = {"backup-actions:run": "offsite-copy/run-1"}


def announcement_of(kind: str) -> Announcement:
    return Announcement(
        snapshot_arn=COPIES[kind],
        resource_type=kind,
        resource_arn=RESOURCES[kind],
        recovery_point_arn=SOURCES[kind],
        created_at=NOW.isoformat(),
        engine="" if kind == "EBS" else "postgres",
        engine_version="" if kind == "EBS" else "17.5",
        size_gib=8,
        key_arn=EXPORT_KEY,
        run="run-1",
    )


def acknowledgement_of(kind: str) -> Acknowledgement:
    return Acknowledgement(
        announcement_sha256=sha256_of(announcement_of(kind).to_bytes()),
        snapshot_arn=COPIES[kind],
        run="run-1",
        imported_arn=IMPORTS[kind],
        imported_at=NOW.isoformat(),
        kept_until=(NOW + timedelta(days=35)).isoformat(),
        size_gib=8,
    )


def with_copy(kind: str = "RDS") -> FakeAccount:
    """The run has made its copy."""
    account = FakeAccount()
    account.add(COPIES[kind], tags=dict(OURS), key=EXPORT_KEY)
    return account


def announced(account: FakeAccount, kind: str = "RDS") -> dict[str, Any]:
    event = {"topic": "topic", "ledger": "ledger", "bucket": BUCKET, "prefix": PREFIX, "evidencePrefix": EVIDENCE}
    return dict(announce(account.world(), {**event, "announcement": asdict(announcement_of(kind))}))


def with_announcement(kind: str = "RDS") -> FakeAccount:
    """The copy was shared, too, and announced."""
    account = with_copy(kind)
    share(account.world(), {"announcement": asdict(announcement_of(kind)), "account": SEPARATED})
    announced(account, kind)
    return account


def heard(account: FakeAccount, body: str) -> dict[str, Any]:
    """What the function of the inbox makes of a message."""
    world = account.world(
        BACKUP_ACTIONS_BUCKET=BUCKET,
        BACKUP_ACTIONS_DEAD_LETTERS="dead-letters",
        BACKUP_ACTIONS_LEDGER="ledger",
        BACKUP_ACTIONS_SETTINGS=json.dumps({"separated_account": SEPARATED}),
    )
    return dict(acknowledge(world, {"Records": [{"body": body}]}))


def text_of(acknowledgement: Acknowledgement) -> str:
    return acknowledgement.to_bytes().decode()


def cleaned(account: FakeAccount, kind: str = "RDS", run: str = "run-1") -> list[str]:
    where = {"bucket": BUCKET, "prefix": PREFIX, "evidencePrefix": EVIDENCE, "region": "us-east-1"}
    event = {"recoveryPoint": point_of(kind), "name": NAME, "run": run, "account": SEPARATED, **where}
    return list(clean(account.world(), event)["pending"])


def reported(account: FakeAccount) -> dict[str, Any]:
    return dict(report(account.world(), {"bucket": BUCKET, "evidencePrefix": EVIDENCE}))


# ----------------------------------------------------------------------------------------------------- the announcement


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_shared_with_the_separated_account_and_nobody_else(kind: str) -> None:
    assert with_announcement(kind).snapshots[COPIES[kind]]["shared"] == {SEPARATED}


def test_what_is_published_stands_in_the_bucket_to_the_byte() -> None:
    account = with_announcement()

    assert [text.encode() for text in account.published] == [account.objects[KEY]]
    assert Announcement.from_text(account.published[0]) == announcement_of("RDS")


def test_an_announcement_whose_answer_was_lost_is_repeated_in_the_same_words() -> None:
    account = with_announcement()

    announced(account)

    assert len(account.published) == 2
    assert len(set(account.published)) == 1


def test_nothing_that_was_never_published_keeps_a_copy() -> None:
    account = with_copy()
    account.refuses["publish"] = "NotFound"

    with pytest.raises(AwsCallFailed):
        announced(account)

    assert KEY not in account.objects


def test_no_other_announcement_is_written_over() -> None:
    account = with_copy()
    account.objects[KEY] = b"another"

    with pytest.raises(NotVerified, match="another announcement"):
        announced(account)


# -------------------------------------------------------------------------------------------------- the acknowledgement


@pytest.mark.parametrize("kind", KINDS)
def test_an_acknowledgement_that_fits_becomes_evidence_by_which_the_backup_may_go(kind: str) -> None:
    account = with_announcement(kind)
    Waits(account.world().clients.dynamodb, "ledger", account.world().clock).begin(
        COPIES[kind], Waiter("run-1", "token"), seconds=60
    )

    heard(account, text_of(acknowledgement_of(kind)))

    evidence = evidence_of(account)
    assert evidence is not None
    assert evidence["verified"] is True
    assert evidence["acknowledgement"] == asdict(acknowledgement_of(kind))
    found = ActionReport.from_json(reported(account)["report"])
    assert found.verified
    assert found.manifest_key == KEY
    assert found.manifest_sha256 == evidence["manifest_sha256"] == sha256_of(account.objects[KEY])
    assert found.artifacts[0].size_bytes == len(account.objects[KEY])


def test_who_waits_for_it_goes_on_and_removes_the_copy() -> None:
    account = with_announcement()
    Waits(account.world().clients.dynamodb, "ledger", account.world().clock).begin(
        COPIES["RDS"], Waiter("run-1", "token"), seconds=60
    )

    assert heard(account, text_of(acknowledgement_of("RDS")))["woken"] == ["run-1"]

    assert account.sent == ["token"]
    assert account.called("delete_db_snapshot") == []


def test_the_copy_of_a_run_that_waits_no_more_is_removed_by_the_message() -> None:
    account = with_announcement("EBS")

    heard(account, text_of(acknowledgement_of("EBS")))

    assert account.copies == {}
    assert [call["OperationType"] for call in account.called("modify_snapshot_attribute")] == ["add", "remove"]


def test_a_message_comes_again_until_its_copy_is_gone() -> None:
    account = with_announcement()

    with pytest.raises(CopyNotGone, match="is not gone yet"):
        heard(account, text_of(acknowledgement_of("RDS")))
    del account.snapshots[COPIES["RDS"]]

    assert heard(account, text_of(acknowledgement_of("RDS")))["acknowledged"] == COPIES["RDS"]


def test_an_acknowledgement_that_comes_twice_changes_nothing() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    before = evidence_of(account)

    heard(account, text_of(replace(acknowledgement_of("EBS"), imported_at="2027-01-01T00:00:00+00:00")))

    assert evidence_of(account) == before
    assert account.buried == []


FALSE: dict[str, Callable[[Acknowledgement], Acknowledgement]] = {
    "of other words": lambda it: replace(it, announcement_sha256="0" * 64),
    "of another run": lambda it: replace(it, run="run-2"),
    "of another size": lambda it: replace(it, size_gib=9),
    "of a snapshot that was never announced": lambda it: replace(it, snapshot_arn=SOURCES["RDS"]),
    "by another account": lambda it: replace(it, imported_arn=IMPORTS["RDS"].replace(SEPARATED, "999999999999")),
    "of the copy itself": lambda it: replace(it, imported_arn=COPIES["RDS"]),
    "of another kind": lambda it: replace(it, imported_arn=IMPORTS["Aurora"]),
    "of another service": lambda it: replace(it, imported_arn=IMPORTS["EBS"]),
}


@pytest.mark.parametrize("false", FALSE.values(), ids=FALSE)
def test_an_acknowledgement_that_does_not_fit_is_a_dead_letter_and_nothing_else(
    false: Callable[[Acknowledgement], Acknowledgement],
) -> None:
    account = with_announcement()
    body = text_of(false(acknowledgement_of("RDS")))

    assert "refused" in heard(account, body)

    (letter,) = account.buried
    assert (letter["QueueUrl"], letter["MessageBody"]) == ("dead-letters", body)
    assert letter["MessageAttributes"]["reason"]["StringValue"].startswith("BA0203")
    assert evidence_of(account) is None
    assert COPIES["RDS"] in account.copies


def test_an_acknowledgement_that_calls_the_copy_of_a_volume_its_import_is_a_dead_letter() -> None:
    account = with_announcement("EBS")

    heard(account, text_of(replace(acknowledgement_of("EBS"), imported_arn=COPIES["EBS"])))

    assert len(account.buried) == 1
    assert evidence_of(account) is None


def test_an_acknowledgement_of_what_is_stored_nowhere_is_a_dead_letter() -> None:
    account = with_announcement()
    del account.objects[KEY]

    assert "which it would be the evidence of" in heard(account, text_of(acknowledgement_of("RDS")))["refused"]
    assert evidence_of(account) is None


@pytest.mark.parametrize("body", ["{}", "no JSON", "[" * 5000, '{"format": 1}', "x" * 20_000])
def test_what_is_no_acknowledgement_at_all_is_a_dead_letter(body: str) -> None:
    account = with_announcement()

    assert "refused" in heard(account, body)
    assert len(account.buried) == 1


# -------------------------------------------------------------------------------------------------------- what is left


def test_nothing_is_reported_before_an_acknowledgement() -> None:
    assert reported(with_announcement()) == {"acknowledged": False, "report": {}}


def test_an_announcement_that_was_changed_since_is_not_the_acknowledged_one() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    account.objects[KEY] = replace(announcement_of("EBS"), size_gib=9).to_bytes()

    assert reported(account)["report"]["verified"] is False


def test_an_acknowledgement_of_days_ago_says_nothing_of_today() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    account.now += timedelta(days=2, seconds=1)

    with pytest.raises(NotVerified, match="and not since"):
        reported(account)


def test_an_announcement_that_is_gone_proves_nothing() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    del account.objects[KEY]

    with pytest.raises(NotVerified, match="there is no"):
        reported(account)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_nobody_has_heard_of_is_removed(kind: str) -> None:
    account = with_copy(kind)

    left = cleaned(account, kind)

    assert left == ([] if kind == "EBS" else [f"the copy {NAME} is not gone yet"])
    assert account.copies.get(COPIES[kind], {}).get("shared", set()) == set()
    assert account.copies.get(COPIES[kind], {}).get("status", "deleting") == "deleting"


def test_an_announced_copy_that_nobody_has_acknowledged_stays_and_stays_shared() -> None:
    account = with_announcement()

    assert cleaned(account) == []

    assert account.snapshots[COPIES["RDS"]]["status"] == "available"
    assert account.snapshots[COPIES["RDS"]]["shared"] == {SEPARATED}


def acknowledged_while_awaited(kind: str) -> FakeAccount:
    account = with_announcement(kind)
    Waits(account.world().clients.dynamodb, "ledger", account.world().clock).begin(
        COPIES[kind], Waiter("run-1", "token"), seconds=60
    )
    heard(account, text_of(acknowledgement_of(kind)))
    return account


@pytest.mark.parametrize("run", ["run-1", "run-2"])
def test_an_acknowledged_copy_is_removed_also_by_a_later_run_that_announced_it_again(run: str) -> None:
    account = acknowledged_while_awaited("RDS")

    assert cleaned(account, run=run) == [f"the copy {NAME} is not gone yet"]
    assert account.snapshots[COPIES["RDS"]]["status"] == "deleting"

    del account.snapshots[COPIES["RDS"]]
    assert cleaned(account, run=run) == []


def test_both_copies_go_where_a_lost_answer_has_made_two() -> None:
    account = with_copy("EBS")
    account.add("arn:aws:ec2:us-east-1::snapshot/snap-2", tags=dict(OURS))

    assert cleaned(account, "EBS") == []
    assert account.copies == {}


@pytest.mark.parametrize("code", ["InvalidDBSnapshotState", "InvalidDBSnapshotStateFault"])
def test_a_copy_that_is_still_being_made_is_waited_for(code: str) -> None:
    account = with_copy()
    account.snapshots[COPIES["RDS"]]["status"] = "copying"
    account.refuses["delete_db_snapshot"] = code

    assert cleaned(account) == [f"the copy {NAME} is not gone yet"]
    assert account.called("modify_db_snapshot_attribute") == []


def test_what_others_have_made_under_such_a_name_is_left_alone() -> None:
    account = with_copy()
    account.snapshots[COPIES["RDS"]]["tags"] = {"backup-actions:run": "offsite-copy/run-2"}

    assert cleaned(account) == []
    assert account.calls == []


def test_a_removal_that_is_refused_is_no_success() -> None:
    account = with_copy()
    account.refuses["delete_db_snapshot"] = "AccessDenied"

    with pytest.raises(AwsCallFailed):
        cleaned(account)
