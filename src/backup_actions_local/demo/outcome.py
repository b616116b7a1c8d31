"""What the demo found out: what became of every backup, read from the evidence that is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws.documents import read_document

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions.model.recovery_point import RecoveryPoint
    from backup_actions_local.demo.queries import Answer
    from backup_actions_local.states.execution import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that the demo promises, and whether it was true."""

    sentence: str
    holds: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one backup."""

    name: str
    story: str
    resource_type: str
    recovery_point: str
    run: str
    status: str
    fate: str
    """``deleted``, ``kept`` …, as the evidence has it."""
    why: str
    place: str
    """Where the archive or the export is, or empty."""
    members: tuple[Mapping[str, Any], ...]
    """Of an archive."""
    tables: tuple[Mapping[str, Any], ...]
    """Of an export."""
    source_bytes: int
    stored_bytes: int
    verified: str
    evidence: Mapping[str, Any]
    answer: Answer | None = None
    """What a query of an export says."""

    @property
    def ratio(self) -> float:
        """Source bytes per stored byte."""
        return self.source_bytes / self.stored_bytes if self.stored_bytes else 0.0

    def to_json(self) -> dict[str, Any]:
        """The form of ``--json``."""
        return {**asdict(self), "ratio": round(self.ratio, 2)}


def outcome_of(name: str, story: str, point: RecoveryPoint, execution: Execution, s3: S3Client, bucket: str) -> Outcome:
    """Read the stored evidence; nothing is taken from what the run remembers."""
    prefix = point.prefix("evidence", execution.started.date().isoformat())
    evidence = read_document(s3, bucket, f"{prefix}/evidence.json") or {}
    results = [action["result"] for action in evidence.get("actions", ())]
    report: Mapping[str, Any] = next((result["report"] for result in results if result["succeeded"]), {})
    summary = report.get("summary", {})
    decision = evidence.get("decision", {})
    failed = next((f"{result['error']}: {result['cause']}" for result in results if not result["succeeded"]), "")
    return Outcome(
        name=name,
        story=story,
        resource_type=point.resource_type,
        recovery_point=str(point.arn),
        run=execution.name,
        status=execution.status,
        fate=(evidence.get("deletion") or {}).get("outcome", "kept"),
        why=failed or decision.get("because", "") or str(execution.cause),
        place=f"s3://{bucket}/{report['manifest_key'].rpartition('/')[0]}" if report else "",
        members=tuple(summary.get("members", ())),
        tables=tuple(summary.get("tables", ())),
        source_bytes=report.get("source_bytes", 0),
        stored_bytes=report.get("stored_bytes", 0),
        verified=report.get("reason", "") if report.get("verified") else "",
        evidence=evidence,
    )


def as_json(outcomes: Mapping[str, Outcome], checks: list[Check], extra: Mapping[str, Any]) -> str:
    """The result for scripts."""
    return json.dumps(
        {
            "ok": all(check.holds for check in checks),
            "backups": [outcome.to_json() for outcome in outcomes.values()],
            "checks": [asdict(check) for check in checks],
            **extra,
        },
        indent=1,
        default=str,
    )
