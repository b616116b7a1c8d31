"""A ledger and a bucket with archives as runs leave them, on moto."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tests.estate.ledgers import ESTATE as WATCHED

from backup_actions.aws.documents import describe_object
from backup_actions.ledger import Ledger, Status
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from backup_actions.aws import World

ACTION = "ebs-archive"
ESTATE = replace(
    WATCHED, machines={ACTION: f"arn:aws:states:us-east-1:{WATCHED.account}:stateMachine:backup-actions-ebs-archive"}
)


def put(world: World, key: str, content: bytes) -> None:
    """It lies in the bucket."""
    world.clients.s3.put_object(Bucket=ESTATE.bucket, Key=key, Body=content, ChecksumAlgorithm="CRC64NVME")


def chill(world: World, key: str, content: bytes | None = None) -> None:
    """The object lies in Deep Archive, as the bucket's lifecycle moves it; or another one does that was put there."""
    s3 = world.clients.s3
    body = s3.get_object(Bucket=ESTATE.bucket, Key=key)["Body"].read() if content is None else content
    s3.put_object(Bucket=ESTATE.bucket, Key=key, Body=body, StorageClass="DEEP_ARCHIVE", ChecksumAlgorithm="CRC64NVME")


def report_of(world: World, evidence_key: str, *keys: str, **more: Any) -> None:
    """The report in the evidence names these objects as they are now."""
    s3 = world.clients.s3
    evidence = json.loads(s3.get_object(Bucket=ESTATE.bucket, Key=evidence_key)["Body"].read())
    found = [describe_object(s3, ESTATE.bucket, key) for key in keys]
    report = evidence["actions"][0]["result"]["report"]
    report |= {"verified": True, "reason": "", "verification_key": "", "source_bytes": 0, "stored_bytes": 0}
    report |= {"artifacts": [asdict(each) for each in found if each], **more}
    put(world, evidence_key, json.dumps(evidence).encode())


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
