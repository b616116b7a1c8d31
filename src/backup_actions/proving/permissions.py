"""What each step of proving may do, and why. Nothing here can change or remove an archive."""

from __future__ import annotations

from backup_actions.contract import Permissions, Statement

_QUEUES = "arn:${Partition}:batch:${Region}:${Account}:job-queue/${Name}-*"
_JOBS = "arn:${Partition}:batch:${Region}:${Account}:job/*"
_LEDGER = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_PROOFS = f"{_BUCKET}/proofs/*"
MACHINE_ARN = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-proving"

_OURS = {"StringEquals": {"aws:ResourceTag/${SecurityTagKey}": "${SecurityTagValue}"}}
_BORN_OURS = {"StringEquals": {"aws:RequestTag/${SecurityTagKey}": "${SecurityTagValue}"}}
_NO_RESOURCES = "these calls have no resource-level control"

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


def _bucket_key(*actions: str) -> Statement:
    through_s3 = {"StringEquals": {"kms:ViaService": "s3.${Region}.amazonaws.com"}}
    return Statement(actions, on="${BucketKeyArn}", when=through_s3, for_=("S3 with the bucket's key",))


_WORKFLOW = (
    Statement(
        ("batch:ListJobs", "batch:DescribeJobs"),
        on="*",
        for_=("FindJob", "DescribeJob", "ListJobs"),
        because=_NO_RESOURCES,
    ),
    Statement(
        ("batch:SubmitJob",),
        # The reference lists the new job itself as a required resource, beside the queue; it has no id yet.
        on=(_QUEUES, _JOBS, "${Job_prove}", "${Job_prove}:*"),
        for_=("SubmitJob",),
        because="one queue per zone, and every revision of our job definition",
    ),
    Statement(
        ("batch:TagResource",), on=_JOBS, when=_BORN_OURS, for_=("SubmitJob",), because="a new job has no id yet"
    ),
    Statement(
        ("batch:TerminateJob",),
        on=_JOBS,
        when=_OURS,
        for_=("TerminateJob",),
        because="ids of jobs are not known before; the tag condition narrows it",
    ),
    Statement(("lambda:InvokeFunction",), on="${Function_conclude}", for_=("Conclude",)),
)

PERMISSIONS = Permissions(
    workflow=_WORKFLOW,
    tasks={
        "conclude": (
            _LIST,
            Statement(("s3:GetObject",), on=_PROOFS, for_=("the proof",), because="one document for each proof"),
            _bucket_key("kms:Decrypt"),
            Statement(("dynamodb:Query", "dynamodb:PutItem"), on=_LEDGER, for_=("what is known of the archive",)),
            Statement(("sns:Publish",), on="${TopicArn}", for_=("damage",)),
        ),
    },
    jobs={"prove": (_LIST, _READ_ANYTHING, _WRITE_PROOF, _bucket_key("kms:GenerateDataKey", "kms:Decrypt"))},
)

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
        ("s3:PutObject",), on=_PROOFS, for_=("that it is too cold to be read",), because="one document for each proof"
    ),
    _bucket_key("kms:GenerateDataKey", "kms:Decrypt"),
)
"""Of the function that begins what is due."""
