"""Recovery points as permissions name them: by the ARNs of what they are, or by AWS Backup's own.

https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html
"""

from __future__ import annotations

RECOVERY_POINTS = (
    "arn:${Partition}:ec2:${Region}::snapshot/*",
    "arn:${Partition}:ec2:${Region}::image/*",
    "arn:${Partition}:rds:${Region}:${Account}:snapshot:*",
    "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:*",
    "arn:${Partition}:backup:${Region}:${Account}:recovery-point:*",
    "arn:${Partition}:dynamodb:${Region}:${Account}:table/*/backup/*",
    "arn:${Partition}:fsx:${Region}:${Account}:backup/*",
    "arn:${Partition}:redshift:${Region}:${Account}:snapshot:*",
    "arn:${Partition}:redshift-serverless:${Region}:${Account}:snapshot/*",
)
"""Of every type that AWS Backup knows."""
