"""Runs of the off-site copy that are stopped: what nobody has heard of is removed, what was announced goes on later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.flow.dumps import QUICK
from tests.flow.flow import MAIN
from tests.flow.offsite import ACKNOWLEDGEMENTS, COPY, Held, snapshots, two_accounts
from tests.flow.offsite_promises import broken

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer


def test_a_copy_that_was_never_announced_is_removed_after_a_run_that_was_stopped(
    tmp_path: Path, flow_objects: ObjectServer
) -> None:
    with two_accounts(tmp_path, flow_objects, durations=QUICK) as accounts:
        accounts.source.stop_when(COPY, "WaitForDatabaseCopy")

        accounts.back_up(accounts.database())

        assert [each.status for each in accounts.source.executions(COPY)] == ["ABORTED", "SUCCEEDED"]
        assert accounts.source.cloud.audit.of("rds", "CopyDBSnapshot")
        assert snapshots(accounts.source) == []
        assert accounts.importing == []
        assert broken(accounts) == []


def test_an_announced_copy_outlives_a_run_that_was_stopped_and_a_replay_makes_no_second_one(
    tmp_path: Path, flow_objects: ObjectServer
) -> None:
    with two_accounts(tmp_path, flow_objects, durations=QUICK) as accounts:
        held = Held(accounts, accounts.source, ACKNOWLEDGEMENTS)
        accounts.source.stop_when(COPY, "WaitForAcknowledgement")
        accounts.back_up(accounts.database())
        kept = [each.arn for each in snapshots(accounts.source)]
        assert broken(accounts) == []

        with accounts.source.cloud.clock.actor():
            accounts.replay()
            held.let_go()
        accounts.wait()

        assert len(kept) == len(accounts.imports()) == 1
        assert [each.status for each in accounts.source.executions(MAIN)] == ["FAILED", "SUCCEEDED"]
        assert len(accounts.source.cloud.audit.of("rds", "CopyDBSnapshot")) == 1
        assert snapshots(accounts.source) == []
        assert accounts.source.point is None
