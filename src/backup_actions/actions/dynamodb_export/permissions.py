"""What each step of the DynamoDB export may do, and why."""

from __future__ import annotations

from backup_actions.contract import BORN_OURS, Permissions, Statement, bucket_key, running_jobs

_ANY_TABLE = "arn:${Partition}:dynamodb:${Region}:${Account}:table/*"
_OUR_TABLES = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${Name}-export-*"
_EXPORTS = f"{_ANY_TABLE}/export/*"
_CLASSIC_BACKUPS = f"{_ANY_TABLE}/backup/*"
_POINTS = ("arn:${Partition}:backup:${Region}:${Account}:recovery-point:*", _CLASSIC_BACKUPS)
_KEYS = "arn:${Partition}:kms:${Region}:${Account}:key/*"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_OUR_OBJECTS = f"{_BUCKET}/dynamodb-export/*"
_ORIGINALS = f"{_OUR_OBJECTS}/AWSDynamoDB/*"
_CONVERTED = (f"{_OUR_OBJECTS}/parquet/*", f"{_OUR_OBJECTS}/conversion.json")
_MANIFESTS = f"{_OUR_OBJECTS}/export.json"
_EVIDENCE = f"{_BUCKET}/evidence/*"

_ANY_POINT = "any recovery point of a watched vault; their ids are AWS Backup's"
_ONE_FOLDER_EACH = "one folder per recovery point under this prefix"
_ONE_TABLE_EACH = "one table per run, under a name that nothing else begins with"
_WHATEVER_TABLE = "the backup may be of any table"


def _in_exports(*actions: str, for_: str) -> Statement:
    return Statement(actions, on=_OUR_OBJECTS, for_=(for_,), because=_ONE_FOLDER_EACH)


def _in_evidence(*actions: str) -> Statement:
    return Statement(actions, on=_EVIDENCE, for_=("verification",), because="one folder per recovery point")


def _list_exports(*, for_: str) -> Statement:
    inside = {"StringLike": {"s3:prefix": "dynamodb-export/*"}}
    return Statement(("s3:ListBucket",), on=_BUCKET, when=inside, for_=(for_,))


# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_TELL_MISSING_FROM_FORBIDDEN = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))

_WORKFLOW = (
    Statement(
        ("lambda:InvokeFunction",),
        on=("${Function_plan}", "${Function_report}", "${Function_drop_original}", "${Function_clean}"),
        for_=("Plan", "Report", "DropOriginal", "Clean"),
    ),
    Statement(("backup:StartRestoreJob",), on=_POINTS, for_=("StartRestore",), because=_ANY_POINT),
    Statement(
        ("iam:PassRole",),
        on="${Role_restore}",
        when={"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}},
        for_=("StartRestore",),
    ),
    Statement(
        ("backup:DescribeRestoreJob",),
        on="*",
        for_=("DescribeRestore",),
        because="restore jobs have no resource-level control",
    ),
    Statement(("dynamodb:TagResource",), on=_OUR_TABLES, when=BORN_OURS, for_=("TagTable",), because=_ONE_TABLE_EACH),
    Statement(("dynamodb:UpdateContinuousBackups",), on=_OUR_TABLES, for_=("EnableRecovery",), because=_ONE_TABLE_EACH),
    Statement(
        ("dynamodb:DescribeContinuousBackups",), on=_ANY_TABLE, for_=("DescribeWindow",), because=_WHATEVER_TABLE
    ),
    Statement(("dynamodb:DescribeTable",), on=_ANY_TABLE, for_=("DescribeTable",), because=_WHATEVER_TABLE),
    Statement(("dynamodb:ExportTableToPointInTime",), on=_ANY_TABLE, for_=("ExportTable",), because=_WHATEVER_TABLE),
    Statement(
        ("dynamodb:DescribeExport",), on=_EXPORTS, for_=("DescribeExport",), because="a new export has no id yet"
    ),
    # DynamoDB writes with the rights of whoever asks for the export.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html
    Statement(
        ("s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload"),
        on=_ORIGINALS,
        for_=("ExportTable",),
        because=_ONE_FOLDER_EACH,
    ),
    bucket_key("kms:GenerateDataKey", "kms:Decrypt", for_="ExportTable"),
    *running_jobs(
        "convert",
        "verify",
        looked_for=("FindJob", "DescribeJob", "FindOthersAtWork", "ListJobs"),
        ended=("TerminateJob", "GiveUpPlace"),
    ),
)

# What AWS Backup does under this role is listed in its managed policy for restores; here it is held to our tables.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForRestores.html
_RESTORE = (
    Statement(
        (
            "dynamodb:RestoreTableFromAwsBackup",
            "dynamodb:DescribeTable",
            "dynamodb:Scan",
            "dynamodb:Query",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
        ),
        on=_OUR_TABLES,
        for_=("a restore",),
        because=_ONE_TABLE_EACH,
    ),
    Statement(
        ("dynamodb:RestoreTableFromBackup",),
        on=(_CLASSIC_BACKUPS, _OUR_TABLES),
        for_=("a restore of a classic backup",),
        because="any backup of a watched vault, into a table of ours",
    ),
    Statement(
        ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
        on=_KEYS,
        when={
            "StringLike": {
                "kms:ViaService": ("dynamodb.${Region}.amazonaws.com", "backup.${Region}.amazonaws.com"),
            }
        },
        for_=("a restore of an encrypted backup",),
        because="a vault may have any key of the account; only the two services may use it for us",
    ),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "plan": (
            Statement(("backup:DescribeRecoveryPoint",), on=_POINTS, for_=("the backup's time",), because=_ANY_POINT),
            Statement(
                ("dynamodb:DescribeContinuousBackups",),
                on=_ANY_TABLE,
                for_=("the table's history",),
                because=_WHATEVER_TABLE,
            ),
            Statement(("s3:GetBucketLocation",), on=_BUCKET, for_=("region of the bucket",)),
            _in_exports("s3:GetObject", for_="is it exported already"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt"),
        ),
        "report": (
            _in_exports("s3:GetObject", for_="manifest and artifacts"),
            _in_evidence("s3:GetObject"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt"),
        ),
        "drop-original": (
            _in_exports("s3:GetObject", for_="manifest"),
            _in_evidence("s3:GetObject"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt"),
            Statement(
                ("s3:DeleteObject",),
                on=_ORIGINALS,
                for_=("DynamoDB's own files",),
                because=_ONE_FOLDER_EACH,
            ),
        ),
        "clean": (
            Statement(
                ("backup:ListRestoreJobs",), on="*", for_=("restores",), because="the list is of the whole account"
            ),
            Statement(("dynamodb:ListExports",), on=_ANY_TABLE, for_=("exports",), because=_WHATEVER_TABLE),
            Statement(("dynamodb:DescribeExport",), on=_EXPORTS, for_=("exports",), because=_WHATEVER_TABLE),
            Statement(
                ("dynamodb:DescribeTable", "dynamodb:DeleteTable"),
                on=_OUR_TABLES,
                for_=("the restored table",),
                because=_ONE_TABLE_EACH,
            ),
            _list_exports(for_="objects of an incomplete export"),
            _in_exports("s3:GetObject", for_="whose objects the manifest names"),
            bucket_key("kms:Decrypt"),
            Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("open uploads",)),
            _in_exports("s3:AbortMultipartUpload", for_="open uploads"),
            _in_exports("s3:DeleteObject", for_="objects of an incomplete export"),
        ),
    },
    jobs={
        "convert": (
            _TELL_MISSING_FROM_FORBIDDEN,
            _in_exports("s3:GetObject", for_="DynamoDB's own files"),
            Statement(("s3:PutObject",), on=_CONVERTED, for_=("Parquet files",), because=_ONE_FOLDER_EACH),
            Statement(
                ("s3:AbortMultipartUpload",),
                on=_CONVERTED[0],
                for_=("an upload that fails leaves nothing",),
                because=_ONE_FOLDER_EACH,
            ),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        ),
        "verify": (
            _TELL_MISSING_FROM_FORBIDDEN,
            _in_exports("s3:GetObject", for_="all files"),
            Statement(("s3:PutObject",), on=_MANIFESTS, for_=("the manifest",), because=_ONE_FOLDER_EACH),
            _in_evidence("s3:PutObject"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        ),
    },
    services={"restore": _RESTORE},
)
