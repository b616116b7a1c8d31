"""What each step may do, and why; the tests hold this against what the steps call."""

from __future__ import annotations

from backup_actions.contract import Permissions, Statement, bucket_key, running_jobs

_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_ARTIFACTS = f"{_BUCKET}/their-action/*"
_EVIDENCE = f"{_BUCKET}/evidence/*"
# Recovery points have the ARNs of what they are, or AWS Backup's own; leave those that the action never sees out.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html
_POINTS = (
    "arn:${Partition}:backup:${Region}:${Account}:recovery-point:*",
    "arn:${Partition}:ec2:${Region}::snapshot/*",
    "arn:${Partition}:ec2:${Region}::image/*",
    "arn:${Partition}:rds:${Region}:${Account}:snapshot:*",
    "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:*",
    "arn:${Partition}:dynamodb:${Region}:${Account}:table/*/backup/*",
    "arn:${Partition}:fsx:${Region}:${Account}:backup/*",
    "arn:${Partition}:redshift:${Region}:${Account}:snapshot:*",
    "arn:${Partition}:redshift-serverless:${Region}:${Account}:snapshot/*",
)
_ONE_FOLDER_PER_POINT = "one folder per recovery point under this prefix"

# Without it S3 answers 403 for an object that is not there.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_TELL_MISSING_FROM_FORBIDDEN = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))


def _artifacts(action: str, *, for_: str) -> Statement:
    return Statement((action,), on=_ARTIFACTS, for_=(for_,), because=_ONE_FOLDER_PER_POINT)


_WORKFLOW = (
    Statement(
        ("s3:ListBucket",),
        on=_BUCKET,
        when={"StringLike": {"s3:prefix": "their-action/*"}},
        for_=("FindManifest", "FindWhole"),
    ),
    Statement(("s3:DeleteObject",), on=_ARTIFACTS, for_=("RemoveObject",), because=_ONE_FOLDER_PER_POINT),
    *running_jobs("keep", looked_for=("FindJob", "DescribeJob", "ListJobs")),
    Statement(("lambda:InvokeFunction",), on="${Function_check}", for_=("Check",)),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "check": (
            _artifacts("s3:GetObject", for_="the manifest, and what it names"),
            _TELL_MISSING_FROM_FORBIDDEN,
            Statement(("s3:PutObject",), on=_EVIDENCE, for_=("verification",), because=_ONE_FOLDER_PER_POINT),
            bucket_key("kms:Decrypt", "kms:GenerateDataKey"),
        ),
    },
    jobs={
        "keep": (
            Statement(
                ("backup:DescribeRecoveryPoint",),
                on=_POINTS,
                for_=("the description",),
                because="recovery points of a watched vault are named by AWS Backup",
            ),
            _artifacts("s3:PutObject", for_="the description and the manifest"),
            _artifacts("s3:GetObject", for_="what was stored"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt", "kms:GenerateDataKey"),
        ),
    },
)
