"""What each step of the RDS export may do, and why."""

from __future__ import annotations

from backup_actions.contract import Permissions, Statement, bucket_key, running_jobs

_SNAPSHOTS = (
    "arn:${Partition}:rds:${Region}:${Account}:snapshot:*",
    "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:*",
)
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_EXPORTS = f"{_BUCKET}/rds-export/*"
_MANIFESTS = f"{_BUCKET}/rds-export/*/export.json"
_EVIDENCE = f"{_BUCKET}/evidence/*"

_BELOW_EXPORTS = {"StringLike": {"s3:prefix": "rds-export/*"}}
_THROUGH_RDS = {"kms:ViaService": "rds.${Region}.amazonaws.com"}
_NO_RESOURCES = "these calls have no resource-level control"
_ANY_SNAPSHOT = "any snapshot of a watched vault; snapshots are owned by AWS Backup and named by it"
_ONE_FOLDER_EACH = "one folder per recovery point under this prefix"


def _in_exports(*actions: str, for_: str) -> Statement:
    return Statement(actions, on=_EXPORTS, for_=(for_,), because=_ONE_FOLDER_EACH)


def _evidence(action: str) -> Statement:
    return Statement((action,), on=_EVIDENCE, for_=("verification",), because="one folder per recovery point")


# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_LIST = Statement(("s3:ListBucket",), on=_BUCKET, for_=("what an export wrote, and objects that may be missing",))

_WORKFLOW = (
    Statement(("s3:ListBucket",), on=_BUCKET, when=_BELOW_EXPORTS, for_=("FindManifest",)),
    Statement(("rds:StartExportTask",), on=_SNAPSHOTS, for_=("StartExport",), because=_ANY_SNAPSHOT),
    Statement(
        ("iam:PassRole",),
        on="${Role_export}",
        when={"StringEquals": {"iam:PassedToService": "export.rds.amazonaws.com"}},
        for_=("StartExport",),
    ),
    # RDS encrypts what it writes with the bucket's key, through a grant.
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
    Statement(("kms:DescribeKey",), on="${BucketKeyArn}", when={"StringEquals": _THROUGH_RDS}, for_=("StartExport",)),
    Statement(
        ("kms:CreateGrant",),
        on="${BucketKeyArn}",
        when={"StringEquals": _THROUGH_RDS, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        for_=("StartExport",),
    ),
    Statement(
        ("rds:DescribeExportTasks",),
        on="*",
        for_=("DescribeExport", "FindExport", "FindOthers"),
        because="an export task is no resource, and asked for by its identifier it names no snapshot",
    ),
    Statement(("rds:CancelExportTask",), on="*", for_=("CancelExport",), because=_NO_RESOURCES),
    *running_jobs("verify", looked_for=("FindJob", "DescribeJob", "FindOthersAtWork", "ListJobs")),
    Statement(
        ("lambda:InvokeFunction",),
        on=(
            "${Function_prepare}",
            "${Function_await}",
            "${Function_hold_lease}",
            "${Function_release_lease}",
            "${Function_report}",
            "${Function_discard}",
        ),
        for_=(
            "Prepare",
            "HoldLease",
            "WaitForExport",
            "RenewLease",
            "ReleaseLease",
            "Report",
            "GiveLeaseBack",
            "Discard",
        ),
    ),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "prepare": (
            Statement(
                ("rds:DescribeDBSnapshots",), on=_SNAPSHOTS[0], for_=("snapshot of an instance",), because=_ANY_SNAPSHOT
            ),
            Statement(
                ("rds:DescribeDBClusterSnapshots",),
                on=_SNAPSHOTS[1],
                for_=("snapshot of a cluster",),
                because=_ANY_SNAPSHOT,
            ),
            Statement(("s3:GetBucketLocation",), on=_BUCKET, for_=("region of the bucket",)),
        ),
        "hold-lease": (
            Statement(("dynamodb:Query", "dynamodb:PutItem"), on=_LEDGER, for_=("lease, and who waits for it",)),
        ),
        "await": (Statement(("dynamodb:PutItem",), on=_LEDGER, for_=("who waits for the export's end",)),),
        "release-lease": (Statement(("dynamodb:Query", "dynamodb:DeleteItem"), on=_LEDGER, for_=("lease",)),),
        "report": (
            _LIST,
            _in_exports("s3:GetObject", for_="manifest"),
            _evidence("s3:GetObject"),
            bucket_key("kms:Decrypt"),
        ),
        "discard": (
            _LIST,
            Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("open uploads",)),
            _in_exports("s3:GetObject", for_="manifest"),
            _in_exports("s3:AbortMultipartUpload", for_="open uploads"),
            _in_exports("s3:DeleteObject", for_="objects of an export that is not whole"),
            bucket_key("kms:Decrypt"),
        ),
    },
    jobs={
        "verify": (
            _LIST,
            _in_exports("s3:GetObject", for_="the export"),
            Statement(("s3:PutObject",), on=_MANIFESTS, for_=("manifest",), because=_ONE_FOLDER_EACH),
            _evidence("s3:PutObject"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        ),
    },
    services={
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Setup.html
        "export": (
            Statement(("s3:ListBucket", "s3:GetBucketLocation"), on=_BUCKET, for_=("RDS looks before it writes",)),
            _in_exports("s3:PutObject", "s3:GetObject", "s3:DeleteObject", for_="what RDS writes"),
            _in_exports("s3:AbortMultipartUpload", for_="an upload of RDS's that fails leaves nothing"),
            Statement(
                ("s3:PutObject", "s3:DeleteObject"),
                on=_MANIFESTS,
                effect="Deny",
                for_=("the manifest is not RDS's",),
                because=_ONE_FOLDER_EACH,
            ),
            Statement(
                ("kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"),
                on="${BucketKeyArn}",
                for_=("what RDS writes is encrypted",),
            ),
        ),
    },
)
