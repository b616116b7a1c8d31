"""What each step of an import, and what hears announcements, may do, and why.

Of the source accounts' things only those that they share can be described and copied, and nothing there can be changed.
Of our own, what is removed carries our mark and the name of an import.
"""

from __future__ import annotations

from backup_actions.contract import BORN_OURS, OURS, Permissions, Statement, bucket_key, running_machines
from backup_actions.offsite.settings import ImportSettings

_RDS = "arn:${Partition}:rds:${Region}:${Account}"
_COPY, _CLUSTER_COPY = f"{_RDS}:snapshot:offsite-*", f"{_RDS}:cluster-snapshot:offsite-*"
_DISK_COPY = "arn:${Partition}:ec2:${Region}::snapshot/*"
_IMPORT_KEY = "${Key_import}"
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_EVIDENCE = f"{_BUCKET}/evidence/*/evidence.json"
_MACHINES = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-*"
_EXECUTIONS = "arn:${Partition}:states:${Region}:${Account}:execution:${Name}-*"
IMPORT_EXECUTIONS = "arn:${Partition}:states:${Region}:${Account}:execution:${Name}-offsite-import:*"
IMPORT_MACHINE = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-offsite-import"

_ONE_EACH = "one copy for each import, under a name that nothing else begins with"
_ONE_FOLDER_EACH = "one folder for each import"
_ANY_DISK = "ids of snapshots are EC2's; the tag condition narrows it"
_ANY_SHARED = "whatever a source shares with this account; sharing is the source's"
_ANY_SOURCE_KEY = "which key a snapshot was shared under is the source's; only EBS and RDS may use it for us"
_NO_RESOURCES = "Describe calls of EC2 have no resource-level control"


def _ledger(*actions: str, for_: str) -> Statement:
    return Statement(actions, on=_LEDGER, for_=(for_,))


# Without it S3 answers 403 for an object that is not there. No condition on the prefix: such a request has none.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_LIST = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))
_DESCRIBE_DISKS = Statement(("ec2:DescribeSnapshots",), on="*", for_=("snapshots of disks",), because=_NO_RESOURCES)
_STATE_OF_KEYS = "which key cannot be used"


def _describe_databases(settings: ImportSettings, *, own: bool, shared: bool) -> tuple[Statement, ...]:
    """Snapshots of databases: the copies, and what the sources share."""
    shares = [_shares_of(settings, kind) if shared else () for kind in ("snapshot", "cluster-snapshot")]
    instances, clusters = ((copy,) if own else () for copy in (_COPY, _CLUSTER_COPY))
    because = _ANY_SHARED if shared else _ONE_EACH
    return (
        Statement(("rds:DescribeDBSnapshots",), on=(*instances, *shares[0]), for_=("of an instance",), because=because),
        Statement(
            ("rds:DescribeDBClusterSnapshots",), on=(*clusters, *shares[1]), for_=("of a cluster",), because=because
        ),
        _DESCRIBE_DISKS,
    )


def _shares_of(settings: ImportSettings, kind: str) -> tuple[str, ...]:
    """The ARNs that shared snapshots of databases may have."""
    return tuple(
        f"arn:${{Partition}}:rds:{region}:{source.account}:{kind}:*"
        for source in settings.sources
        for region in ("${Region}", source.region)
    )


def _disks_of(settings: ImportSettings) -> tuple[str, ...]:
    regions = ("${Region}", *(source.region for source in settings.sources))
    return tuple(f"arn:${{Partition}}:ec2:{region}::snapshot/*" for region in dict.fromkeys(regions))


def _keys_of(settings: ImportSettings) -> tuple[str, ...]:
    """The keys that shared snapshots may be encrypted with."""
    return tuple(
        f"arn:${{Partition}}:kms:{region}:{source.account}:key/*"
        for source in settings.sources
        for region in ("${Region}", source.region)
    )


def _through(settings: ImportSettings) -> dict[str, tuple[str, ...]]:
    regions = dict.fromkeys(("${Region}", *(source.region for source in settings.sources)))
    return {
        "kms:ViaService": tuple(f"{service}.{region}.amazonaws.com" for region in regions for service in ("ec2", "rds"))
    }


def _copying(settings: ImportSettings) -> tuple[Statement, ...]:
    """A copy under our key, with our mark from its birth.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/share-encrypted-snapshot.html
    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
    """
    sources, cluster_sources = _shares_of(settings, "snapshot"), _shares_of(settings, "cluster-snapshot")
    return (
        Statement(
            ("rds:CopyDBSnapshot",),
            on=(_COPY, *sources),
            when=BORN_OURS,
            for_=("of an instance",),
            because=_ANY_SHARED,
        ),
        Statement(
            ("rds:CopyDBClusterSnapshot",),
            on=(_CLUSTER_COPY, *cluster_sources),
            when=BORN_OURS,
            for_=("of a cluster",),
            because=_ANY_SHARED,
        ),
        Statement(
            ("rds:AddTagsToResource",),
            on=(_COPY, _CLUSTER_COPY),
            when=BORN_OURS,
            for_=("of an instance", "of a cluster"),
            because=_ONE_EACH,
        ),
        # Of source and copy EC2 asks one after the other: the one has an owner, the other is given tags.
        # https://aws.amazon.com/blogs/storage/enhancing-resource-level-permissions-for-copying-amazon-ebs-snapshots/
        Statement(
            ("ec2:CopySnapshot",),
            on=_disks_of(settings),
            when={"StringEquals": {"ec2:Owner": settings.accounts}},
            for_=("of a disk",),
            because=_ANY_SHARED,
        ),
        Statement(("ec2:CopySnapshot",), on=_DISK_COPY, when=BORN_OURS, for_=("of a disk",), because=_ANY_DISK),
        Statement(
            ("ec2:CreateTags",),
            on=_DISK_COPY,
            when={"StringEquals": {**BORN_OURS["StringEquals"], "ec2:CreateAction": "CopySnapshot"}},
            for_=("of a disk",),
            because=_ANY_DISK,
        ),
        Statement(
            ("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
            on=_IMPORT_KEY,
            when={"StringEquals": _through(settings)},
            for_=("the copy's key",),
        ),
        Statement(
            ("kms:Decrypt", "kms:ReEncryptFrom"),
            on=_keys_of(settings),
            when={"StringEquals": _through(settings)},
            for_=("the shared snapshot's key",),
            because=_ANY_SOURCE_KEY,
        ),
        Statement(
            ("kms:CreateGrant",),
            on=(_IMPORT_KEY, *_keys_of(settings)),
            when={"StringEquals": _through(settings), "Bool": {"kms:GrantIsForAWSResource": "true"}},
            for_=("both keys",),
            because=_ANY_SOURCE_KEY,
        ),
    )


def _state_of_keys(settings: ImportSettings) -> Statement:
    return Statement(
        ("kms:DescribeKey",), on=(_IMPORT_KEY, *_keys_of(settings)), for_=(_STATE_OF_KEYS,), because=_ANY_SOURCE_KEY
    )


def _acknowledging(settings: ImportSettings) -> Statement:
    queues = tuple(
        f"arn:${{Partition}}:sqs:{source.region}:{source.account}:{source.queue_name}" for source in settings.sources
    )
    return Statement(("sqs:SendMessage",), on=queues, for_=("acknowledgement",))


_REMOVING = (
    Statement(("rds:DeleteDBSnapshot",), on=_COPY, when=OURS, for_=("of an instance",), because=_ONE_EACH),
    Statement(("rds:DeleteDBClusterSnapshot",), on=_CLUSTER_COPY, when=OURS, for_=("of a cluster",), because=_ONE_EACH),
    Statement(("ec2:DeleteSnapshot",), on=_DISK_COPY, when=OURS, for_=("of a disk",), because=_ANY_DISK),
)

_FUNCTIONS = {
    "hold_lease": ("HoldLease", "RenewLease"),
    "copy": ("Copy",),
    "inspect": ("Inspect",),
    "await": ("WaitForDatabaseCopy", "WaitForDiskCopy"),
    "record": ("Record",),
    "release_lease": ("ReleaseLease", "GiveLeaseBack"),
    "prove": ("Prove",),
    "acknowledge": ("Acknowledge",),
    "clean": ("Clean",),
    "tell": ("Tell",),
    "put_back": ("PutBack",),
}

_WORKFLOW = (
    Statement(
        ("lambda:InvokeFunction",),
        on=tuple(f"${{Function_{name}}}" for name in _FUNCTIONS),
        for_=tuple(state for states in _FUNCTIONS.values() for state in states),
    ),
    *running_machines(_MACHINES, _EXECUTIONS, in_state="RunAction", because="one machine per installed action"),
    Statement(("sns:Publish",), on="${TopicArn}", for_=("Notify",)),
)


def import_permissions(settings: ImportSettings) -> Permissions:
    """The permissions of the import machine for the sources that the settings name."""
    return Permissions(
        workflow=_WORKFLOW,
        tasks={
            "hold-lease": (_ledger("dynamodb:Query", "dynamodb:PutItem", for_="lease, and who waits for it"),),
            "release-lease": (_ledger("dynamodb:Query", "dynamodb:DeleteItem", for_="lease"),),
            "copy": (
                *_describe_databases(settings, own=True, shared=False),
                *_copying(settings),
                _state_of_keys(settings),
            ),
            "inspect": (*_describe_databases(settings, own=True, shared=True), _state_of_keys(settings)),
            "await": (_ledger("dynamodb:PutItem", for_="who waits for the copy's end"),),
            "record": (
                _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="the import"),
                Statement(("s3:PutObject",), on=_EVIDENCE, for_=("evidence",), because=_ONE_FOLDER_EACH),
                bucket_key("kms:GenerateDataKey"),
            ),
            "prove": (
                Statement(
                    ("s3:GetObject",),
                    on=f"{_BUCKET}/*",
                    for_=("proof",),
                    because="artifacts of every installed action lie in this bucket",
                ),
                _LIST,
                bucket_key("kms:Decrypt"),
            ),
            "acknowledge": (
                _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="the import"),
                _acknowledging(settings),
            ),
            "clean": (
                _ledger("dynamodb:GetItem", for_="what was verified"),
                *_describe_databases(settings, own=True, shared=False),
                *_REMOVING,
            ),
            "tell": (
                _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="the import"),
                _LIST,
                Statement(("s3:GetObject", "s3:PutObject"), on=_EVIDENCE, for_=("evidence",), because=_ONE_FOLDER_EACH),
                bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
            ),
            "put-back": (
                _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="the import"),
                Statement(
                    ("sqs:SendMessage",),
                    on=("${QueueArn_announcements}", "${DeadLetterQueueArn}"),
                    for_=("the announcement",),
                ),
            ),
        },
    )


def receiving_permissions(settings: ImportSettings) -> Permissions:
    """The permissions of what hears announcements: to look, to begin, to bury; it can copy nothing itself."""
    return Permissions(
        tasks={
            "function": (
                _ledger("dynamodb:GetItem", "dynamodb:PutItem", for_="the import"),
                _ledger("dynamodb:UpdateItem", for_="how many its source has had today"),
                *_describe_databases(settings, own=True, shared=True),
                Statement(("states:StartExecution",), on=IMPORT_MACHINE, for_=("an import",)),
                Statement(
                    ("states:DescribeExecution",),
                    on=IMPORT_EXECUTIONS,
                    for_=("whether an import goes on",),
                    because="one execution for each attempt of each import",
                ),
                _acknowledging(settings),
                Statement(("sqs:SendMessage",), on="${DeadLetterQueueArn}", for_=("what is refused",)),
            )
        }
    )
