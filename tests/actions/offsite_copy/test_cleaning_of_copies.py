"""Which copies a run removes, and which of them have to stay."""

from __future__ import annotations

import pytest
from tests.actions.offsite_copy.fake_account import (
    KINDS,
    SEPARATED,
)
from tests.actions.offsite_copy.one_copy import (
    COPIES,
    NAME,
    OURS,
    acknowledged_while_awaited,
    cleaned,
    with_announcement,
    with_copy,
)

from backup_actions.errors import AwsCallFailed


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
