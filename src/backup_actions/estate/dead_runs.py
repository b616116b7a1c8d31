"""Runs that the ledger believes in and that are over: their last step could not say how they ended."""

from __future__ import annotations

from collections.abc import Iterator

from backup_actions.aws import World, translated
from backup_actions.aws.executions import Execution, begin_life, find_execution, running
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Entry, Status

# What dies three times dies of something that a person has to look at.
_RUNS_AT_MOST = 3


def dead_runs(looking: Looking, cursor: str) -> Iterator[Page]:
    """A run that failed, or that Step Functions has forgotten, is begun again; what was stopped or timed out is told.

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


def _judged(looking: Looking, listed: Entry) -> Finding | None:
    """The index is seconds behind and the list a moment old: both are asked again before anything is said."""
    entry = next(iter(looking.ledger.entries(listed.point)), None)
    if entry is None or (entry.status, entry.run) != (Status.PROCESSING, listed.run):
        return None
    stepfunctions, main = looking.world.clients.stepfunctions, looking.estate.main_machine_arn
    found = find_execution(stepfunctions, main, entry.run)
    if found is not None and (found.is_running or not found.ended_at or not looking.is_settled(found.ended_at)):
        return None
    point = entry.recovery_point
    run, objection = point.next_run(entry.run), _objection(looking, entry, found)
    begun = not objection and looking.repairs and looking.starts.take()
    if begun:
        begin_life(stepfunctions, main, point, run)
    done = f"the execution {run} was begun" if begun else f"a sweep that repairs begins the execution {run}"
    return Finding(
        kind=Kind.DEAD_RUN,
        subject=entry.point,
        what=f"its run {entry.run} is over ({_end(found)}) and the ledger says that it is being processed",
        since=found.ended_at.isoformat() if found and found.ended_at else entry.changed_at,
        remedy=f"{objection}: `backup-actions replay {entry.point}` begins it again" if objection else done,
        repaired=begun,
    )


def _end(found: Execution | None) -> str:
    return f"{found.status}: {found.error or 'no error'}" if found else "Step Functions knows nothing of it any more"


def _objection(looking: Looking, entry: Entry, found: Execution | None) -> str:
    """Why it is not begun again by itself; nothing where it is safe."""
    if found is not None and found.status == "ABORTED":
        return "somebody has stopped it, for a reason maybe"
    if found is not None and found.status == "TIMED_OUT":
        return "it took longer than a run may, and would again"
    if entry.recovery_point.number_of(entry.run) >= _RUNS_AT_MOST:
        return f"it has died {_RUNS_AT_MOST} times"
    if not is_there(looking.world, entry):
        return "the recovery point is gone"
    return ""


def is_there(world: World, entry: Entry) -> bool:
    """Whether AWS Backup still has the recovery point."""
    point = entry.recovery_point
    try:
        with translated():
            world.clients.backup.describe_recovery_point(
                BackupVaultName=point.vault_name, RecoveryPointArn=str(point.arn)
            )
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] == "ResourceNotFoundException":
            return False
        raise
    return True
