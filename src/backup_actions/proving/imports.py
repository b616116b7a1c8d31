"""What a separated account has imported, as the report has it: from its ledger, its evidence and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from datetime import UTC
from typing import TYPE_CHECKING

from backup_actions.offsite.imports import Import
from backup_actions.proving.bucket import stored_document
from backup_actions.proving.report import ReportedImport

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def reported_imports(s3: S3Client, bucket: str, known: Iterable[Import], pool: Executor) -> tuple[ReportedImport, ...]:
    """All of them, the newest backups first, resource by resource. Raises AwsBusy and AwsCallFailed."""
    newest_first = sorted(known, key=lambda each: each.backed_up_at, reverse=True)
    ordered = sorted(newest_first, key=lambda each: each.announcement.resource_arn)
    return tuple(pool.map(lambda each: _reported(s3, bucket, each), ordered))


def _reported(s3: S3Client, bucket: str, each: Import) -> ReportedImport:
    announced = each.announcement
    key = _evidence_key(each)
    evidence = stored_document(s3, bucket, key) if key else None
    return ReportedImport(
        resource=announced.resource_arn,
        resource_type=announced.resource_type,
        made_at=announced.created_at,
        announced=announced.snapshot_arn,
        imported=each.imported_arn,
        imported_at=each.imported_at,
        size_gib=each.size_gib,
        stage="leaving" if each.leaving_since and each.is_at_rest else str(each.stage),
        is_held=each.is_verified,
        actions=str(each.acted),
        promised_until=each.promised_until,
        hold=each.hold,
        problem=each.problem,
        announcement_sha256=each.announcement_sha256,
        evidence=f"s3://{bucket}/{key}" if evidence else "",
        evidence_sha256=evidence.sha256 if evidence else "",
    )


def _evidence_key(each: Import) -> str:
    """Where the run that verified it has written its evidence; empty where none has."""
    if not each.imported_arn:
        return ""
    day = each.backed_up_at.astimezone(UTC).date().isoformat()
    return f"{each.recovery_point.prefix('evidence', day)}/evidence.json"
