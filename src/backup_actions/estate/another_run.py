"""Whether a run that is over may be followed by another one without a person."""

from __future__ import annotations

from backup_actions.aws import World, translated
from backup_actions.aws.executions import Execution
from backup_actions.errors import AwsCallFailed
from backup_actions.model.recovery_point import RecoveryPoint

# What dies three times dies of something that a person has to look at.
_RUNS_AT_MOST = 3


def objection(point: RecoveryPoint, run: str, ended: Execution | None) -> str:
    """Why the point is not begun again by itself after this run; nothing where it is safe."""
    if ended is not None and ended.status == "ABORTED":
        return "somebody has stopped it, for a reason maybe"
    if ended is not None and ended.status == "TIMED_OUT":
        return "it took longer than a run may, and would again"
    if point.number_of(run) >= _RUNS_AT_MOST:
        return f"it has died {_RUNS_AT_MOST} times"
    return ""


def end_of_run(ended: Execution | None) -> str:
    """How it ended, in words."""
    if ended is None:
        return "Step Functions knows nothing of it any more"
    return f"{ended.status}: {ended.error or 'no error'}"


def is_there(world: World, point: RecoveryPoint) -> bool:
    """Whether AWS Backup still has the recovery point."""
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
