"""A ledger on moto, a clock that stands, and runs as the day book has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from backup_actions.estate import Estate
from backup_actions.ledger.daybook import ActionLine, Line
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VOLUME = "arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d"
ESTATE = Estate(
    name="backup-actions",
    account="111122223333",
    region="us-east-1",
    bucket="archives",
    ledger="ledger",
    topic_arn="arn:aws:sns:us-east-1:111122223333:backup-actions",
    main_machine_arn="arn:aws:states:us-east-1:111122223333:stateMachine:backup-actions-recovery-point",
    machines={},
    vaults=("backups",),
    attempt_hours=24,
    sweep_hours=24,
    adopt_older=False,
    unacknowledged_hours=48,
)


class StandingClock:
    """Stands where it is put."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        """Where it stands."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """It stands later."""
        self.at += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        """The same in seconds."""
        return self.at.timestamp()


def point(name: str, of: str = VOLUME) -> RecoveryPoint:
    """A backup of the volume."""
    return RecoveryPoint(Arn.parse(f"arn:aws:ec2:us-east-1::snapshot/{name}"), "backups", Arn.parse(of), "EBS")


def action_line(action: str = "ebs-archive", **more: Any) -> ActionLine:
    """One that read 100 bytes and stored 40, but for what is said."""
    return ActionLine(**{"action": action, "succeeded": True, "source_bytes": 100, "stored_bytes": 40, **more})


def line(run: str, finished_at: datetime, *actions: ActionLine, outcome: str = "kept") -> Line:
    """A run of these actions, of one archive where none are named."""
    return Line(
        run=run,
        finished_at=finished_at,
        point=str(point(run).arn),
        resource=VOLUME,
        resource_type="EBS",
        outcome=outcome,
        failed=outcome == "failed",
        actions=actions or (action_line(),),
    )
