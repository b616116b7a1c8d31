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
class Work:
    """What one action made of a backup."""

    action: str
    place: str
    """Where it is, as commands take it."""
    verified: str
    source_bytes: int
    stored_bytes: int
    members: tuple[Mapping[str, Any], ...]
    """Of an archive."""
    tables: tuple[Mapping[str, Any], ...]
    """Of an export."""
    databases: tuple[Mapping[str, Any], ...]
    """Of a dump."""
    imported: str = ""
    """Of a copy: what another account has made of it."""

    @property
    def kind(self) -> str:
        """What it is called: ``archive``, ``export``, ``dump`` or ``copy``."""
        return self.action.rpartition("-")[2]

    @property
    def ratio(self) -> float:
        """Source bytes per stored byte; nothing of a copy is stored here but what was announced."""
        return self.source_bytes / self.stored_bytes if self.stored_bytes and not self.imported else 0.0


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
    works: tuple[Work, ...]
    """In the order of the actions; those that failed made nothing."""
    evidence: Mapping[str, Any]
    answer: Answer | None = None
    """What a query of an export says."""

    def work(self, kind: str) -> Work | None:
        """What the action that makes such things made, if it did."""
        return next((work for work in self.works if work.kind == kind), None)

    @property
    def verified(self) -> str:
        """How all of it was verified; empty where something was not, or there is nothing."""
        told = [work.verified for work in self.works]
        return "; ".join(told) if all(told) else ""

    def to_json(self) -> dict[str, Any]:
        """The form of ``--json``."""
        works = [{**asdict(work), "ratio": round(work.ratio, 2)} for work in self.works]
        return {**asdict(self), "works": works}


def outcome_of(name: str, story: str, point: RecoveryPoint, execution: Execution, s3: S3Client, bucket: str) -> Outcome:
    """Read the stored evidence; nothing is taken from what the run remembers."""
    prefix = point.prefix("evidence", execution.started.date().isoformat())
    evidence = read_document(s3, bucket, f"{prefix}/evidence.json") or {}
    results = [action["result"] for action in evidence.get("actions", ())]
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
        works=tuple(_work(result, bucket) for result in results if result["succeeded"]),
        evidence=evidence,
    )


def _work(result: Mapping[str, Any], bucket: str) -> Work:
    report: Mapping[str, Any] = result["report"]
    summary = report["summary"]
    return Work(
        action=result["action"],
        place=f"s3://{bucket}/{report['manifest_key'].rpartition('/')[0]}",
        verified=report["reason"] if report["verified"] else "",
        source_bytes=report["source_bytes"],
        stored_bytes=report["stored_bytes"],
        members=() if "databases" in summary else tuple(summary.get("members", ())),
        tables=tuple(summary.get("tables", ())),
        databases=tuple(summary.get("databases", ())),
        imported=summary.get("import", ""),
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
