"""The last look before a backup may go: is this manifest the verified one, of this backup, and is all there?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.aws.documents import read_document, read_object
from backup_actions.aws.present import first_objection
from backup_actions.errors import ManifestUnreadable
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.manifest_contents import ManifestContents
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import Usage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CLOCK = SystemClock()
_LONGEST = timedelta(seconds=200)  # the functions that prove have 300 s, and more to do


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one chosen action came to, as checked independently of it.

    ``proven`` means: a verification by another role covers exactly the manifest that lies there, that is of the backup
    whose place it lies in, and every object that it names was looked up in the store just now, and every artifact of
    the report: sizes and checksums agree. Where the manifest is of a form of somebody else's, these make up all bytes
    that the report calls stored.
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


def prove(s3: S3Client, bucket: str, result: Mapping[str, Any], *, clock: Clock = _CLOCK) -> Outcome:
    """What an action came to, after looking for ourselves. Nothing that the action said is taken for granted.

    Objects are described and not read, 16 at a time; those that cannot be within 200 seconds are an objection.
    """
    succeeded = bool(result["succeeded"])
    report = _report(result) if succeeded else f"{result.get('error')}: {result.get('cause')}"
    objection = report if isinstance(report, str) else _objection(s3, bucket, result, report, clock)
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


def _objection(s3: S3Client, bucket: str, result: Mapping[str, Any], report: ActionReport, clock: Clock) -> str | None:
    until = clock.now() + _LONGEST
    if not report.verified:
        return report.reason
    inside = f"{result['prefix']}/"
    if not report.artifacts or not _all_inside(report.artifacts, inside):
        return f"its artifacts must lie under {inside}"
    if not report.manifest_key.startswith(inside) or not report.verification_key.startswith(
        f"{result['evidencePrefix']}/"
    ):
        return "its manifest or verification lies in a foreign place"
    manifest = read_object(s3, bucket, report.manifest_key)
    if manifest is None:
        return f"its manifest {report.manifest_key} is not there"
    objection = _verification_objection(s3, bucket, report, manifest)
    if objection:
        return objection
    try:
        contents = ManifestContents.of(report.manifest_key, manifest)
    except ManifestUnreadable as wrong:
        return f"its manifest {report.manifest_key}: {wrong}"
    objects = tuple(dict.fromkeys((*(contents.objects or ()), *report.artifacts)))
    return (
        contents.objection_at(result["prefix"])
        or _objection_to_list(contents, report, objects, inside)
        or first_objection(s3, bucket, objects, clock=clock, until=until)
    )


def _all_inside(artifacts: Iterable[Artifact], inside: str) -> bool:
    return all(artifact.key.startswith(inside) for artifact in artifacts)


def _verification_objection(s3: S3Client, bucket: str, report: ActionReport, manifest: bytes) -> str | None:
    digest = hashlib.sha256(manifest).hexdigest()
    verification = read_document(s3, bucket, report.verification_key)
    if verification is None:
        return f"its verification {report.verification_key} is not there"
    if verification.get("verified") is not True:
        return f"its verification says: {verification.get('problems')}"
    if not digest == report.manifest_sha256 == verification.get("manifest_sha256"):
        return "the verification covers another manifest"
    return None


def _objection_to_list(
    contents: ManifestContents, report: ActionReport, objects: Sequence[Artifact], inside: str
) -> str | None:
    """Where manifest and report together do not name all that was stored, or something elsewhere."""
    if not _all_inside(objects, inside):
        return f"its manifest names objects that do not lie under {inside}"
    named = sum(artifact.size_bytes for artifact in objects)
    if not contents.is_ours and named < report.stored_bytes:
        return f"manifest and report together name objects of {named} bytes, of {report.stored_bytes} that it stored"
    return None
