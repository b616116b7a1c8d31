"""What each step of the main machine, and the intake, may do, and why."""

from __future__ import annotations

from backup_actions.contract import Condition, Permissions, Statement, bucket_key, running_machines
from backup_actions.contract.recovery_points import RECOVERY_POINTS

_MACHINES = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-*"
_EXECUTIONS = "arn:${Partition}:states:${Region}:${Account}:execution:${Name}-*"
_MANAGED_POINTS = "arn:${Partition}:backup:${Region}:${Account}:recovery-point:*"
_DATABASE_SNAPSHOTS = (
    "arn:${Partition}:rds:${Region}:${Account}:snapshot:*",
    "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:*",
)
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_EVIDENCE = f"{_BUCKET}/evidence/*"
_ANY_POINT = "any recovery point of a watched vault; their ids are AWS Backup's"
_ONE_FOLDER_EACH = "one folder per recovery point"
_TAGGED: Condition = {"StringEquals": {"aws:ResourceTag/${BackupTagKey}": "${BackupTagValue}"}}


def _describe(*, for_: str) -> tuple[Statement, ...]:
    return (
        Statement(("backup:DescribeRecoveryPoint",), on=RECOVERY_POINTS, for_=(for_,), because=_ANY_POINT),
        Statement(
            ("ec2:DescribeSnapshots", "ec2:DescribeImages"),
            on="*",
            for_=(for_,),
            because="Describe calls of EC2 have no resource-level control",
        ),
        Statement(("rds:ListTagsForResource",), on=_DATABASE_SNAPSHOTS, for_=(for_,), because=_ANY_POINT),
        Statement(("backup:ListTags",), on=_MANAGED_POINTS, for_=(for_,), because=_ANY_POINT),
    )


def _ledger(*actions: str) -> Statement:
    return Statement(actions, on=_LEDGER, for_=("the ledger",))


def _letting_go(*, shortens: bool, deletes: bool, tagged: bool) -> tuple[Statement, ...]:
    """Only what the deletion policy needs; with ``keep`` the role cannot touch a backup at all."""
    when = _TAGGED if tagged else {}
    statements = []
    if shortens:
        statements.append(
            Statement(
                ("backup:UpdateRecoveryPointLifecycle",),
                on=RECOVERY_POINTS,
                when=when,
                for_=("ShortenLifecycle",),
                because=_ANY_POINT,
            )
        )
    if deletes:
        statements += [
            Statement(
                ("backup:DeleteRecoveryPoint",),
                on=RECOVERY_POINTS,
                when=when,
                for_=("DeleteRecoveryPoint",),
                because=_ANY_POINT,
            ),
            Statement(("backup:DescribeRecoveryPoint",), on=RECOVERY_POINTS, for_=("StillThere?",), because=_ANY_POINT),
        ]
    return tuple(statements)


def main_permissions(*, policy: str, tagged: bool) -> Permissions:
    """The permissions of the main machine under a deletion policy; ``tagged`` if backups must carry the backup tag."""
    return Permissions(
        workflow=(
            Statement(
                ("lambda:InvokeFunction",),
                on=("${Function_describe}", "${Function_conclude}", "${Function_finish}"),
                for_=("Describe", "Conclude", "Finish"),
            ),
            *running_machines(_MACHINES, _EXECUTIONS, in_state="RunAction", because="one machine per installed action"),
            *_letting_go(shortens=policy == "shorten", deletes=policy == "delete", tagged=tagged),
            Statement(("sns:Publish",), on="${TopicArn}", for_=("Notify",)),
        ),
        tasks={
            "describe": (*_describe(for_="facts"), _ledger("dynamodb:PutItem")),
            "conclude": (
                *_describe(for_="facts"),
                Statement(
                    ("backup:ListLegalHolds",),
                    on="*",
                    for_=("legal holds",),
                    because="the list is of the whole account",
                ),
                Statement(
                    ("backup:ListRecoveryPointsByLegalHold",),
                    on="arn:${Partition}:backup:${Region}:${Account}:legal-hold:*",
                    for_=("legal holds",),
                    because="every hold of the account has to be looked at",
                ),
                Statement(
                    ("s3:GetObject",),
                    on=f"{_BUCKET}/*",
                    for_=("proof",),
                    because="artifacts of every installed action lie in this bucket",
                ),
                Statement(
                    ("s3:ListBucket",), on=_BUCKET, for_=("proof: a missing object is told from a missing right",)
                ),
                Statement(("s3:PutObject",), on=_EVIDENCE, for_=("evidence",), because=_ONE_FOLDER_EACH),
                bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
                _ledger("dynamodb:PutItem", "dynamodb:Query"),
            ),
            "finish": (
                Statement(("s3:GetObject", "s3:PutObject"), on=_EVIDENCE, for_=("evidence",), because=_ONE_FOLDER_EACH),
                Statement(
                    ("s3:ListBucket",), on=_BUCKET, for_=("evidence: a missing object is told from a missing right",)
                ),
                bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
                _ledger("dynamodb:PutItem", "dynamodb:Query"),
            ),
        },
    )


INTAKE_PERMISSIONS = Permissions(
    tasks={
        "function": (
            Statement(("states:StartExecution",), on="${MainMachineArn}", for_=("a recovery point",)),
            Statement(("sqs:SendMessage",), on="${DeadLetterQueueArn}", for_=("an event that cannot be understood",)),
        )
    }
)
