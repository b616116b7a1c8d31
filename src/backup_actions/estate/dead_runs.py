"""Runs that the ledger believes in and that are over: their last step could not say how they ended."""

from __future__ import annotations

from collections.abc import Iterator

from backup_actions.aws.executions import Execution, begin_life, latest_life, running
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.another_run import end_of_run, is_there, objection
from backup_actions.estate.findings import Finding, Kind, not_looked_at
from backup_actions.estate.gone_points import gone
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Entry, Status


def dead_runs(looking: Looking, cursor: str) -> Iterator[Page]:
    """A run that failed, or that Step Functions has forgotten, is begun again; what was stopped or timed out failed.

    One page: there are no more than there are runs at a time, and of those that run one list tells.
    """
    del cursor
    entries = (entry for entry in looking.ledger.standing(Status.PROCESSING) if looking.is_settled(entry.changed_at))
    alive: set[str] | None = None
    findings = []
    for entry in entries:
        if alive is None:
            alive = set(running(looking.world.clients.stepfunctions, looking.estate.main_machine_arn))
        if entry.run not in alive and (finding := _judged(looking, entry)):
            findings.append(finding)
    yield Page(tuple(findings))


def _is_over(looking: Looking, entry: Entry) -> tuple[bool, Execution | None]:
    """Whether the point's last run has ended long enough ago, and which that is; None of one that is forgotten."""
    stepfunctions, main = looking.world.clients.stepfunctions, looking.estate.main_machine_arn
    latest = latest_life(stepfunctions, main, entry.recovery_point, entry.run)
    return latest is None or looking.has_ended(latest), latest


def _judged(looking: Looking, listed: Entry) -> Finding | None:
    """The index is seconds behind and the list a moment old: both are asked again before anything is said."""
    entry = looking.as_it_stands(listed)
    if entry is None:
        return None
    over, latest = _is_over(looking, entry)
    point, run = entry.recovery_point, latest.name if latest else entry.run
    if not over:
        return None
    try:
        if not is_there(looking.world, point):
            return gone(looking, entry)
    except AwsCallFailed as refusal:  # of this one: the others are looked at all the same
        return not_looked_at(entry.point, refusal)
    because, following, begun = objection(point, run, latest), point.next_run(run), False
    if not because and looking.repairs and looking.starts.take():
        begun = begin_life(looking.world.clients.stepfunctions, looking.estate.main_machine_arn, point, following)
        because = "" if begun else f"the execution {following} is over as well"
    if because and looking.repairs:  # then it is counted among what waits for a person
        details = {**entry.details, "reason": because}
        looking.ledger.record(point, run=run, status=Status.FAILED, details=details, made_at=entry.since)
    done = f"the execution {following} was begun" if begun else f"{looking.later} begins the execution {following}"
    return Finding(
        kind=Kind.DEAD_RUN,
        subject=entry.point,
        what=f"its run {run} is over ({end_of_run(latest)}) and the ledger says that it is being processed",
        since=latest.ended_at.isoformat() if latest and latest.ended_at else entry.changed_at,
        remedy=f"{because}: `{looking.command(f'replay {point.arn}')}` begins it again" if because else done,
        repaired=begun,
    )
