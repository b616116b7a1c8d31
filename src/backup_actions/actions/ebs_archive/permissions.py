"""What each step of the EBS archive may do, and why."""

from __future__ import annotations

from backup_actions.contract import BORN_OURS, OURS, Permissions, Statement, bucket_key, running_jobs

_VOLUMES = "arn:${Partition}:ec2:${Region}:${Account}:volume/*"
_INSTANCES = "arn:${Partition}:ec2:${Region}:${Account}:instance/*"
_SNAPSHOTS = "arn:${Partition}:ec2:${Region}::snapshot/*"
_KEYS = "arn:${Partition}:kms:${Region}:${Account}:key/*"
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_ARCHIVES = f"{_BUCKET}/ebs-archive/*"
_EVIDENCE = f"{_BUCKET}/evidence/*"

# AWS Backup puts this tag on every snapshot that it makes or copies; AWS's own scans of backups rely on it.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupGuardDutyRolePolicyForScans.html
_MADE_BY_BACKUP = {"StringLike": {"aws:ResourceTag/aws:backup:source-resource": "*"}}
_THROUGH_EC2 = {"kms:ViaService": "ec2.${Region}.amazonaws.com"}
_UNKNOWN_IDS = "ids of volumes, snapshots and instances are not known before; the tag condition narrows it"

_READ_SNAPSHOTS = (
    Statement(
        ("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"),
        on=_SNAPSHOTS,
        when=_MADE_BY_BACKUP,
        for_=("the snapshot's blocks",),
        because="any snapshot of a watched vault; snapshots are owned by AWS Backup and named by it",
    ),
    # EBS decrypts blocks as EC2, with the rights of whoever asks for them.
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForIndexing.html
    Statement(
        ("kms:Decrypt",),
        on=_KEYS,
        when={"StringEquals": _THROUGH_EC2},
        for_=("the snapshot's blocks",),
        because="snapshots keep the keys of their volumes; only EC2 may use them for us",
    ),
)


def _in_archives(action: str, *, for_: str) -> Statement:
    return Statement((action,), on=_ARCHIVES, for_=(for_,), because="one folder per recovery point under this prefix")


def _list_archives(*, for_: str) -> Statement:
    return Statement(("s3:ListBucket",), on=_BUCKET, when={"StringLike": {"s3:prefix": "ebs-archive/*"}}, for_=(for_,))


# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_TELL_MISSING_FROM_FORBIDDEN = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))

_STORE_ARCHIVE = (
    _TELL_MISSING_FROM_FORBIDDEN,
    _in_archives("s3:GetObject", for_="is it archived already"),
    _in_archives("s3:PutObject", for_="the archive"),
    _in_archives("s3:AbortMultipartUpload", for_="an upload that fails leaves nothing"),
    _in_archives("s3:ListMultipartUploadParts", for_="what an earlier attempt has sent"),
    Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("uploads that a lost host left",)),
    Statement(
        ("s3:DeleteObject",),
        on=f"{_ARCHIVES}/resume/*",
        for_=("notes for a resume",),
        because="one folder per recovery point under this prefix, of which nothing but resume/ can be removed",
    ),
    bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
)

_WORKFLOW = (
    _list_archives(for_="FindArchive"),
    Statement(
        ("ec2:CreateVolume",),
        on=_VOLUMES,
        when=BORN_OURS,
        for_=("CreateVolume",),
        because="a new volume has no id yet",
    ),
    Statement(
        ("ec2:CreateVolume",),
        on=_SNAPSHOTS,
        for_=("CreateVolume",),
        because="any snapshot of a watched vault; snapshots are owned by AWS Backup and named by it",
    ),
    Statement(
        ("ec2:CreateTags",),
        on=_VOLUMES,
        when={"StringEquals": {"ec2:CreateAction": "CreateVolume"}},  # else any volume could be marked as ours
        for_=("CreateVolume",),
        because="a new volume has no id yet",
    ),
    # An encrypted snapshot: EBS uses its key on our behalf, through a grant.
    # https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
    Statement(
        (
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ),
        on=_KEYS,
        when={"StringEquals": _THROUGH_EC2},
        for_=("CreateVolume",),
        because="snapshots keep the keys of their volumes; only EC2 may use them for us",
    ),
    Statement(
        ("kms:CreateGrant",),
        on=_KEYS,
        when={"StringEquals": _THROUGH_EC2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        for_=("CreateVolume",),
        because="snapshots keep the keys of their volumes; only EC2 may use them for us",
    ),
    Statement(
        ("ec2:DescribeVolumes",),
        on="*",
        for_=("DescribeVolume", "FindVolumes"),
        because="Describe calls of EC2 have no resource-level control",
    ),
    Statement(("ec2:DeleteVolume",), on=_VOLUMES, when=OURS, for_=("DeleteVolume",), because=_UNKNOWN_IDS),
    Statement(
        ("ec2:DetachVolume",), on=(_VOLUMES, _INSTANCES), when=OURS, for_=("DetachVolume",), because=_UNKNOWN_IDS
    ),
    *running_jobs("archive", "image", "verify", looked_for=("FindJob", "DescribeJob", "FindOthersAtWork", "ListJobs")),
    Statement(
        ("lambda:InvokeFunction",),
        on=("${Function_record}", "${Function_report}", "${Function_discard}"),
        for_=("RecordWaiting", "RecordGoingOn", "Report", "Discard"),
    ),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "record": (Statement(("dynamodb:PutItem",), on=_LEDGER, for_=("what the run waits for",)),),
        "report": (
            _in_archives("s3:GetObject", for_="manifest"),
            Statement(("s3:GetObject",), on=_EVIDENCE, for_=("verification",), because="one folder per recovery point"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt"),
        ),
        "discard": (
            _list_archives(for_="objects of an incomplete archive"),
            _in_archives("s3:GetObject", for_="whose objects the manifest names"),
            bucket_key("kms:Decrypt"),
            Statement(
                ("s3:ListBucketMultipartUploads",),
                on=_BUCKET,
                for_=("open uploads",),
            ),
            _in_archives("s3:AbortMultipartUpload", for_="open uploads"),
            _in_archives("s3:DeleteObject", for_="objects of an incomplete archive"),
        ),
    },
    jobs={
        "archive": (
            Statement(
                ("ec2:DescribeVolumes",),
                on="*",
                for_=("attachment",),
                because="Describe calls of EC2 have no resource-level control",
            ),
            Statement(
                ("ec2:AttachVolume", "ec2:DetachVolume"),
                on=(_VOLUMES, _INSTANCES),
                when=OURS,
                for_=("attachment",),
                because=_UNKNOWN_IDS,
            ),
            # An encrypted volume: the host has its data key by a grant, which EC2 makes for whoever attaches.
            # https://docs.aws.amazon.com/kms/latest/developerguide/determining-access-grants.html
            Statement(
                ("kms:CreateGrant",),
                on=_KEYS,
                when={"StringEquals": _THROUGH_EC2, "Bool": {"kms:GrantIsForAWSResource": "true"}},
                for_=("attachment",),
                because="snapshots keep the keys of their volumes; only EC2 may use them for us",
            ),
            *_READ_SNAPSHOTS,
            *_STORE_ARCHIVE,
        ),
        "image": (*_READ_SNAPSHOTS, *_STORE_ARCHIVE),
        "verify": (
            _TELL_MISSING_FROM_FORBIDDEN,
            _in_archives("s3:GetObject", for_="the archive"),
            Statement(("s3:PutObject",), on=_EVIDENCE, for_=("verification",), because="one folder per recovery point"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        ),
    },
)
