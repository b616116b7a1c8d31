"""The decision about a backup: kept unless everything speaks for letting go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_actions.aws.proof import Outcome
from backup_actions.lifecycle.decision import Decision, decide
from backup_actions.lifecycle.settings import LifecycleSettings

GOOD = Outcome(action="ebs-archive", succeeded=True, proven=True, restorable=True)
DELETE = LifecycleSettings(policy="delete")


def verdict(**changes: Any) -> Decision:
    """The decision where everything speaks for deletion but what is changed."""
    facts: dict[str, Any] = {
        "settings": DELETE, "outcomes": [GOOD], "continuous": False, "legal_holds": [], "tags": {},
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
        ({"legal_holds": ["lawsuit"]}, "lawsuit"),
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

    assert verdict(settings=settings, tags={"archive": "yes"}).verdict == "delete"
    assert verdict(settings=settings, tags={"archive": "no"}).verdict == "keep"


OUTCOMES = st.builds(
    Outcome, action=st.just("a"), succeeded=st.booleans(), proven=st.booleans(), restorable=st.booleans()
)


@given(
    policy=st.sampled_from(("keep", "shorten", "delete")),
    outcomes=st.lists(OUTCOMES, max_size=3),
    continuous=st.booleans(),
    holds=st.lists(st.text(min_size=1), max_size=1),
    after_unrestorable=st.booleans(),
)
def test_nothing_is_let_go_unless_all_that_was_made_is_proven(
    policy: Literal["keep", "shorten", "delete"],
    outcomes: list[Outcome],
    continuous: bool,
    holds: list[str],
    after_unrestorable: bool,
) -> None:
    settings = LifecycleSettings(policy=policy, after_unrestorable=after_unrestorable)

    decision = verdict(settings=settings, outcomes=outcomes, continuous=continuous, legal_holds=holds)

    if decision.verdict != "keep":
        assert outcomes
        assert all(outcome.succeeded and outcome.proven for outcome in outcomes)
        assert after_unrestorable or any(outcome.restorable for outcome in outcomes)
        assert not continuous
        assert not holds
