"""What each step may do, and why; the tests hold this against what the steps call."""

from __future__ import annotations

from backup_actions.contract import Permissions, Statement, bucket_key

_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_RECORDS = f"{_BUCKET}/vault-copy/*"
_EVIDENCE = f"{_BUCKET}/evidence/*"
# Recovery points have the ARNs of what they are, or AWS Backup's own.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html
_POINTS = (
    "arn:${Partition}:backup:${Region}:${Account}:recovery-point:*",
    "arn:${Partition}:dynamodb:${Region}:${Account}:table/*/backup/*",
    "arn:${Partition}:ec2:${Region}::image/*",
    "arn:${Partition}:ec2:${Region}::snapshot/*",
    "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:*",
    "arn:${Partition}:rds:${Region}:${Account}:snapshot:*",
)
_CHOSEN = {"StringEquals": {"aws:ResourceTag/${Setting_tag_key}": "${Setting_tag_value}"}}
_ONE_FOLDER_PER_POINT = "one folder per recovery point under this prefix"

# Without it S3 answers 403 for an object that is not there.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_TELL_MISSING_FROM_FORBIDDEN = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))
_BUCKET_KEY = bucket_key("kms:Decrypt", "kms:GenerateDataKey")


def _about_copies(*actions: str, for_: tuple[str, ...]) -> Statement:
    return Statement(actions, on="*", for_=for_, because="these calls of AWS Backup have no resource-level control")


def _records(action: str, *, for_: str) -> Statement:
    return Statement((action,), on=_RECORDS, for_=(for_,), because=_ONE_FOLDER_PER_POINT)


_WORKFLOW = (
    Statement(
        ("s3:ListBucket",),
        on=_BUCKET,
        when={"StringLike": {"s3:prefix": "vault-copy/*"}},
        for_=("FindManifest",),
    ),
    _about_copies("backup:ListCopyJobs", "backup:DescribeCopyJob", for_=("FindCopy", "DescribeCopy")),
    # Out of one vault and into the other goes the role that is passed.
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html
    Statement(
        ("backup:StartCopyJob",),
        on=_POINTS,
        when=_CHOSEN,
        for_=("StartCopy",),
        because="recovery points of a watched vault are named by AWS Backup; the tag condition narrows it",
    ),
    Statement(
        ("iam:PassRole",),
        on="${Setting_copy_role_arn}",
        when={"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}},
        for_=("StartCopy",),
    ),
    Statement(("lambda:InvokeFunction",), on=("${Function_record}", "${Function_check}"), for_=("Record", "Check")),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "record": (
            _about_copies("backup:DescribeCopyJob", for_=("what is stored",)),
            _records("s3:PutObject", for_="the record"),
            _records("s3:GetObject", for_="the record of an earlier attempt"),
            _TELL_MISSING_FROM_FORBIDDEN,
            _BUCKET_KEY,
        ),
        "check": (
            _about_copies("backup:DescribeCopyJob", for_=("the comparison",)),
            Statement(
                ("backup:DescribeRecoveryPoint",),
                on=_POINTS,
                for_=("a copy in this account and region",),
                because="copies are named by AWS Backup",
            ),
            _records("s3:GetObject", for_="the record"),
            Statement(("s3:PutObject",), on=_EVIDENCE, for_=("verification",), because=_ONE_FOLDER_PER_POINT),
            _TELL_MISSING_FROM_FORBIDDEN,
            _BUCKET_KEY,
        ),
    },
)
