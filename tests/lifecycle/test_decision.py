"""The decision about a backup: kept unless everything speaks for letting go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_actions.aws.proof import Outcome
from backup_actions.lifecycle.decision import Decision, decide
from backup_actions.lifecycle.describing import Present
from backup_actions.lifecycle.lasting import Lasting
from backup_actions.lifecycle.settings import LifecycleSettings

GOOD = Outcome(action="ebs-archive", succeeded=True, proven=True, restorable=True)
DELETE = LifecycleSettings(policy="delete")
SHORTEN = LifecycleSettings(policy="shorten", shorten_to_days=30)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
ENDING = Lasting(
    action="ebs-archive",
    manifest_key="p/manifest.json",
    written_at=NOW - timedelta(days=34),
    ends_at=TOMORROW,
    counts_until=NOW - timedelta(days=25),
)


def verdict(**changes: Any) -> Decision:
    """The decision where everything speaks for deletion but what is changed."""
    facts: dict[str, Any] = {
        "settings": DELETE, "outcomes": [GOOD], "continuous": False, "present": Present(), "lasting": [], "now": NOW,
    }  # fmt: skip
    return decide(**{**facts, **changes})


def test_a_verified_restorable_archive_lets_the_backup_go() -> None:
    assert verdict().verdict == "delete"


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"settings": LifecycleSettings()}, "the settings say keep"),
        ({"outcomes": []}, "no action"),
        ({"outcomes": [GOOD, replace(GOOD, succeeded=False, reason="no capacity")]}, "no capacity"),
        ({"outcomes": [GOOD, replace(GOOD, proven=False, reason="size differs")]}, "size differs"),
        ({"outcomes": [replace(GOOD, restorable=False)]}, "can restore"),
        ({"continuous": True}, "continuous"),
        ({"present": Present(legal_holds=["lawsuit"])}, "lawsuit"),
        ({"lasting": [ENDING]}, "stored on 2026-03-31, and the lifecycle of its bucket ends it on 2026-05-05"),
        ({"settings": SHORTEN, "lasting": [ENDING]}, "remove the s3 key p/manifest.json"),
        ({"settings": SHORTEN, "present": Present(ends_after_days=7)}, "it ends 7 days after its creation already"),
        ({"settings": SHORTEN, "present": Present(ends_after_days=30)}, "the settings say 30"),
        (
            {"settings": LifecycleSettings(policy="delete", backup_tag_key="archive", backup_tag_value="yes")},
            "archive=yes",
        ),
    ],
)
def test_every_objection_keeps_the_backup_and_says_why(changes: dict[str, Any], because: str) -> None:
    decision = verdict(**changes)

    assert decision.verdict == "keep"
    assert because in decision.because


def test_one_restorable_artifact_is_enough_beside_others_that_are_not() -> None:
    assert verdict(outcomes=[GOOD, replace(GOOD, restorable=False)]).verdict == "delete"


def test_deleting_after_what_cannot_restore_needs_its_own_setting() -> None:
    settings = LifecycleSettings(policy="delete", after_unrestorable=True)

    assert verdict(settings=settings, outcomes=[replace(GOOD, restorable=False)]).verdict == "delete"


def test_the_backup_tag_lets_go_only_what_carries_it() -> None:
    settings = LifecycleSettings(policy="delete", backup_tag_key="archive", backup_tag_value="yes")

    assert verdict(settings=settings, present=Present(tags={"archive": "yes"})).verdict == "delete"
    assert verdict(settings=settings, present=Present(tags={"archive": "no"})).verdict == "keep"


@pytest.mark.parametrize("days", [None, 31])
def test_a_backup_that_ends_later_is_shortened(days: int | None) -> None:
    assert verdict(settings=SHORTEN, present=Present(ends_after_days=days)).verdict == "shorten"


def test_an_archive_that_still_counts_lets_the_backup_go() -> None:
    assert verdict(lasting=[replace(ENDING, counts_until=NOW)]).verdict == "delete"


@pytest.mark.parametrize("outcome", [GOOD, replace(GOOD, succeeded=False)])
def test_what_is_gone_is_not_said_to_be_kept(outcome: Outcome) -> None:
    decision = verdict(outcomes=[outcome], present=Present(is_there=False))

    assert decision.verdict == "gone"
    assert decision.because.startswith("AWS Backup does not have it any more")


@pytest.mark.parametrize("status", ["DELETING", "EXPIRED"])
def test_what_aws_backup_removes_by_itself_is_left_to_it(status: str) -> None:
    decision = verdict(present=Present(is_whole=False, status=status))

    assert (decision.verdict, status in decision.because) == ("leave", True)


def test_where_backups_are_kept_nobody_has_looked_whether_it_is_there() -> None:
    assert verdict(settings=LifecycleSettings(), present=Present(is_there=False)).verdict == "keep"


OUTCOMES = st.builds(
    Outcome, action=st.just("a"), succeeded=st.booleans(), proven=st.booleans(), restorable=st.booleans()
)


@given(
    policy=st.sampled_from(("keep", "shorten", "delete")),
    outcomes=st.lists(OUTCOMES, max_size=3),
    continuous=st.booleans(),
    holds=st.lists(st.text(min_size=1), max_size=1),
    after_unrestorable=st.booleans(),
    present=st.builds(Present, is_there=st.booleans(), is_whole=st.booleans()),
    counts_for=st.lists(st.timedeltas(timedelta(days=-9), timedelta(days=9)), max_size=2),
)
def test_nothing_is_let_go_unless_all_that_was_made_is_proven(
    policy: Literal["keep", "shorten", "delete"],
    outcomes: list[Outcome],
    continuous: bool,
    holds: list[str],
    after_unrestorable: bool,
    present: Present,
    counts_for: list[timedelta],
) -> None:
    settings = LifecycleSettings(policy=policy, after_unrestorable=after_unrestorable)

    decision = verdict(
        settings=settings,
        outcomes=outcomes,
        continuous=continuous,
        present=replace(present, legal_holds=holds),
        lasting=[replace(ENDING, counts_until=NOW + left) for left in counts_for],
    )

    if decision.verdict in {"shorten", "delete"}:
        assert outcomes
        assert all(outcome.succeeded and outcome.proven for outcome in outcomes)
        assert after_unrestorable or any(outcome.restorable for outcome in outcomes)
        assert not continuous
        assert not holds
        assert present.is_there
        assert present.is_whole
        assert all(left >= timedelta(0) for left in counts_for)
