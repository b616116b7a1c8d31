"""What people have deleted, or will never get, is known as removed once AWS shows nothing of it; and not before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.offsite.kept_imports import days_ago, kept
from tests.offsite.retained_account import Account

from backup_actions.errors import ForgetRefused, ImportUnknown
from backup_actions.offsite.holds import forget
from backup_actions.offsite.imports import Acted, Import, Stage
from backup_actions.offsite.retaining import retain
from backup_actions.offsite.snapshots import name_in

KINDS = ("RDS", "Aurora", "EBS")
RULES = '{"days": 7, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0}'


def deleted(each: Import) -> Account:
    """An account in which somebody has deleted the snapshot of that import by hand."""
    here = Account([each], RULES)
    here.snapshots.found.clear()
    return here


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_that_was_deleted_by_hand_is_known_as_removed_and_told_no_more(kind: str) -> None:
    gone = kept("gone", days_ago(30), resource_type=kind)
    here = deleted(gone)
    assert len(retain(here.world, {})["troubles"]) == 1

    forget(here.world, here.ledger, gone.imported_arn)

    assert here.known("gone").stage is Stage.REMOVED
    assert retain(here.world, {})["troubles"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_aws_still_shows_is_not_forgotten(kind: str) -> None:
    there = kept("there", days_ago(30), resource_type=kind)
    here = Account([there], RULES)

    with pytest.raises(ForgetRefused, match="delete it first"):
        forget(here.world, here.ledger, there.imported_arn)
    assert here.known("there").is_verified


def test_a_disk_that_has_lost_its_tags_is_still_there() -> None:
    there = kept("there", days_ago(30), resource_type="EBS")
    here = Account([there], RULES)
    here.snapshots.found[name_in(there.imported_arn)]["Tags"] = []

    with pytest.raises(ForgetRefused, match="delete it first"):
        forget(here.world, here.ledger, there.imported_arn)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"hold": "audit"}, "it is under a hold: audit"),
        ({"stage": Stage.IMPORTING}, "an execution is at it"),
        ({"acted": Acted.RUNNING}, "an execution is at it"),
        ({"stage": Stage.REMOVED}, "it has been removed"),
    ],
)
def test_what_somebody_wants_is_not_forgotten(about: dict[str, Any], why: str) -> None:
    here = deleted(kept("wanted", days_ago(30), **about))

    with pytest.raises(ForgetRefused, match=why):
        forget(here.world, here.ledger, here.known("wanted").announcement.snapshot_arn)


def test_what_has_failed_for_good_can_be_given_up() -> None:
    failed = kept("failed", days_ago(1), stage=Stage.FAILED, imported_arn="", imported_at="")
    here = Account([failed], RULES)

    assert forget(here.world, here.ledger, failed.announcement.snapshot_arn).stage is Stage.REMOVED


def test_what_the_ledger_does_not_know_cannot_be_forgotten() -> None:
    here = Account([], RULES)

    with pytest.raises(ImportUnknown):
        forget(here.world, here.ledger, "arn:aws:rds:us-east-1:444455556666:snapshot:other")
