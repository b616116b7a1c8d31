"""The events of AWS Backup, with every trap of their fields.

Shapes: https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html. Sizes are texts in the events of
backup jobs and numbers in those of copy jobs; a job has ``state`` and a recovery point ``status``; only a completed
backup job names its recovery point, and only under ``resources``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.services.recovery_points import BackupJob, Point, Vault

Detail = dict[str, Any]


def backup_job_detail(job: BackupJob) -> Detail:
    """The detail of ``Backup Job State Change``; a job that was only created says next to nothing."""
    if job.state == "CREATED":
        return {"backupJobId": job.id, "state": job.state, "creationDate": moment(job.created)}
    detail: Detail = {
        "backupJobId": job.id,
        "backupVaultArn": job.vault.arn,
        "backupVaultName": job.vault.name,
        "bytesTransferred": str(job.bytes_transferred),
        "creationDate": moment(job.created),
        "iamRoleArn": job.role_arn,
        "resourceArn": job.resource_arn,
        "resourceType": job.resource_type,
        "state": job.state,
        "startBy": moment(job.start_by),
        "percentDone": 100 if job.state == "COMPLETED" else 0,
    }
    if job.size_bytes:
        detail["backupSizeInBytes"] = str(job.size_bytes)
    if job.completed:
        detail["completionDate"] = moment(job.completed)
    if job.status_message:
        detail["statusMessage"] = f'"{job.status_message}"'
    return detail


def recovery_point_detail(point: Point) -> Detail:
    """The detail of ``Recovery Point State Change``."""
    detail: Detail = {
        "backupVaultName": point.vault.name,
        "backupVaultArn": point.vault.arn,
        "creationDate": moment(point.created),
        "iamRoleArn": point.role_arn,
        "resourceType": point.of.resource_type,
        "resourceArn": str(point.of.resource_arn),
        "status": point.status,
        "isEncrypted": "true" if point.key_arn else "false",
        "storageClass": "WARM",
        "lifecycle": {name[0].lower() + name[1:]: days for name, days in point.lifecycle.items()},
        "calculatedLifeCycle": {
            name[0].lower() + name[1:]: moment(when) for name, when in point.calculated_lifecycle.items()
        },
    }
    return detail | ({"completionDate": moment(point.completed)} if point.completed else {})


def copy_job_detail(job_id: str, state: str, source: Point, to: Vault, copy: Point | None, begun: datetime) -> Detail:
    """The detail of ``Copy Job State Change``; the copy is an empty object until there is one."""
    detail: Detail = {
        "creationDate": moment(begun),
        "state": state,
        "sourceBackupVaultArn": source.vault.arn,
        "destinationBackupVaultArn": to.arn,
    }
    if state == "CREATED":
        return detail
    detail |= {
        "copyJobId": job_id,
        "backupSizeInBytes": source.size_bytes,
        "iamRoleArn": source.role_arn,
        "resourceArn": str(source.of.resource_arn),
        "resourceType": source.of.resource_type,
        "destinationRecoveryPointArn": copy.arn if copy else {},
    }
    return detail | ({"completionDate": moment(copy.created)} if copy else {})


def older_detail(job: BackupJob) -> Detail:
    """The detail of the event that CloudTrail passed on before there were native ones."""
    return {
        "eventVersion": "1.05",
        "eventSource": "backup.amazonaws.com",
        "eventName": "BackupJobCompleted",
        "eventType": "AwsServiceEvent",
        "serviceEventDetails": {
            "backupJobId": job.id,
            "backupVaultName": job.vault.name,
            "backupVaultArn": job.vault.arn,
            "resourceType": job.resource_type,
            "resourceArn": job.resource_arn,
            "recoveryPointArn": job.point_arn,
            "state": job.state,
            "creationDate": {"seconds": int(job.created.timestamp()), "nanos": 0},
        },
    }


def moment(when: datetime) -> str:
    """A time as these events write it."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"
