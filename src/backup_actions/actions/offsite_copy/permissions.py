"""What each step of the off-site copy may do, and why.

Sources are snapshots of AWS Backup that carry the tag of the settings; what is made carries the stack's own mark from
its birth, and only what carries it is shared and deleted. Tags decide, so nobody here may move them.
"""

from __future__ import annotations

from backup_actions.contract import BORN_OURS, OURS, Condition, Permissions, Statement, bucket_key

_SOURCE_RDS = "arn:${Partition}:rds:${Region}:${Account}"
_COPY_RDS = "arn:${Partition}:rds:${Setting_copy_region}:${Account}"
_SOURCE = f"{_SOURCE_RDS}:snapshot:awsbackup:*"
_CLUSTER_SOURCE = f"{_SOURCE_RDS}:cluster-snapshot:awsbackup:*"
_COPY = f"{_COPY_RDS}:snapshot:${{Name}}-offsite-*"
_CLUSTER_COPY = f"{_COPY_RDS}:cluster-snapshot:${{Name}}-offsite-*"
_OPTION_GROUPS = f"{_SOURCE_RDS}:og:*"
_VOLUME_SOURCE = "arn:${Partition}:ec2:${Region}::snapshot/*"
_VOLUME_COPY = "arn:${Partition}:ec2:${Setting_copy_region}::snapshot/*"
_ANY_KEY = "arn:${Partition}:kms:${Region}:*:key/*"
_EXPORT_KEY = "${Setting_copy_key_arn}"
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_ANNOUNCEMENTS = f"{_BUCKET}/offsite-copy/*/announcement.json"
_ACKNOWLEDGEMENTS = f"{_BUCKET}/evidence/*/offsite-copy/*/acknowledgement.json"

_CHOSEN: Condition = {"StringEquals": {"rds:snapshot-tag/${Setting_tag_key}": "${Setting_tag_value}"}}
_CHOSEN_CLUSTER: Condition = {"StringEquals": {"rds:cluster-snapshot-tag/${Setting_tag_key}": "${Setting_tag_value}"}}
_CHOSEN_VOLUME: Condition = {"StringEquals": {"aws:ResourceTag/${Setting_tag_key}": "${Setting_tag_value}"}}
_THROUGH = {
    "kms:ViaService": (
        "ec2.${Region}.amazonaws.com",
        "rds.${Region}.amazonaws.com",
        "ec2.${Setting_copy_region}.amazonaws.com",
        "rds.${Setting_copy_region}.amazonaws.com",
    )
}
_ONE_EACH = "one copy per run, under a name that nothing else begins with"
_ANY_BACKUP = "snapshots of AWS Backup's, which names them; the tag condition narrows it"
_ANY_SNAPSHOT = "EBS names snapshots, and their ids are not known before; the tag condition narrows it"
_ONE_FOLDER_EACH = "one folder per recovery point"
_ANY_SOURCE_KEY = (
    "backups keep the keys of what they are of, also those that another account lends; only EBS and RDS may use them "
    "for us, and where another account's does not allow it this says nothing"
)


def _announcements(action: str, *, for_: str) -> Statement:
    return Statement((action,), on=_ANNOUNCEMENTS, for_=(for_,), because=_ONE_FOLDER_EACH)


def _acknowledgements(action: str) -> Statement:
    return Statement((action,), on=_ACKNOWLEDGEMENTS, for_=("evidence",), because=_ONE_FOLDER_EACH)


def _ledger(*actions: str, for_: str) -> Statement:
    return Statement(actions, on=_LEDGER, for_=(for_,))


# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_LIST = Statement(("s3:ListBucket",), on=_BUCKET, for_=("documents that may be missing",))

_READ_DOCUMENTS = (
    _LIST,
    _announcements("s3:GetObject", for_="announcement"),
    _acknowledgements("s3:GetObject"),
    bucket_key("kms:Decrypt"),
)

_DESCRIBE_VOLUME_COPIES = Statement(
    ("ec2:DescribeSnapshots",),
    on="*",
    for_=("snapshots of volumes",),
    because="Describe calls of EC2 have no resource-level control",
)
_DESCRIBE_COPIES = (
    Statement(("rds:DescribeDBSnapshots",), on=_COPY, for_=("the copy",), because=_ONE_EACH),
    Statement(("rds:DescribeDBClusterSnapshots",), on=_CLUSTER_COPY, for_=("the copy",), because=_ONE_EACH),
    _DESCRIBE_VOLUME_COPIES,
)

# Tags narrow what is granted here: whoever could move them could widen it.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.SpecifyingCustomTags.html
_NO_MOVING_OF_TAGS = (
    Statement(
        ("rds:RemoveTagsFromResource",),
        on=(_SOURCE, _CLUSTER_SOURCE, _COPY, _CLUSTER_COPY),
        effect="Deny",
        for_=("tags stay",),
        because="whatever the role may copy, share or delete",
    ),
    Statement(
        ("rds:AddTagsToResource",),
        on=(_SOURCE, _CLUSTER_SOURCE),
        effect="Deny",
        for_=("tags stay",),
        because="whatever the role may copy",
    ),
    Statement(
        ("ec2:DeleteTags",),
        on=(_VOLUME_SOURCE, _VOLUME_COPY),
        effect="Deny",
        for_=("tags stay",),
        because="whatever the role may copy, share or delete",
    ),
    Statement(
        ("ec2:CreateTags",),
        on=(_VOLUME_SOURCE, _VOLUME_COPY),
        when={"StringNotEquals": {"ec2:CreateAction": "CopySnapshot"}},
        effect="Deny",
        for_=("tags come with a copy or not at all",),
        because="whatever the role may copy, share or delete",
    ),
)

_COPYING = (
    Statement(("rds:CopyDBSnapshot",), on=_SOURCE, when=_CHOSEN, for_=("of an instance",), because=_ANY_BACKUP),
    Statement(("rds:CopyDBSnapshot",), on=_COPY, when=BORN_OURS, for_=("of an instance",), because=_ONE_EACH),
    Statement(
        ("rds:CopyDBClusterSnapshot",),
        on=_CLUSTER_SOURCE,
        when=_CHOSEN_CLUSTER,
        for_=("of a cluster",),
        because=_ANY_BACKUP,
    ),
    Statement(
        ("rds:CopyDBClusterSnapshot",), on=_CLUSTER_COPY, when=BORN_OURS, for_=("of a cluster",), because=_ONE_EACH
    ),
    Statement(
        ("rds:AddTagsToResource",),
        on=(_COPY, _CLUSTER_COPY),
        when=BORN_OURS,
        for_=("of an instance", "of a cluster"),
        because=_ONE_EACH,
    ),
    # Of source and copy EC2 asks one after the other: the one has tags, the other is given some.
    # https://aws.amazon.com/blogs/storage/enhancing-resource-level-permissions-for-copying-amazon-ebs-snapshots/
    Statement(
        ("ec2:CopySnapshot",), on=_VOLUME_SOURCE, when=_CHOSEN_VOLUME, for_=("of a volume",), because=_ANY_SNAPSHOT
    ),
    Statement(("ec2:CopySnapshot",), on=_VOLUME_COPY, when=BORN_OURS, for_=("of a volume",), because=_ANY_SNAPSHOT),
    Statement(
        ("ec2:CreateTags",),
        on=_VOLUME_COPY,
        when={"StringEquals": {**BORN_OURS["StringEquals"], "ec2:CreateAction": "CopySnapshot"}},
        for_=("of a volume",),
        because=_ANY_SNAPSHOT,
    ),
)

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
_KEYS = (
    Statement(
        (
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ),
        on=_EXPORT_KEY,
        when={"StringEquals": _THROUGH},
        for_=("the copy's key",),
    ),
    Statement(
        ("kms:DescribeKey", "kms:Decrypt", "kms:ReEncryptFrom"),
        on=_ANY_KEY,
        when={"StringEquals": _THROUGH},
        for_=("the backup's key",),
        because=_ANY_SOURCE_KEY,
    ),
    Statement(
        ("kms:CreateGrant",),
        on=(_EXPORT_KEY, _ANY_KEY),
        when={"StringEquals": _THROUGH, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        for_=("both keys",),
        because=_ANY_SOURCE_KEY,
    ),
)

_SHARE_DATABASES = (
    Statement(("rds:ModifyDBSnapshotAttribute",), on=_COPY, when=OURS, for_=("sharing",), because=_ONE_EACH),
    Statement(
        ("rds:ModifyDBClusterSnapshotAttribute",), on=_CLUSTER_COPY, when=OURS, for_=("sharing",), because=_ONE_EACH
    ),
)


def _share_volumes(key: str) -> Statement:
    """With the separated account and nobody else. RDS has no such condition."""
    return Statement(
        ("ec2:ModifySnapshotAttribute",),
        on=_VOLUME_COPY,
        when={"StringEquals": {**OURS["StringEquals"], key: "${Setting_separated_account}"}},
        for_=("sharing",),
        because=_ANY_SNAPSHOT,
    )


_REMOVE_COPIES = (
    *_DESCRIBE_COPIES,
    *_SHARE_DATABASES,
    _share_volumes("ec2:Remove/userId"),
    Statement(("rds:DeleteDBSnapshot",), on=_COPY, when=OURS, for_=("the copy",), because=_ONE_EACH),
    Statement(("rds:DeleteDBClusterSnapshot",), on=_CLUSTER_COPY, when=OURS, for_=("the copy",), because=_ONE_EACH),
    Statement(("ec2:DeleteSnapshot",), on=_VOLUME_COPY, when=OURS, for_=("the copy",), because=_ANY_SNAPSHOT),
    *_NO_MOVING_OF_TAGS,
)

_PREPARE = (
    Statement(
        ("rds:DescribeDBSnapshots",),
        on=(_SOURCE, _COPY),
        for_=("the backup, and an earlier run's copy",),
        because="snapshots of AWS Backup's, which names them",
    ),
    Statement(
        ("rds:DescribeDBClusterSnapshots",),
        on=(_CLUSTER_SOURCE, _CLUSTER_COPY),
        for_=("the backup, and an earlier run's copy",),
        because="snapshots of AWS Backup's, which names them",
    ),
    _DESCRIBE_VOLUME_COPIES,
    Statement(
        ("rds:DescribeOptionGroups",),
        on=_OPTION_GROUPS,
        for_=("lasting options",),
        because="the snapshot may be of any database",
    ),
    Statement(("kms:DescribeKey",), on=_EXPORT_KEY, for_=("state of the export key",)),
    _LIST,
    _announcements("s3:GetObject", for_="announcements of earlier runs"),
    bucket_key("kms:Decrypt"),
    _ledger("dynamodb:GetItem", for_="what became of them"),
)

PERMISSIONS = Permissions(
    workflow=(
        Statement(
            ("lambda:InvokeFunction",),
            on=(
                "${Function_prepare}",
                "${Function_hold_lease}",
                "${Function_release_lease}",
                "${Function_copy}",
                "${Function_describe}",
                "${Function_await}",
                "${Function_share}",
                "${Function_announce}",
                "${Function_report}",
                "${Function_clean}",
            ),
            for_=(
                "FindAcknowledged",
                "Prepare",
                "HoldLease",
                "Copy",
                "DescribeCopy",
                "WaitForDatabaseCopy",
                "WaitForVolumeCopy",
                "LetOthersCopy",
                "RenewLease",
                "ReleaseLease",
                "Share",
                "Announce",
                "ReadAcknowledgement",
                "WaitForAcknowledgement",
                "GiveLeaseBack",
                "Clean",
            ),
        ),
    ),
    tasks={
        "prepare": _PREPARE,
        "hold-lease": (_ledger("dynamodb:Query", "dynamodb:PutItem", for_="lease, and who waits for it"),),
        "release-lease": (_ledger("dynamodb:Query", "dynamodb:DeleteItem", for_="lease"),),
        "copy": (
            *_DESCRIBE_COPIES,
            *_COPYING,
            *_KEYS,
            *_NO_MOVING_OF_TAGS,
            _ledger("dynamodb:PutItem", for_="what the run waits for"),
        ),
        "describe": _DESCRIBE_COPIES,
        "await": (_ledger("dynamodb:PutItem", for_="who waits for an event"),),
        "share": (*_SHARE_DATABASES, _share_volumes("ec2:Add/userId"), *_NO_MOVING_OF_TAGS),
        "announce": (
            _LIST,
            _announcements("s3:GetObject", for_="what stands there already"),
            _announcements("s3:PutObject", for_="announcement"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
            _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="what was announced"),
            Statement(("sns:Publish",), on="${Topic_announcements}", for_=("announcement",)),
        ),
        "report": _READ_DOCUMENTS,
        "clean": (
            _LIST,
            _announcements("s3:GetObject", for_="announcements of all runs"),
            bucket_key("kms:Decrypt"),
            _ledger("dynamodb:GetItem", for_="what became of them"),
            *_REMOVE_COPIES,
        ),
    },
)

ACKNOWLEDGE_PERMISSIONS = Permissions(
    tasks={
        "function": (
            _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="what was announced"),
            _ledger("dynamodb:Query", "dynamodb:DeleteItem", for_="who waits for it"),
            Statement(
                ("states:SendTaskSuccess",),
                on="*",
                for_=("their tokens",),
                because="the call has no resource-level control; it ends only a Task whose token one has, and this "
                "role can read those in the ledger and no others",
            ),
            _LIST,
            _announcements("s3:GetObject", for_="announcement"),
            _acknowledgements("s3:GetObject"),
            _acknowledgements("s3:PutObject"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
            Statement(("sqs:SendMessage",), on="${DeadLetterQueueArn}", for_=("what fits no announcement",)),
            *_REMOVE_COPIES,
        )
    }
)

REVIEW_PERMISSIONS = Permissions(
    tasks={
        "function": (
            Statement(("dynamodb:Query",), on=f"{_LEDGER}/index/by-standing", for_=("what is not acknowledged",)),
            _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="what was announced"),
            Statement(("sns:Publish",), on="${TopicArn}", for_=("people",)),
            *_REMOVE_COPIES,
        )
    }
)
