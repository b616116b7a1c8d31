"""What each step of the RDS dump may do, and why."""

from __future__ import annotations

from backup_actions.contract import BORN_OURS, OURS, Condition, Permissions, Statement, bucket_key, running_jobs
from backup_actions.contract.parameter_groups import PARAMETER_GROUPS

_RDS = "arn:${Partition}:rds:${Region}:${Account}"
_SNAPSHOT, _CLUSTER_SNAPSHOT = f"{_RDS}:snapshot:*", f"{_RDS}:cluster-snapshot:*"
_INSTANCES, _CLUSTERS = f"{_RDS}:db:${{Name}}-dump-*", f"{_RDS}:cluster:${{Name}}-dump-*"
_SUBNETS = f"{_RDS}:subgrp:${{DatabaseSubnetGroup}}"
_NAMED = [(group.is_of_clusters, group.name("${Name}")) for group in PARAMETER_GROUPS]
_DEFAULTS = (
    f"{_RDS}:og:default:*",
    f"{_RDS}:pg:default.*",
    *(f"{_RDS}:pg:{name}" for is_of_clusters, name in _NAMED if not is_of_clusters),
)
_CLUSTER_DEFAULTS = (
    f"{_RDS}:og:default:*",
    f"{_RDS}:cluster-pg:default.*",
    *(f"{_RDS}:cluster-pg:{name}" for is_of_clusters, name in _NAMED if is_of_clusters),
)
_PARAMETERS = "arn:${Partition}:ssm:${Region}:${Account}:parameter/${Name}/rds-dump/*"
_KEYS = "arn:${Partition}:kms:${Region}:${Account}:key/*"
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_DUMPS = f"{_BUCKET}/rds-dump/*"
_EVIDENCE = f"{_BUCKET}/evidence/*"
_TESTED = f"{_BUCKET}/proofs/*-restored.json"

_THROUGH_RDS = {"kms:ViaService": "rds.${Region}.amazonaws.com"}
_THROUGH_SSM: Condition = {
    "StringEquals": {"kms:ViaService": "ssm.${Region}.amazonaws.com"},
    "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": _PARAMETERS},
}
_NO_RESOURCES = "these calls have no resource-level control"
_ANY_SNAPSHOT = "any snapshot of a watched vault; snapshots are owned by AWS Backup and named by it"
_ANY_KEY = "snapshots keep the keys of their databases; only RDS may use them for us"
_ONE_EACH = "one database per run, under a name that nothing else begins with"
_DEFAULT_GROUPS = "the groups of defaults, one per engine and version, which nobody can change, and the stack's own"
_ONE_FOLDER_EACH = "one folder per recovery point under this prefix"
_ONE_SECRET_EACH = "one parameter per run under this path"  # noqa: S105 - a sentence


def _in_dumps(action: str, *, for_: str) -> Statement:
    return Statement((action,), on=_DUMPS, for_=(for_,), because=_ONE_FOLDER_EACH)


def _evidence(action: str) -> Statement:
    return Statement((action,), on=_EVIDENCE, for_=("verification",), because="one folder per recovery point")


def _tested(action: str) -> Statement:
    return Statement((action,), on=_TESTED, for_=("what a load has come to",), because="one document for each test")


def _list_dumps(*, for_: str) -> Statement:
    return Statement(("s3:ListBucket",), on=_BUCKET, when={"StringLike": {"s3:prefix": "rds-dump/*"}}, for_=(for_,))


# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_TELL_MISSING_FROM_FORBIDDEN = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))

# https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
_READ_PASSWORD = (
    Statement(("ssm:GetParameter",), on=_PARAMETERS, for_=("password",), because=_ONE_SECRET_EACH),
    Statement(("kms:Decrypt",), on="${BucketKeyArn}", when=_THROUGH_SSM, for_=("password",)),
)


_RESTORE = (
    Statement(
        ("rds:RestoreDBInstanceFromDBSnapshot",),
        on=(_SNAPSHOT, _CLUSTER_SNAPSHOT),
        for_=("RestoreInstance",),
        because=_ANY_SNAPSHOT,
    ),
    Statement(
        ("rds:RestoreDBInstanceFromDBSnapshot",),
        on=_INSTANCES,
        when=BORN_OURS,
        for_=("RestoreInstance",),
        because=_ONE_EACH,
    ),
    Statement(
        ("rds:RestoreDBInstanceFromDBSnapshot",),
        on=(*_DEFAULTS, _SUBNETS),
        for_=("RestoreInstance",),
        because=_DEFAULT_GROUPS,
    ),
    Statement(
        ("rds:RestoreDBClusterFromSnapshot",), on=_CLUSTER_SNAPSHOT, for_=("RestoreCluster",), because=_ANY_SNAPSHOT
    ),
    Statement(
        ("rds:RestoreDBClusterFromSnapshot",),
        on=_CLUSTERS,
        when=BORN_OURS,
        for_=("RestoreCluster",),
        because=_ONE_EACH,
    ),
    Statement(
        ("rds:RestoreDBClusterFromSnapshot",),
        on=(*_CLUSTER_DEFAULTS, _SUBNETS),
        for_=("RestoreCluster",),
        because=_DEFAULT_GROUPS,
    ),
    Statement(("rds:CreateDBInstance",), on=_INSTANCES, when=BORN_OURS, for_=("CreateInstance",), because=_ONE_EACH),
    # A member of a cluster that is ours, never an instance of its own.
    Statement(("rds:CreateDBInstance",), on=_CLUSTERS, when=OURS, for_=("CreateInstance",), because=_ONE_EACH),
    Statement(
        ("rds:AddTagsToResource",),
        on=(_INSTANCES, _CLUSTERS),
        when=BORN_OURS,
        for_=("RestoreInstance", "RestoreCluster", "CreateInstance"),
        because=_ONE_EACH,
    ),
    # RDS uses the key of an encrypted snapshot on our behalf, through a grant.
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html
    Statement(
        ("kms:DescribeKey",),
        on=_KEYS,
        when={"StringEquals": _THROUGH_RDS},
        for_=("RestoreInstance", "RestoreCluster", "CreateInstance"),
        because=_ANY_KEY,
    ),
    Statement(
        ("kms:CreateGrant",),
        on=_KEYS,
        when={"StringEquals": _THROUGH_RDS, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        for_=("RestoreInstance", "RestoreCluster", "CreateInstance"),
        because=_ANY_KEY,
    ),
)

_WORKFLOW = (
    *_RESTORE,
    Statement(("rds:DescribeDBInstances",), on=_INSTANCES, for_=("DescribeInstance",), because=_ONE_EACH),
    Statement(("rds:DescribeDBClusters",), on=_CLUSTERS, for_=("DescribeCluster",), because=_ONE_EACH),
    *running_jobs("dump", "verify", "load", looked_for=("FindJob", "DescribeJob", "FindOthersAtWork", "ListJobs")),
    Statement(
        ("lambda:InvokeFunction",),
        on=(
            "${Function_prepare}",
            "${Function_record}",
            "${Function_set_password}",
            "${Function_report}",
            "${Function_prepare_load}",
            "${Function_create}",
            "${Function_report_load}",
            "${Function_clean}",
        ),
        for_=(
            "Prepare",
            "RecordWaiting",
            "RecordGoingOn",
            "SetPassword",
            "Report",
            "PrepareLoad",
            "CreateEmpty",
            "ReportLoad",
            "Clean",
        ),
    ),
)

_PREPARE = (
    Statement(("rds:DescribeDBSnapshots",), on=_SNAPSHOT, for_=("snapshot of an instance",), because=_ANY_SNAPSHOT),
    Statement(
        ("rds:DescribeDBClusterSnapshots",),
        on=_CLUSTER_SNAPSHOT,
        for_=("snapshot of a cluster",),
        because=_ANY_SNAPSHOT,
    ),
    Statement(
        ("rds:DescribeDBInstances",),
        on=f"{_RDS}:db:*",
        for_=("groups of the original",),
        because="the snapshot may be of any database",
    ),
    Statement(
        ("rds:DescribeDBClusters",),
        on=f"{_RDS}:cluster:*",
        for_=("groups of the original",),
        because="the snapshot may be of any cluster",
    ),
    Statement(
        (
            "rds:DescribeDBEngineVersions",
            "rds:DescribeDBMajorEngineVersions",
            "rds:DescribeOrderableDBInstanceOptions",
        ),
        on="*",
        for_=("what RDS offers",),
        because=_NO_RESOURCES,
    ),
)

_SET_PASSWORD = (
    Statement(("rds:ModifyDBInstance",), on=_INSTANCES, when=OURS, for_=("password",), because=_ONE_EACH),
    Statement(("rds:ModifyDBCluster",), on=_CLUSTERS, when=OURS, for_=("password",), because=_ONE_EACH),
    Statement(("ssm:PutParameter",), on=_PARAMETERS, for_=("password",), because=_ONE_SECRET_EACH),
    Statement(("ssm:AddTagsToResource",), on=_PARAMETERS, when=BORN_OURS, for_=("password",), because=_ONE_SECRET_EACH),
    Statement(("kms:Encrypt",), on="${BucketKeyArn}", when=_THROUGH_SSM, for_=("password",)),
)

_PREPARE_LOAD = (
    _evidence("s3:GetObject"),
    _in_dumps("s3:GetObject", for_="manifest and description"),
    _TELL_MISSING_FROM_FORBIDDEN,
    bucket_key("kms:Decrypt"),
    Statement(
        ("rds:DescribeDBEngineVersions", "rds:DescribeOrderableDBInstanceOptions"),
        on="*",
        for_=("what RDS offers",),
        because=_NO_RESOURCES,
    ),
)

# The key that encrypts it is the one that RDS has in every account, whose own policy lets RDS use it for whoever asks.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html
_CREATE = (
    Statement(
        ("rds:CreateDBInstance",),
        on=_INSTANCES,
        when={**BORN_OURS, "Bool": {"rds:PubliclyAccessible": "false"}},
        for_=("an empty instance",),
        because=_ONE_EACH,
    ),
    Statement(
        ("rds:CreateDBInstance",), on=(*_DEFAULTS, _SUBNETS), for_=("an empty instance",), because=_DEFAULT_GROUPS
    ),
    Statement(
        ("rds:AddTagsToResource",), on=_INSTANCES, when=BORN_OURS, for_=("an empty instance",), because=_ONE_EACH
    ),
)

_CLEAN = (
    Statement(("rds:DescribeDBInstances",), on=_INSTANCES, for_=("the instance",), because=_ONE_EACH),
    Statement(("rds:DescribeDBClusters",), on=_CLUSTERS, for_=("the cluster",), because=_ONE_EACH),
    Statement(("rds:DeleteDBInstance",), on=_INSTANCES, when=OURS, for_=("the instance",), because=_ONE_EACH),
    Statement(("rds:DeleteDBCluster",), on=_CLUSTERS, when=OURS, for_=("the cluster",), because=_ONE_EACH),
    Statement(("ssm:DeleteParameter",), on=_PARAMETERS, for_=("password",), because=_ONE_SECRET_EACH),
    _list_dumps(for_="objects of an incomplete dump"),
    _in_dumps("s3:GetObject", for_="whose objects the manifest names"),
    bucket_key("kms:Decrypt"),
    Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("open uploads",)),
    _in_dumps("s3:AbortMultipartUpload", for_="open uploads"),
    _in_dumps("s3:DeleteObject", for_="objects of an incomplete dump"),
)

_STORE_DUMP = (
    _TELL_MISSING_FROM_FORBIDDEN,
    _in_dumps("s3:GetObject", for_="is it dumped already"),
    _in_dumps("s3:PutObject", for_="the dump"),
    _in_dumps("s3:AbortMultipartUpload", for_="an upload that fails leaves nothing"),
    _in_dumps("s3:ListMultipartUploadParts", for_="what an earlier attempt has sent"),
    Statement(("s3:ListBucketMultipartUploads",), on=_BUCKET, for_=("uploads that a lost host left",)),
    Statement(
        ("s3:DeleteObject",),
        on=f"{_DUMPS}/resume/*",
        for_=("notes for a resume",),
        because="one folder per recovery point under this prefix, of which nothing but resume/ can be removed",
    ),
    bucket_key("kms:GenerateDataKey", "kms:Decrypt"),  # an upload in parts decrypts its own data key for every part
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "prepare": _PREPARE,
        "record": (Statement(("dynamodb:PutItem",), on=_LEDGER, for_=("what the run waits for",)),),
        "set-password": _SET_PASSWORD,
        "report": (
            _in_dumps("s3:GetObject", for_="manifest"),
            _evidence("s3:GetObject"),
            _TELL_MISSING_FROM_FORBIDDEN,
            bucket_key("kms:Decrypt"),
        ),
        "prepare-load": _PREPARE_LOAD,
        "create": _CREATE,
        "report-load": (_tested("s3:GetObject"), _TELL_MISSING_FROM_FORBIDDEN, bucket_key("kms:Decrypt")),
        "clean": _CLEAN,
    },
    jobs={
        "dump": (*_READ_PASSWORD, *_STORE_DUMP),
        "verify": (
            *_READ_PASSWORD,
            _TELL_MISSING_FROM_FORBIDDEN,
            _in_dumps("s3:GetObject", for_="the dump"),
            _evidence("s3:PutObject"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        ),
        "load": (
            *_READ_PASSWORD,
            _TELL_MISSING_FROM_FORBIDDEN,
            _in_dumps("s3:GetObject", for_="the dump"),
            _tested("s3:PutObject"),
            bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        ),
    },
)
