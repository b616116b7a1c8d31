"""Copies that nobody acknowledges: people hear of them daily, and after their days they go, if they still may."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.actions.offsite_copy.fake_account import KINDS, SEPARATED, FakeAccount
from tests.actions.offsite_copy.one_copy import (
    COPIES,
    acknowledgement_of,
    announced,
    announced_as,
    announcement_of,
    heard,
    known_of,
    let_go,
    text_of,
    with_announcement,
    with_copy,
)

from backup_actions.actions.offsite_copy.announced import AnnouncedCopies, Stage
from backup_actions.actions.offsite_copy.unacknowledged import review

SETTINGS = {"separated_account": SEPARATED, "acknowledgement_timeout_hours": 48, "unacknowledged_copy_days": 30}


def reviewed(account: FakeAccount, *, days: float = 0) -> list[str]:
    """What people hear after so many more days."""
    account.now += timedelta(days=days)
    settings = json.dumps(SETTINGS)
    world = account.world(
        BACKUP_ACTIONS_LEDGER="ledger", BACKUP_ACTIONS_SETTINGS=settings, BACKUP_ACTIONS_TOPIC="people"
    )
    before = len(account.published)
    told: list[str] = list(review(world, {})["told"])
    assert account.published[before:] == (["\n\n".join(told)] if told else [])
    return told


def test_nobody_is_told_while_a_run_waits() -> None:
    assert reviewed(with_announcement(), days=2) == []


@pytest.mark.parametrize("kind", KINDS)
def test_people_hear_daily_of_a_copy_that_nobody_acknowledges(kind: str) -> None:
    account = with_announcement(kind)

    (sentence,) = reviewed(account, days=29)

    assert "has not been acknowledged for 29 days" in sentence
    assert "on 2026-12-22 it is removed" in sentence
    assert account.snapshots[COPIES[kind]]["shared"] == {SEPARATED}


@pytest.mark.parametrize("kind", KINDS)
def test_after_its_days_it_is_unshared_and_deleted(kind: str) -> None:
    account = with_announcement(kind)

    (sentence,) = reviewed(account, days=30)

    assert "removed: nobody has acknowledged it for 30 days" in sentence
    left = account.copies.get(COPIES[kind], {"status": "deleting", "shared": set()})
    assert (left["status"], left["shared"]) == ("deleting", set())
    assert known_of(account, kind).stage is (Stage.REMOVED if kind == "EBS" else Stage.LEAVING)


def test_once_it_is_gone_nobody_hears_of_it_any_more() -> None:
    account = with_announcement()
    reviewed(account, days=30)
    del account.snapshots[COPIES["RDS"]]

    assert [reviewed(account, days=1), reviewed(account, days=1)] == [[], []]
    assert known_of(account).stage is Stage.REMOVED


def test_its_days_begin_again_when_it_is_announced_again() -> None:
    account = with_announcement()
    account.now += timedelta(days=29)
    announced(account)

    assert reviewed(account, days=2) == []
    assert "on 2027-01-20 it is removed" in reviewed(account, days=1)[0]


def test_a_copy_that_another_account_was_told_of_is_looked_for_there() -> None:
    account = with_copy()
    announced_as(account, announcement_of("RDS"), to="777788889999")

    (sentence,) = reviewed(account, days=29)

    assert "Look at the imports of account 777788889999" in sentence
    assert f"account {SEPARATED} is told of a new copy" in sentence


def test_an_acknowledged_copy_is_nothing_to_tell_of() -> None:
    account = with_announcement("EBS")
    heard(account, text_of(acknowledgement_of("EBS")))

    assert reviewed(account, days=60) == []


def test_a_copy_that_is_acknowledged_in_the_same_moment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    account = with_announcement()
    stand = AnnouncedCopies.stand

    def after_the_other(copies: AnnouncedCopies, changed: object) -> object:
        monkeypatch.setattr(AnnouncedCopies, "stand", stand)
        stand(copies, replace(known_of(account), stage=Stage.ACKNOWLEDGED))
        return stand(copies, changed)  # type: ignore[arg-type]

    monkeypatch.setattr(AnnouncedCopies, "stand", after_the_other)

    assert reviewed(account, days=30) == []
    assert account.called("delete_db_snapshot") == []
    assert known_of(account).stage is Stage.ACKNOWLEDGED


def test_an_acknowledgement_of_what_is_being_removed_still_counts() -> None:
    account = with_announcement("EBS")
    let_go(account, "EBS")

    assert heard(account, text_of(acknowledgement_of("EBS")))["acknowledged"] == COPIES["EBS"]
    assert known_of(account, "EBS").stage is Stage.ACKNOWLEDGED


def test_of_a_copy_that_somebody_else_has_removed_people_hear_once() -> None:
    account = with_announcement()
    del account.snapshots[COPIES["RDS"]]

    assert "is not there any more: somebody else has removed it" in reviewed(account)[0]
    assert reviewed(account, days=40) == []


def test_what_cannot_be_removed_is_told_with_the_reason_and_tried_again() -> None:
    account = with_announcement()
    account.refuses["delete_db_snapshot"] = "AccessDenied"

    assert "cannot be removed, costs storage and may still be shared" in reviewed(account, days=30)[0]

    del account.refuses["delete_db_snapshot"]
    assert "is being removed" in reviewed(account, days=1)[0]


def test_what_merely_has_the_name_of_a_copy_is_never_removed() -> None:
    account = with_announcement()
    account.snapshots[COPIES["RDS"]]["tags"] = {}

    reviewed(account, days=60)

    assert account.snapshots[COPIES["RDS"]]["status"] == "available"
