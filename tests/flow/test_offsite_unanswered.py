"""A copy that nobody acknowledges for a month: people hear of it, it ends, and its backup goes off-site later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.flow.dumps import QUICK
from tests.flow.flow import MAIN
from tests.flow.offsite import ACKNOWLEDGEMENTS, COPY, REVIEW, SOURCE, Accounts, Held, buried, snapshots, two_accounts
from tests.flow.offsite_promises import (
    broken,
    deleted_only_when_imported,
    lease_holders,
    nothing_left_in_the_source,
)

from backup_actions.offsite.imports import Stage

if TYPE_CHECKING:
    from tests.flow.offsite import Snapshot

    from backup_actions_local.seaweed import ObjectServer


@dataclass
class Story:
    """What was true at some moments of it."""

    accounts: Accounts
    leases_while_there_was_no_room: list[str] = field(default_factory=list)
    copies_of_the_first_run: list[Snapshot] = field(default_factory=list)
    broken_after_the_first_run: list[str] = field(default_factory=list)
    told_after_ten_days: str = ""
    left_after_31_days: list[Snapshot] = field(default_factory=list)
    told_after_31_days: str = ""
    letters: int = 0


@pytest.fixture(name="story", scope="module")
def _story(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Story]:
    """There is no room at first; the key is one that another account lends; no acknowledgement arrives for 31 days."""
    with two_accounts(tmp_path_factory.mktemp("unanswered"), flow_objects, durations=QUICK) as accounts:
        story, source = Story(accounts), accounts.source
        source.cloud.faults.on("rds", "CopyDBClusterSnapshot").fail("SnapshotQuotaExceeded")
        source.when(COPY, "WaitForRoom", lambda: story.leases_while_there_was_no_room.extend(lease_holders(source)))
        held = Held(accounts, source, ACKNOWLEDGEMENTS)
        accounts.back_up(accounts.database(engine="aurora-postgresql", kms_key_id=lent_key(accounts)))
        story.copies_of_the_first_run = snapshots(source)
        story.broken_after_the_first_run = broken(accounts)
        (story.told_after_ten_days,) = accounts.review(days=10)
        (story.told_after_31_days,) = accounts.review(days=21)
        story.left_after_31_days = snapshots(source)
        with source.cloud.clock.actor():
            held.let_go()
        accounts.wait()
        story.letters = len(buried(source))
        with source.cloud.clock.actor():
            accounts.replay()
        accounts.wait()
        yield story


def lent_key(accounts: Accounts) -> str:
    """A key of another account, which lets everybody of the source use it whom IAM lets there."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{SOURCE}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return accounts.separated.cloud.keys.make(policy=policy).arn


def test_a_run_that_waits_for_room_holds_no_place_among_the_copies(story: Story) -> None:
    assert len(story.accounts.source.cloud.audit.of("rds", "CopyDBClusterSnapshot")) == 3
    assert story.leases_while_there_was_no_room == []


def test_a_backup_under_a_key_that_another_account_lends_is_copied_under_the_export_key(story: Story) -> None:
    (copy,) = story.copies_of_the_first_run

    assert f":{SOURCE}:key/" in copy.key_arn


def test_people_are_told_of_the_copy_and_what_becomes_of_it(story: Story) -> None:
    (copy,) = story.copies_of_the_first_run

    assert copy.arn in story.told_after_ten_days
    assert "has not been acknowledged for" in story.told_after_ten_days
    assert "removed: nobody has acknowledged it for 30 days" in story.told_after_31_days
    mails = story.accounts.source.cloud.audit.of("sns", "Publish")
    assert [each.verdict for each in mails if each.caller and each.caller.role == REVIEW] == ["allowed", "allowed"]


def test_after_its_days_the_copy_is_gone(story: Story) -> None:
    assert story.left_after_31_days == []


def test_an_acknowledgement_after_all_this_is_evidence_and_no_dead_letter(story: Story) -> None:
    assert story.broken_after_the_first_run == []
    assert story.letters == 0


def test_whose_promise_is_nearly_over_is_copied_again_and_goes_by_a_new_promise(story: Story) -> None:
    accounts = story.accounts
    imports = accounts.imports()

    assert [each.status for each in accounts.source.executions(MAIN)] == ["FAILED", "SUCCEEDED"]
    assert accounts.source.point is None
    assert len({each.announcement.snapshot_arn for each in imports}) == 2
    assert {each.stage for each in imports} == {Stage.ACKNOWLEDGED}
    assert deleted_only_when_imported(accounts) == nothing_left_in_the_source(accounts) == []


def test_all_of_it_is_done_with_the_rights_that_are_granted(story: Story) -> None:
    assert story.accounts.source.cloud.audit.refused() == ()
