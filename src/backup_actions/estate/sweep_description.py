"""The sweep, described as the intake is: what it may do, and why."""

from __future__ import annotations

from backup_actions.contract import Function, Permissions, Statement, bucket_key
from backup_actions.contract.recovery_points import RECOVERY_POINTS
from backup_actions.estate.description import VARIABLE, Estate

_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_PROVING = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-proving"
_EXECUTIONS = "arn:${Partition}:states:${Region}:${Account}:execution:${Name}-*"

_READING_THE_BUCKET = (
    Statement(
        ("s3:ListBucket", "s3:ListBucketMultipartUploads"), on=_BUCKET, for_=("archives and evidence", "open uploads")
    ),
    Statement(
        ("s3:GetObject",),
        on=f"{_BUCKET}/evidence/*",
        for_=("archives and evidence",),
        because="one folder per recovery point",
    ),
)


def sweep_function(estate: Estate) -> Function:
    """What looks after this deployment."""
    return Function(
        name="sweep",
        title="Finds what no event announced and what was left behind; repairs what is safe, tells the rest",
        code="backup_actions.estate.sweeping:sweep",
        permissions=Permissions(tasks={"function": (*_reading(estate), *_repairing(estate))}),
        environment={VARIABLE: estate.to_text()},
        # It looks whether a sweep is due or under way: one that takes longer than a call goes on with the next.
        schedule="rate(1 hour)",
        # Lambda's longest; it stops by itself after ten minutes.
        timeout_seconds=900,
        memory_mib=512,
    )


def _reading(estate: Estate) -> tuple[Statement, ...]:
    vaults = tuple(f"arn:${{Partition}}:backup:${{Region}}:${{Account}}:backup-vault:{name}" for name in estate.vaults)
    return (
        *(
            (Statement(("backup:ListRecoveryPointsByBackupVault",), on=vaults, for_=("missed points",)),)
            if vaults
            else ()
        ),
        Statement(
            ("backup:DescribeRecoveryPoint",),
            on=RECOVERY_POINTS,
            for_=("dead runs", "gone points"),
            because="any recovery point of a watched vault; their ids are AWS Backup's",
        ),
        Statement(
            ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            on=_LEDGER,
            for_=("what is known, and how far the sweep is",),
        ),
        Statement(("dynamodb:Query",), on=f"{_LEDGER}/index/by-standing", for_=("what stands how",)),
        Statement(
            ("states:DescribeStateMachine", "states:ListExecutions"),
            on=estate.main_machine_arn,
            for_=("missed points", "dead runs"),
        ),
        Statement(("states:ListExecutions",), on=_PROVING, for_=("failed proofs",)),
        Statement(
            ("states:DescribeExecution",),
            on=_EXECUTIONS,
            for_=("dead runs", "dead waits", "left behind", "failed proofs"),
            because="every execution of this deployment's machines",
        ),
        Statement(
            ("tag:GetResources",), on="*", for_=("left behind",), because="the call has no resource-level control"
        ),
        *_READING_THE_BUCKET,
    )


def _repairing(estate: Estate) -> tuple[Statement, ...]:
    uploads = tuple(f"{_BUCKET}/{action}/*" for action in estate.machines)
    machines = (estate.main_machine_arn, *estate.machines.values())
    return (
        Statement(("states:StartExecution",), on=tuple(dict.fromkeys(machines)), for_=("repairs",)),
        *(
            (
                Statement(
                    ("s3:AbortMultipartUpload",),
                    on=uploads,
                    for_=("open uploads",),
                    because="one folder per recovery point",
                ),
            )
            if uploads
            else ()
        ),
        Statement(
            ("s3:PutObject",), on=f"{_BUCKET}/sweeps/*", for_=("what was found",), because="one document per sweep"
        ),
        bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
        Statement(("sns:Publish",), on="${TopicArn}", for_=("what is left",)),
    )
