"""The types of resources that backup plans may select, and what AWS Backup can do with backups of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupType:
    """One type of resources.

    Cold and continuous: https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html
    """

    arns: str
    """All of them in an account, as a selection names them: a star stands at the end alone."""
    services: tuple[str, ...]
    """The services that are called for a backup, by their IAM prefixes."""
    cold: bool = False
    """Whether backups can move to cold storage."""
    continuous: bool = False
    """Whether backups can be continuous."""


BACKUP_TYPES: Mapping[str, BackupType] = {
    "EBS": BackupType(arns="arn:${Partition}:ec2:*:*:volume/*", services=("ec2",), cold=True),
    "EC2": BackupType(arns="arn:${Partition}:ec2:*:*:instance/*", services=("ec2", "ssm")),
    "RDS": BackupType(arns="arn:${Partition}:rds:*:*:db:*", services=("rds",), continuous=True),
    "Aurora": BackupType(arns="arn:${Partition}:rds:*:*:cluster:*", services=("rds",), continuous=True),
    "DynamoDB": BackupType(arns="arn:${Partition}:dynamodb:*:*:table/*", services=("dynamodb",), cold=True),
    "EFS": BackupType(
        arns="arn:${Partition}:elasticfilesystem:*:*:file-system/*", services=("elasticfilesystem",), cold=True
    ),
    "S3": BackupType(arns="arn:${Partition}:s3:::*", services=("s3", "events", "cloudwatch"), continuous=True),
}
"""By AWS Backup's own words."""
