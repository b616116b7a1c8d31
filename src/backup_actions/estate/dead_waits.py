"""Actions that stand as waiting and whose run is over: nobody can take back what they said."""

from __future__ import annotations

from collections.abc import Iterator

from backup_actions.aws.executions import find_execution
from backup_actions.estate.another_run import end_of_run
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Entry, Standing


def dead_waits(looking: Looking, cursor: str) -> Iterator[Page]:
    """They stand as failed from now on: else the longest wait would grow for ever, and hide the next one's alarm."""
    del cursor
    waiting = (entry for entry in looking.ledger.standing(Standing.WAITING) if looking.is_settled(entry.changed_at))
    yield Page(tuple(finding for entry in waiting if (finding := _judged(looking, entry))))


def _judged(looking: Looking, listed: Entry) -> Finding | None:
    stepfunctions, main = looking.world.clients.stepfunctions, looking.estate.main_machine_arn
    found = find_execution(stepfunctions, main, listed.run)
    # Of a run that the main machine does not know another machine may.
    if found is None or not looking.has_ended(found):
        return None
    entries = looking.ledger.entries(listed.point)
    if not any((each.item, each.run, each.standing) == (listed.item, listed.run, listed.standing) for each in entries):
        return None
    what = f"{listed.action} waits in the ledger, and its run {listed.run} is over ({end_of_run(found)})"
    if looking.repairs:
        looking.ledger.record_action(
            listed.recovery_point, listed.action, run=listed.run, status="failed", details={"reason": what}
        )
    return Finding(
        kind=Kind.DEAD_RUN,
        subject=listed.point,
        what=what,
        since=listed.since,
        remedy=f"it {'stands' if looking.repairs else 'will stand'} as failed: nobody waits",
        repaired=looking.repairs,
    )
