"""One parser for every way in which AWS announces a recovery point.

Shapes: https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html. Their traps: a backup job keeps the
recovery point's ARN in ``resources``, a copy job in ``destinationRecoveryPointArn`` (an empty object until it has
completed), a recovery point event in ``resources``; jobs have ``state``, recovery points ``status``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backup_actions.errors import MalformedArn, MalformedEvent
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

_CLOUDTRAIL_TYPES = ("AWS API Call via CloudTrail", "AWS Service Event via CloudTrail")

# A recovery point is ready in both: AVAILABLE is what newer vault types say instead of COMPLETED.
_READY = ("COMPLETED", "AVAILABLE")


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event is in order but announces no completed recovery point."""

    reason: str


def parse_event(event: object) -> RecoveryPoint | Ignored:
    """The recovery point that an event announces, or why there is none.

    Raises MalformedEvent for what claims to be such an announcement and cannot be understood.
    """
    envelope = _object(event, "the event")
    detail_type = envelope.get("detail-type")
    if envelope.get("source") != "aws.backup":
        return Ignored(f"its source is {envelope.get('source')!r}, not aws.backup")
    detail = _object(envelope.get("detail"), "detail")
    try:
        if detail.get("eventName") is not None or detail_type in _CLOUDTRAIL_TYPES:
            return _from_cloudtrail(detail)
        match detail_type:
            case "Backup Job State Change":
                return _from_backup_job(detail, envelope)
            case "Copy Job State Change":
                return _from_copy_job(detail)
            case "Recovery Point State Change":
                return _from_recovery_point(detail, envelope)
            case _:
                return Ignored(f"events of type {detail_type!r} announce no recovery point")
    except MalformedArn as wrong:
        raise MalformedEvent(reason=wrong) from wrong


def _from_backup_job(detail: Mapping[str, Any], envelope: Mapping[str, Any]) -> RecoveryPoint | Ignored:
    if (state := _text(detail, "state")) != "COMPLETED":
        return Ignored(f"the backup job is {state}")
    return _point(_only_resource(envelope), _vault(detail), _text(detail, "resourceArn"), _text(detail, "resourceType"))


def _from_copy_job(detail: Mapping[str, Any]) -> RecoveryPoint | Ignored:
    if (state := _text(detail, "state")) != "COMPLETED":
        return Ignored(f"the copy job is {state}")
    vault = Arn.parse(_text(detail, "destinationBackupVaultArn")).resource.removeprefix("backup-vault:")
    copy = _text(detail, "destinationRecoveryPointArn")
    return _point(copy, vault, _text(detail, "resourceArn"), _text(detail, "resourceType"))


def _from_recovery_point(detail: Mapping[str, Any], envelope: Mapping[str, Any]) -> RecoveryPoint | Ignored:
    status = detail.get("status", detail.get("state"))
    if status not in _READY:
        return Ignored(f"the recovery point is {status}")
    return _point(_only_resource(envelope), _vault(detail), _text(detail, "resourceArn"), _text(detail, "resourceType"))


def _from_cloudtrail(detail: Mapping[str, Any]) -> RecoveryPoint | Ignored:
    if (name := detail.get("eventName")) != "BackupJobCompleted":
        return Ignored(f"the CloudTrail event is {name}")
    job = _object(detail.get("serviceEventDetails"), "detail.serviceEventDetails")
    if (state := _text(job, "state")) != "COMPLETED":
        return Ignored(f"the backup job is {state}")
    return _point(_text(job, "recoveryPointArn"), _vault(job), _text(job, "resourceArn"), _text(job, "resourceType"))


def _point(arn: str, vault: str, resource_arn: str, resource_type: str) -> RecoveryPoint:
    return RecoveryPoint(Arn.parse(arn), vault, Arn.parse(resource_arn), resource_type)


def _vault(detail: Mapping[str, Any]) -> str:
    if "backupVaultName" in detail:
        return _text(detail, "backupVaultName")
    return Arn.parse(_text(detail, "backupVaultArn")).resource.removeprefix("backup-vault:")


def _only_resource(envelope: Mapping[str, Any]) -> str:
    resources = envelope.get("resources")
    if not isinstance(resources, list) or len(resources) != 1 or not isinstance(resources[0], str):
        raise MalformedEvent(reason=f"resources must be a list with the recovery point's ARN, and is {resources!r:.80}")
    return resources[0]


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedEvent(reason=f"{name} must be a text, and is {value!r:.80}")
    return value


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MalformedEvent(reason=f"{what} must be an object, and is {value!r:.80}")
    return value
