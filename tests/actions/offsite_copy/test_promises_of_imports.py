"""What an acknowledgement is worth when a run asks: for which announcement it is, and how far its promise reaches."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.actions.offsite_copy.fake_account import KINDS, NOW, SEPARATED
from tests.actions.offsite_copy.one_copy import (
    COPIES,
    IMPORTS,
    KEY,
    acknowledged_while_awaited,
    acknowledgement_of,
    announced_as,
    announcement_of,
    heard,
    reported,
    text_of,
    with_announcement,
    with_copy,
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


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_of_another_account_than_the_settings_now_name_does_not_count(kind: str) -> None:
    account = acknowledged_while_awaited(kind)

    report = reported(account, separated="777788889999")["report"]

    assert report["verified"] is False
    assert report["reason"] == f"{IMPORTS[kind]} is of account {SEPARATED}, not of account 777788889999"


@pytest.mark.parametrize("kind", KINDS)
def test_an_acknowledgement_of_whom_nobody_noted_counts_where_the_import_itself_says_whose_it_is(kind: str) -> None:
    account = acknowledged_while_awaited(kind)
    (key,) = (key for key in account.objects if key.endswith("/acknowledgement.json"))
    evidence = json.loads(account.objects[key])
    del evidence["account"]
    account.objects[key] = json.dumps(evidence).encode()

    assert reported(account)["report"]["verified"] is (kind != "EBS")


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_that_is_not_where_copy_region_wants_it_does_not_count(kind: str) -> None:
    account = acknowledged_while_awaited(kind)

    report = reported(account, region="eu-west-1")["report"]

    assert report["verified"] is False
    assert report["reason"] == f"{IMPORTS[kind]} lies in us-east-1, not in eu-west-1 as copy_region wants"


def test_an_account_that_was_told_before_the_settings_changed_acknowledges_for_itself_alone() -> None:
    account = with_copy("EBS")
    announced_as(account, announcement_of("EBS"), to="777788889999")
    heard(account, text_of(acknowledgement_of("EBS")))

    assert reported(account)["report"]["verified"] is False
    assert reported(account, separated="777788889999")["report"]["verified"] is True


def test_an_announcement_that_is_gone_proves_nothing() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))
    del account.objects[KEY]

    assert reported(account) == {"acknowledged": False, "report": {}}
