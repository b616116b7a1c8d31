"""What a run said that it had made, and whether that can be read at once. Functions need nothing but boto3 for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.errors import ABSENT
from backup_actions.errors import AwsCallFailed
from backup_actions.model.report import ActionReport, Artifact

# Classes from which nothing is read before it was thawed; a class that archives by itself says so in ArchiveStatus.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_COLD_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def is_cold(world: World, bucket: str, artifact: Artifact) -> bool:
    """Whether it has to be thawed first. What is not there is not cold."""
    try:
        with translated():
            head = world.clients.s3.head_object(Bucket=bucket, Key=artifact.key)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in ABSENT:
            return False
        raise
    archived = head.get("StorageClass", "") in _COLD_CLASSES or bool(head.get("ArchiveStatus"))
    return archived and 'ongoing-request="false"' not in head.get("Restore", "")


def report_in(evidence: Mapping[str, Any], action: str) -> ActionReport | None:
    """What the action has said of what it made, in the evidence of the run; None where there is nothing of it."""
    result = result_in(evidence, action)
    try:
        return ActionReport.from_json(result["report"]) if result else None
    except (KeyError, TypeError):
        return None


def result_in(evidence: Mapping[str, Any], action: str) -> Mapping[str, Any] | None:
    """What the run had of the action: its report, and where it wrote what it made; None where there is nothing."""
    return next((each.get("result") for each in evidence.get("actions") or () if each.get("action") == action), None)
