"""What people are told at the end of a run: what, why, what was kept, what to do."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions.ledger import Status
from backup_actions.lifecycle.news import News, news_of
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

POINT = RecoveryPoint(
    Arn.parse("arn:aws:ec2:us-east-1::snapshot/snap-0a1b"),
    "backups",
    Arn.parse("arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d"),
    "EBS",
)
REPORT = {"source_bytes": 10, "stored_bytes": 5, "reason": "read back in whole", "manifest_key": "a/manifest.json"}
GOOD = {"action": "ebs-archive", "succeeded": True, "report": REPORT}
BAD = {"action": "ebs-archive", "succeeded": False, "error": "NoZoneLeft", "cause": "no zone could take the volume"}
DELETE = {"verdict": "delete", "because": "all is verified", "unproven": []}
KEEP = {"verdict": "keep", "because": "the settings say keep", "unproven": []}


def news(**changes: Any) -> News:
    """The news of a good run, but for what is changed."""
    event: dict[str, Any] = {
        "run": "ebs-snap-0a1b-1234", "problem": None, "deletion": {"outcome": "deleted"}, "results": [GOOD],
        "decision": DELETE, "facts": {"skipped": ""},
    }  # fmt: skip
    return news_of(POINT, {**event, **changes})


def test_a_good_end_names_the_archive_and_what_became_of_the_backup() -> None:
    told = news()

    assert (told.status, told.failed) == (Status.DELETED, False)
    assert "a/manifest.json" in told.message
    assert "The backup was deleted: all is verified." in told.message


def test_what_was_skipped_is_recorded_and_not_sent() -> None:
    told = news(results=[], deletion=None, decision=None, facts={"skipped": "no installed action handles EFS"})

    assert told.skipped
    assert told.message == "no installed action handles EFS"


@pytest.mark.parametrize("decision", [DELETE, KEEP])
def test_what_is_not_proven_is_a_failure_under_every_policy(decision: dict[str, Any]) -> None:
    told = news(decision={**decision, "verdict": "keep", "unproven": ["ebs-archive: x is not there"]}, deletion=None)

    assert (told.status, told.failed, told.error) == (Status.FAILED, True, "NotProven")
    assert "x is not there" in told.message
    assert "The backup was kept" in told.message


def test_a_failed_action_says_why_and_what_to_do() -> None:
    told = news(results=[BAD], decision=KEEP, deletion=None)

    assert (told.failed, told.error) == (True, "ActionFailed")
    assert "NoZoneLeft: no zone could take the volume" in told.message
    assert "What to do:" in told.message


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        ("deleted", "The backup was verified and deleted."),
        ("asked", "whether it is gone could not be found out"),
        ("unproven", "the backup is still there"),
        ("shortened", "expires earlier"),
        (None, "The backup was kept"),
    ],
)
def test_a_problem_never_hides_what_became_of_the_backup(outcome: str | None, fate: str) -> None:
    told = news(problem={"error": "Oops", "cause": "Finish: …"}, deletion={"outcome": outcome} if outcome else None)

    assert told.failed
    assert fate in told.message
