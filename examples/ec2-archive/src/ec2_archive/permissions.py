"""What each step may do, and why; the tests hold this against what the steps call."""

from __future__ import annotations

from backup_actions.contract import Permissions, Statement, bucket_key, running_jobs

_IMAGES = "arn:${Partition}:ec2:${Region}::image/*"
_SNAPSHOTS = "arn:${Partition}:ec2:${Region}::snapshot/*"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_ARCHIVES = f"{_BUCKET}/ec2-archive/*"
_EVIDENCE = f"{_BUCKET}/evidence/*"
# AWS Backup puts this tag on every image and snapshot that it makes.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupGuardDutyRolePolicyForScans.html
_MADE_BY_BACKUP = {"StringLike": {"aws:ResourceTag/aws:backup:source-resource": "*"}}
_THROUGH_EC2 = {"StringEquals": {"kms:ViaService": "ec2.${Region}.amazonaws.com"}}
_ONE_FOLDER_PER_POINT = "one folder per recovery point under this prefix"
_MADE_AND_NAMED = "any image of a watched vault: AWS Backup has made and named it with its snapshots"

# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_TELL_MISSING_FROM_FORBIDDEN = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))


def _archives(action: str, *, for_: str) -> Statement:
    return Statement((action,), on=_ARCHIVES, for_=(for_,), because=_ONE_FOLDER_PER_POINT)


def _list_archives(*, for_: str) -> Statement:
    return Statement(("s3:ListBucket",), on=_BUCKET, when={"StringLike": {"s3:prefix": "ec2-archive/*"}}, for_=(for_,))


def _evidence(action: str) -> Statement:
    return Statement((action,), on=_EVIDENCE, for_=("verification",), because=_ONE_FOLDER_PER_POINT)


_WORKFLOW = (
    _list_archives(for_="FindManifest"),
    *running_jobs(
        "archive", "verify", looked_for=("FindJob", "DescribeJob", "ListJobs"), ended=("LeaveZone", "TerminateJob")
    ),
    Statement(("lambda:InvokeFunction",), on=("${Function_report}", "${Function_discard}"), for_=("Report", "Discard")),
)

_READ_IMAGE = (
    Statement(
        ("ec2:DescribeImages",),
        on="*",
        for_=("the description",),
        because="Describe calls of EC2 have no resource-level control",
    ),
    Statement(
        ("ec2:DescribeImageAttribute",),
        on=_IMAGES,
        when=_MADE_BY_BACKUP,
        for_=("the launch permissions",),
        because=_MADE_AND_NAMED,
    ),
    Statement(
        ("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"),
        on=_SNAPSHOTS,
        when=_MADE_BY_BACKUP,
        for_=("the disks",),
        because=_MADE_AND_NAMED,
    ),
    # EBS decrypts blocks as EC2, with the rights of whoever asks for them.
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForIndexing.html
    Statement(
        ("kms:Decrypt",),
        on="arn:${Partition}:kms:${Region}:${Account}:key/*",
        when=_THROUGH_EC2,
        for_=("the disks",),
        because="snapshots keep the keys of their volumes; only EC2 may use them for us",
    ),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "report": (
            _archives("s3:GetObject", for_="manifest"),
            _evidence("s3:GetObject"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt"),
        ),
        "discard": (
            _list_archives(for_="objects that no manifest names"),
            _archives("s3:GetObject", for_="whose objects the manifest names"),
            Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("open uploads",)),
            _archives("s3:AbortMultipartUpload", for_="open uploads"),
            _archives("s3:DeleteObject", for_="objects that no manifest names"),
            bucket_key("kms:Decrypt"),
        ),
    },
    jobs={
        "archive": (
            *_READ_IMAGE,
            _TELL_MISSING_FROM_FORBIDDEN,
            _archives("s3:GetObject", for_="what is archived already"),
            _archives("s3:PutObject", for_="disks, description and manifest"),
            _archives("s3:AbortMultipartUpload", for_="an upload that fails leaves nothing"),
            _archives("s3:ListMultipartUploadParts", for_="what an earlier attempt has sent"),
            Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("uploads that a lost host left",)),
            Statement(
                ("s3:DeleteObject",),
                on=f"{_ARCHIVES}/resume/*",
                for_=("notes for a resume",),
                because="one folder per disk under this prefix, of which nothing but resume/ can be removed",
            ),
            bucket_key("kms:Decrypt", "kms:GenerateDataKey"),
        ),
        "verify": (
            _TELL_MISSING_FROM_FORBIDDEN,
            _archives("s3:GetObject", for_="everything"),
            _evidence("s3:PutObject"),
            bucket_key("kms:Decrypt", "kms:GenerateDataKey"),
        ),
    },
)
