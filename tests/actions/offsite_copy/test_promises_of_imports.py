"""What an acknowledgement is worth when a run asks: for which announcement it is, and how far its promise reaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.actions.offsite_copy.fake_account import (
    NOW,
)
from tests.actions.offsite_copy.one_copy import (
    COPIES,
    KEY,
    acknowledged_while_awaited,
    acknowledgement_of,
    announced_as,
    announcement_of,
    heard,
    reported,
    text_of,
    with_announcement,
)

from backup_actions.model.offsite import sha256_of


def test_nothing_is_reported_before_an_acknowledgement() -> None:
    assert reported(with_announcement()) == {"acknowledged": False, "report": {}}


def test_an_announcement_that_was_changed_since_is_not_the_acknowledged_one() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    account.objects[KEY] = replace(announcement_of("EBS"), size_gib=9).to_bytes()

    assert reported(account)["report"]["verified"] is False


def test_an_acknowledgement_counts_as_long_as_its_promise_reaches_far_enough() -> None:
    account = acknowledged_while_awaited("EBS")

    account.now += timedelta(days=21)
    assert reported(account)["report"]["verified"] is True

    account.now += timedelta(seconds=1)
    assert reported(account)["report"]["verified"] is False
    assert "2026-12-27T00:00:00+00:00, but promised_days wants" in reported(account)["report"]["reason"]


def test_what_was_said_to_one_announcement_is_no_answer_to_another() -> None:
    account = acknowledged_while_awaited("RDS")
    again = replace(announcement_of("RDS"), run="run-2", snapshot_arn=f"{COPIES['RDS']}-again")
    account.objects[KEY.replace("run-1", "run-2")] = again.to_bytes()

    assert reported(account, "run-1")["acknowledged"] is True
    assert reported(account, "run-2") == {"acknowledged": False, "report": {}}


def test_of_what_was_said_to_earlier_runs_the_best_counts() -> None:
    account = acknowledged_while_awaited("RDS")
    again = replace(announcement_of("RDS"), run="run-2", snapshot_arn=f"{COPIES['RDS']}-again")
    announced_as(account, again)
    later = NOW + timedelta(days=70)
    said = replace(
        acknowledgement_of("RDS"),
        announcement_sha256=sha256_of(again.to_bytes()),
        snapshot_arn=again.snapshot_arn,
        run="run-2",
        kept_until=later.isoformat(),
    )
    heard(account, text_of(said))
    account.now += timedelta(days=30)

    assert reported(account)["report"]["summary"]["run"] == "run-2"
    assert reported(account)["report"]["verified"] is True


def test_an_announcement_that_is_gone_proves_nothing() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    del account.objects[KEY]

    assert reported(account) == {"acknowledged": False, "report": {}}
