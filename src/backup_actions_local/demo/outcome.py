"""What the demo found out: for every disk what became of its backup, and whether everything promised is true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws.documents import read_document
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.demo.volumes import DemoDisk

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions_local.states.execution import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that the demo promises, and whether it was true."""

    sentence: str
    holds: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskOutcome:
    """What became of one disk's backup."""

    name: str
    story: str
    recovery_point: str
    run: str
    status: str
    fate: str
    """``deleted``, ``kept`` …, as the evidence has it."""
    why: str
    archive: str
    """Where the archive is, or empty."""
    members: tuple[Mapping[str, Any], ...]
    source_bytes: int
    stored_bytes: int
    verified: str
    evidence: Mapping[str, Any]

    @property
    def ratio(self) -> float:
        """Source bytes per stored byte."""
        return self.source_bytes / self.stored_bytes if self.stored_bytes else 0.0

    def to_json(self) -> dict[str, Any]:
        """The form of ``--json``."""
        return {**asdict(self), "ratio": round(self.ratio, 2)}


def outcome_of(disk: DemoDisk, point: RecoveryPoint, execution: Execution, s3: S3Client, bucket: str) -> DiskOutcome:
    """Read the stored evidence; nothing is taken from what the run remembers."""
    prefix = point.prefix("evidence", execution.started.date().isoformat())
    evidence = read_document(s3, bucket, f"{prefix}/evidence.json") or {}
    results = [action["result"] for action in evidence.get("actions", ())]
    report: Mapping[str, Any] = next((result["report"] for result in results if result["succeeded"]), {})
    decision = evidence.get("decision", {})
    failed = next((f"{result['error']}: {result['cause']}" for result in results if not result["succeeded"]), "")
    return DiskOutcome(
        name=disk.name,
        story=disk.story,
        recovery_point=str(point.arn),
        run=execution.name,
        status=execution.status,
        fate=(evidence.get("deletion") or {}).get("outcome", "kept"),
        why=failed or decision.get("because", "") or str(execution.cause),
        archive=f"s3://{bucket}/{report['manifest_key'].rpartition('/')[0]}" if report else "",
        members=tuple(report.get("summary", {}).get("members", ())),
        source_bytes=report.get("source_bytes", 0),
        stored_bytes=report.get("stored_bytes", 0),
        verified=report.get("reason", "") if report.get("verified") else "",
        evidence=evidence,
    )


def promises(outcomes: Mapping[str, DiskOutcome]) -> list[Check]:
    """What has to be true of the four disks."""
    checks = []
    for name in ("data", "root disk", "unreadable"):
        outcome = outcomes[name]
        proof = (outcome.evidence.get("deletion") or {}).get("proof", "")
        checks += [
            Check(
                sentence=f"{name}: archived and verified by a role that cannot write archives",
                holds=bool(outcome.verified),
                detail=outcome.verified or outcome.why,
            ),
            Check(
                sentence=f"{name}: the backup is deleted, and its absence was proven",
                holds=outcome.fate == "deleted" and "ResourceNotFound" in proof,
                detail=proof or outcome.fate,
            ),
        ]
    unlucky = outcomes["unlucky"]
    checks.append(
        Check(
            sentence="unlucky: the job died on every attempt and the backup is kept",
            holds=unlucky.status == "FAILED" and unlucky.fate == "kept" and not unlucky.archive,
            detail=unlucky.why,
        )
    )
    return checks


def as_json(outcomes: Mapping[str, DiskOutcome], checks: list[Check], extra: Mapping[str, Any]) -> str:
    """The result for scripts."""
    return json.dumps(
        {
            "ok": all(check.holds for check in checks),
            "disks": [outcome.to_json() for outcome in outcomes.values()],
            "checks": [asdict(check) for check in checks],
            **extra,
        },
        indent=1,
        default=str,
    )
