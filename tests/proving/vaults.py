"""A ledger and a bucket with archives as runs leave them, on moto."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.estate import Estate
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from backup_actions.aws import World

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
VOLUME = "arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d"
ACTION = "ebs-archive"
ESTATE = Estate(
    name="backup-actions",
    account="111122223333",
    region="us-east-1",
    bucket="archives",
    ledger="ledger",
    topic_arn="arn:aws:sns:us-east-1:111122223333:backup-actions",
    main_machine_arn="arn:aws:states:us-east-1:111122223333:stateMachine:backup-actions-recovery-point",
    machines={ACTION: "arn:aws:states:us-east-1:111122223333:stateMachine:backup-actions-ebs-archive"},
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


def put(world: World, key: str, content: bytes) -> None:
    """It lies in the bucket."""
    world.clients.s3.put_object(Bucket=ESTATE.bucket, Key=key, Body=content, ChecksumAlgorithm="CRC64NVME")


def archived(
    world: World, backup: RecoveryPoint, *, manifest: bytes = b'{"any": "manifest"}', name: str = "manifest.json"
) -> str:
    """The backup was archived by a run that ended now, with this manifest; the folder of the archive."""
    now = world.clock.now()
    prefix, evidence = (backup.prefix(kind, now.date().isoformat()) for kind in (ACTION, "evidence"))
    put(world, f"{prefix}/{name}", manifest)
    report = {
        "manifest_key": f"{prefix}/{name}",
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "artifacts": [],
    }
    result = {"prefix": prefix, "evidencePrefix": evidence, "report": report}
    document: dict[str, Any] = {
        "recovery_point": backup.to_json(),
        "facts": {"tags": {"team": "books"}},
        "actions": [{"action": ACTION, "reason": "", "result": result}],
        "decision": {"because": "the settings say keep"},
    }
    put(world, f"{evidence}/evidence.json", json.dumps(document).encode())
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(backup, ACTION, run="run", status="verified", details={"stored_bytes": 2048, "reason": ""})
    details = {"evidence": f"{evidence}/evidence.json"}
    ledger.record(backup, run="run", status=Status.KEPT, details=details, made_at=now.isoformat())
    return prefix
