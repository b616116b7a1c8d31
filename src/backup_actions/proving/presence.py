"""What S3 says of an archive while it is not read: what is not there or another, and what has to be thawed first.

A HEAD costs a request and needs no thaw: of what lies in an archive class S3 answers it as of all else.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.aws.errors import ABSENT
from backup_actions.errors import AwsCallFailed, ManifestUnreadable
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest_contents import ManifestContents
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.proving.bucket import StoredDocument
from backup_actions.proving.proof import Found

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Classes from which nothing is read before it was thawed; a class that archives by itself says so in ArchiveStatus.
_COLD_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})

_AT_A_TIME = 16
_PROBLEMS_AT_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What S3 has said of all objects of an archive."""

    found: Found
    """``good`` as far as that is seen without reading: all is there, can be read, and differs in nothing."""
    problems: tuple[str, ...] = ()
    objects: tuple[Artifact, ...] = ()
    looked_at: JsonObject = field(default_factory=dict)
    """What was compared, in figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    problem: str = ""
    cold: str = ""


def look_at(s3: S3Client, bucket: str, report: ActionReport, manifest: StoredDocument | None) -> Look:
    """The manifest as it lies there now and a HEAD for each object, compared with the evidence of the run.

    Raises AwsBusy and AwsCallFailed.
    """
    if manifest is None:
        return Look(found=Found.DAMAGED, problems=(f"{report.manifest_key} is not there",))
    if not manifest.is_cold and manifest.sha256 != report.manifest_sha256:
        return Look(found=Found.DAMAGED, problems=(f"{report.manifest_key} is not the manifest that was proven",))
    objects = objects_of(report, manifest.content)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        answers = list(pool.map(lambda each: _asked(s3, bucket, each), objects))
    problems = tuple(answer.problem for answer in answers if answer.problem)
    cold = [answer.cold for answer in answers if answer.cold]
    if manifest.is_cold:
        only = "what it alone names was not compared"
        cold.insert(0, f"{report.manifest_key} lies in {manifest.storage_class} and has to be thawed, {only}")
    return Look(
        found=Found.DAMAGED if problems else Found.COLD if cold else Found.GOOD,
        problems=problems[:_PROBLEMS_AT_MOST] or tuple(cold[:1]),
        objects=objects,
        looked_at={
            "objects_compared": len(objects),
            "objects_without_checksum": sum(not each.crc64nvme for each in objects),
            "objects_to_be_thawed": sum(bool(answer.cold) for answer in answers),
        },
    )


def objects_of(report: ActionReport, manifest: bytes) -> tuple[Artifact, ...]:
    """All that the manifest, which was found to be the proven one, and the report name; a report names a few of many.

    Of a manifest that says nothing, or is empty because it has to be thawed, what the report names.
    """
    try:
        named = ManifestContents.of(report.manifest_key, manifest).objects or ()
    except ManifestUnreadable:  # of a newer version, or of somebody else's who calls it so
        named = ()
    return tuple({each.key: each for each in (*named, *report.artifacts)}.values())


def is_cold(s3: S3Client, bucket: str, artifact: Artifact) -> bool:
    """Whether it has to be thawed first. What is not there is not cold."""
    head = _head(s3, bucket, artifact.key)
    return head is not None and _is_archived(head)


def _asked(s3: S3Client, bucket: str, proven: Artifact) -> _Answer:
    head = _head(s3, bucket, proven.key)
    if head is None:
        return _Answer(problem=f"{proven.key} is not there")
    archived = _is_archived(head)
    cold = f"{proven.key} lies in {_class_of(head)} and has to be thawed before it is read" if archived else ""
    return _Answer(problem=_difference(head, proven, can_be_read=not archived), cold=cold)


def _difference(head: Mapping[str, Any], proven: Artifact, *, can_be_read: bool) -> str:
    size_bytes, stated = head["ContentLength"], head.get("ChecksumCRC64NVME", "")
    if size_bytes != proven.size_bytes:
        return f"{proven.key} has {size_bytes} bytes, not {proven.size_bytes}"
    if stated == proven.crc64nvme or not proven.crc64nvme:
        return ""
    if stated:
        return f"{proven.key} has the CRC64NVME {stated}, not {proven.crc64nvme}"
    # Moves between classes keep the checksum. What can be read is compared by its bytes.
    return "" if can_be_read else f"{proven.key} has no CRC64NVME any more: it was written again since it was proven"


def _is_archived(head: Mapping[str, Any]) -> bool:
    archived = head.get("StorageClass", "") in _COLD_CLASSES or bool(head.get("ArchiveStatus"))
    return archived and 'ongoing-request="false"' not in head.get("Restore", "")


def _class_of(head: Mapping[str, Any]) -> str:
    return str(head.get("ArchiveStatus") or head.get("StorageClass", ""))


def _head(s3: S3Client, bucket: str, key: str) -> Mapping[str, Any] | None:
    try:
        with translated():
            return s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in ABSENT:
            return None
        raise
