"""What is announced of a shared copy, and which acknowledgements become evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
from tests.actions.offsite_copy.fake_account import (
    KINDS,
    SEPARATED,
    SOURCES,
    evidence_of,
)
from tests.actions.offsite_copy.one_copy import (
    COPIES,
    IMPORTS,
    KEY,
    acknowledged_while_awaited,
    acknowledgement_of,
    announced,
    announcement_of,
    cleaned,
    heard,
    let_go,
    reported,
    text_of,
    with_announcement,
    with_copy,
)

from backup_actions.errors import AwsCallFailed, CopyNotGone, NotVerified
from backup_actions.ledger import Waiter, Waits
from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of
from backup_actions.model.report import ActionReport


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


@pytest.mark.parametrize("step", ["put_object", "put_item", "publish"])
def test_a_copy_stays_exactly_from_the_moment_when_somebody_may_have_heard_of_it(step: str) -> None:
    account = with_copy("EBS")
    account.refuses[step] = "AccessDenied"

    with pytest.raises(AwsCallFailed):
        announced(account, "EBS")

    cleaned(account, "EBS")
    assert (COPIES["EBS"] in account.copies) == (step == "publish")


def test_a_copy_that_is_being_removed_is_not_announced_again() -> None:
    account = with_announcement()
    let_go(account)

    with pytest.raises(NotVerified, match="for too long and is removed"):
        announced(account)

    assert len(account.published) == 1


def test_what_was_acknowledged_a_moment_ago_is_not_announced_again() -> None:
    account = acknowledged_while_awaited("RDS")

    announced(account)

    assert len(account.published) == 1


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
    assert found.usage == {f"snapshot_gib_hours:{kind}": 2 * announcement_of(kind).size_gib}


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
