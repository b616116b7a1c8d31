"""The last look before a backup may go: are the artifacts really there, and is this manifest the verified one?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions.aws.documents import describe_object, read_document, read_object
from backup_actions.model.report import ActionReport
from backup_actions.model.usage import Usage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one chosen action came to, as checked independently of it.

    ``proven`` means: its manifest and every artifact were looked up in the store just now, sizes and checksums agree,
    and a verification by another role covers exactly this manifest.
    """

    action: str
    succeeded: bool
    proven: bool
    restorable: bool
    reason: str = ""
    source_bytes: int = 0
    stored_bytes: int = 0
    usage: Usage = field(default_factory=dict)
    """What the action says that it used; a bill, and no proof of anything."""


def prove(s3: S3Client, bucket: str, result: Mapping[str, Any]) -> Outcome:
    """What an action came to, after looking for ourselves. Nothing that the action said is taken for granted."""
    succeeded = bool(result["succeeded"])
    report = _report(result) if succeeded else f"{result.get('error')}: {result.get('cause')}"
    objection = report if isinstance(report, str) else _objection(s3, bucket, result, report)
    counted = {} if isinstance(report, str) else _counted(report)
    return Outcome(
        action=str(result["action"]),
        succeeded=succeeded,
        proven=objection is None,
        restorable=bool(result["restorable"]),
        reason=objection or "",
        **counted,
    )


def _report(result: Mapping[str, Any]) -> ActionReport | str:
    try:
        return ActionReport.from_json(result["report"])
    except (KeyError, TypeError) as wrong:
        return f"its report cannot be read: {wrong}"


def _counted(report: ActionReport) -> dict[str, Any]:
    return {"source_bytes": report.source_bytes, "stored_bytes": report.stored_bytes, "usage": report.usage}


def _objection(s3: S3Client, bucket: str, result: Mapping[str, Any], report: ActionReport) -> str | None:
    if not report.verified:
        return report.reason
    inside = f"{result['prefix']}/"
    if not report.artifacts or not all(a.key.startswith(inside) for a in report.artifacts):
        return f"its artifacts must lie under {inside}"
    if not report.manifest_key.startswith(inside) or not report.verification_key.startswith(
        f"{result['evidencePrefix']}/"
    ):
        return "its manifest or verification lies in a foreign place"
    return _manifest_objection(s3, bucket, report) or _artifact_objection(s3, bucket, report)


def _manifest_objection(s3: S3Client, bucket: str, report: ActionReport) -> str | None:
    manifest = read_object(s3, bucket, report.manifest_key)
    if manifest is None:
        return f"its manifest {report.manifest_key} is not there"
    digest = hashlib.sha256(manifest).hexdigest()
    verification = read_document(s3, bucket, report.verification_key)
    if verification is None:
        return f"its verification {report.verification_key} is not there"
    if verification.get("verified") is not True:
        return f"its verification says: {verification.get('problems')}"
    if not digest == report.manifest_sha256 == verification.get("manifest_sha256"):
        return "the verification covers another manifest"
    return None


def _artifact_objection(s3: S3Client, bucket: str, report: ActionReport) -> str | None:
    for artifact in report.artifacts:
        found = describe_object(s3, bucket, artifact.key)
        if found is None:
            return f"{artifact.key} is not there"
        if found.size_bytes != artifact.size_bytes:
            return f"{artifact.key} has {found.size_bytes} bytes instead of {artifact.size_bytes}"
        if found.crc64nvme != artifact.crc64nvme:
            return f"{artifact.key} has checksum {found.crc64nvme or 'none'} instead of {artifact.crc64nvme}"
    return None
