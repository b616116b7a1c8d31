"""Recovery points as permissions name them: by the ARNs of what they are, or by AWS Backup's own.

https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html
What such an ARN looks like is each service's own, in its table of resource types below
https://docs.aws.amazon.com/service-authorization/latest/reference/ (list_amazonfsx.html, list_amazonredshift.html,
list_amazonredshiftserverless.html and so on); a test holds them against it.
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
"""Of every type that AWS Backup knows; Redshift names the cluster before its snapshot, ``snapshot:cluster/name``."""
