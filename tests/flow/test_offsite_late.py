"""An acknowledgement that is lost, comes late, comes twice: the backup is safe, and in the end nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.flow.dumps import QUICK
from tests.flow.offsite import (
    ACKNOWLEDGEMENTS,
    ANNOUNCEMENTS,
    SEPARATED,
    Accounts,
    Held,
    buried,
    snapshots,
    two_accounts,
)
from tests.flow.offsite_promises import broken

from backup_actions.offsite.imports import Stage

if TYPE_CHECKING:
    from tests.flow.offsite import Snapshot

    from backup_actions_local.seaweed import ObjectServer


@dataclass
class Story:
    """What was true at three moments of one run."""

    accounts: Accounts
    copies_after_the_timeout: list[Snapshot] = field(default_factory=list)
    shared_with: list[str] = field(default_factory=list)
    broken_after_the_timeout: list[str] = field(default_factory=list)
    executions_before: int = 0
    messages: int = 0


@pytest.fixture(name="story", scope="module")
def _story(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Story]:
    """Acknowledgements lie about until the run has given up; it is announced again; then all of them arrive."""
    with two_accounts(tmp_path_factory.mktemp("late"), flow_objects, durations=QUICK) as accounts:
        held = Held(accounts, accounts.source, ACKNOWLEDGEMENTS)
        accounts.back_up(accounts.database(engine="aurora-postgresql"))
        story = Story(accounts, snapshots(accounts.source))
        story.shared_with = shared_with(accounts)
        story.broken_after_the_timeout = broken(accounts)
        story.executions_before = len(accounts.importing)
        with accounts.source.cloud.clock.actor():
            accounts.source.cloud.administrator.client("sns").publish(
                TopicArn=accounts.source.cloud.place.arn("sns", ANNOUNCEMENTS),
                Message=accounts.imports()[0].announcement.to_bytes().decode(),
            )
        accounts.wait()
        story.messages = len(held.messages)
        with accounts.source.cloud.clock.actor():
            held.let_go()
        accounts.wait()
        yield story


def shared_with(accounts: Accounts) -> list[str]:
    rds = accounts.source.cloud.administrator.client("rds")
    found: list[str] = []
    for copy in snapshots(accounts.source):
        name = copy.arn.rpartition(":")[2]
        result = rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier=name)
        for each in result["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]:
            found += each["AttributeValues"]
    return found


def test_a_run_that_nobody_acknowledges_fails_and_says_so(story: Story) -> None:
    source = story.accounts.source

    assert story.accounts.copying.error == "NotAcknowledged"
    assert source.main.status == "FAILED"
    assert source.point is not None
    assert any("NotAcknowledged" in notice["Message"] for notice in source.notices)


def test_the_copy_stays_shared_for_whoever_may_still_import_it(story: Story) -> None:
    assert len(story.copies_after_the_timeout) == 1
    assert story.shared_with == [SEPARATED]
    assert story.broken_after_the_timeout == []


def test_announced_again_it_is_acknowledged_again_and_imported_no_second_time(story: Story) -> None:
    assert story.messages == 2
    assert len(story.accounts.importing) == story.executions_before == 1
    assert len(story.accounts.separated.cloud.audit.of("rds", "CopyDBClusterSnapshot")) == 1


def test_a_late_acknowledgement_is_written_down_and_the_copy_then_removed(story: Story) -> None:
    document, (imported,) = story.accounts.acknowledgement(), story.accounts.imports()

    assert snapshots(story.accounts.source) == []
    assert document is not None
    assert document["manifest_sha256"] == imported.announcement_sha256
    assert imported.stage is Stage.ACKNOWLEDGED
    assert buried(story.accounts.source) == []
    assert broken(story.accounts) == []
