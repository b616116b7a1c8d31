"""What each step of proving may do, and why. Nothing here can change or remove an archive."""

from __future__ import annotations

from dataclasses import replace

from backup_actions.contract import Permissions, Statement, bucket_key, running_jobs, running_machines

_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_PROOFS = f"{_BUCKET}/proofs/*"
MACHINE_ARN = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-proving"


# Without it S3 answers 403 for an object that is not there.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_LIST = Statement(("s3:ListBucket",), on=_BUCKET, for_=("objects that may be missing",))
_READ_ANYTHING = Statement(
    ("s3:GetObject",),
    on=f"{_BUCKET}/*",
    for_=("evidence and archives",),
    because="what any action has made, under the action's name, is read again",
)
_WRITE_PROOF = Statement(("s3:PutObject",), on=_PROOFS, for_=("the proof",), because="one document for each proof")


def _having_tested(machines: tuple[str, ...]) -> tuple[Statement, ...]:
    """Restore tests by machines of actions, where there are such."""
    if not machines:
        return ()
    executions = tuple(f"{arn.replace(':stateMachine:', ':execution:')}:*" for arn in machines)
    return running_machines(machines, executions, in_state="RestoreElsewhere")


_WORKFLOW = (
    *running_jobs("prove", looked_for=("FindJob", "DescribeJob", "ListJobs")),
    Statement(("lambda:InvokeFunction",), on="${Function_conclude}", for_=("Conclude",)),
)

_STEPS = Permissions(
    tasks={
        "conclude": (
            _LIST,
            Statement(("s3:GetObject",), on=_PROOFS, for_=("the proof",), because="one document for each proof"),
            bucket_key("kms:Decrypt"),
            Statement(("dynamodb:Query", "dynamodb:PutItem"), on=_LEDGER, for_=("what is known of the archive",)),
            Statement(("sns:Publish",), on="${TopicArn}", for_=("damage",)),
        ),
    },
    jobs={"prove": (_LIST, _READ_ANYTHING, _WRITE_PROOF, bucket_key("kms:GenerateDataKey", "kms:Decrypt"))},
)


def permissions(testers: tuple[str, ...]) -> Permissions:
    """Of the machine; ``testers`` are the ARNs of the machines that make restore tests for it."""
    return replace(_STEPS, workflow=(*_WORKFLOW, *_having_tested(testers)))


BEGINNING = (
    Statement(
        ("dynamodb:Query",),
        on=(_LEDGER, f"{_LEDGER}/index/by-standing"),
        for_=("what was proven when, and where it is",),
    ),
    Statement(("dynamodb:PutItem",), on=_LEDGER, for_=("what cannot be read any more",)),
    Statement(("states:StartExecution",), on=MACHINE_ARN, for_=("proofs",)),
    _LIST,
    _READ_ANYTHING,
    Statement(
        ("s3:PutObject",), on=_PROOFS, for_=("what is too cold to be read",), because="one document for each proof"
    ),
    Statement(("sns:Publish",), on="${TopicArn}", for_=("damage that is seen without reading",)),
    bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
)
"""Of the function that begins what is due."""
