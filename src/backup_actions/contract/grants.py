"""Statements that most actions need, said once: jobs of their own, the bucket's key, what carries our tag."""

from __future__ import annotations

from backup_actions.contract.permissions import Condition, Statement

OURS: Condition = {"StringEquals": {"aws:ResourceTag/${SecurityTagKey}": "${SecurityTagValue}"}}
"""What carries the security tag, so was made by this deployment."""
BORN_OURS: Condition = {"StringEquals": {"aws:RequestTag/${SecurityTagKey}": "${SecurityTagValue}"}}
"""What gets the security tag in the call that makes it."""

_QUEUES = "arn:${Partition}:batch:${Region}:${Account}:job-queue/${Name}-*"
_JOBS = "arn:${Partition}:batch:${Region}:${Account}:job/*"
_SYNC_RULE = "arn:${Partition}:events:${Region}:${Account}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
_THROUGH_S3: Condition = {"StringEquals": {"kms:ViaService": "s3.${Region}.amazonaws.com"}}


def running_jobs(
    *names: str, looked_for: tuple[str, ...], ended: tuple[str, ...] = ("TerminateJob",)
) -> tuple[Statement, ...]:
    """What a workflow may that submits these jobs in ``SubmitJob``, looks for them and ends them in these states."""
    return (
        Statement(
            ("batch:ListJobs", "batch:DescribeJobs"),
            on="*",
            for_=looked_for,
            because="these calls of Batch have no resource-level control",
        ),
        Statement(
            ("batch:SubmitJob",),
            # The reference lists the new job itself as a required resource, beside the queue; it has no id yet.
            on=(_QUEUES, _JOBS, *(f"${{Job_{name}}}{revision}" for name in names for revision in ("", ":*"))),
            for_=("SubmitJob",),
            because="one queue per zone, and every revision of our job definitions",
        ),
        Statement(
            ("batch:TagResource",), on=_JOBS, when=BORN_OURS, for_=("SubmitJob",), because="a new job has no id yet"
        ),
        Statement(
            ("batch:TerminateJob",),
            on=_JOBS,
            when=OURS,
            for_=ended,
            because="ids of jobs are not known before; the tag condition narrows it",
        ),
    )


def running_machines(
    machines: str | tuple[str, ...], executions: str | tuple[str, ...], *, in_state: str, because: str = ""
) -> tuple[Statement, ...]:
    """What a workflow may that runs these machines in that state and waits for their end; ``because`` of a star."""
    return (
        Statement(("states:StartExecution",), on=machines, for_=(in_state,), because=because),
        Statement(
            ("states:DescribeExecution", "states:StopExecution"),
            on=executions,
            for_=(in_state,),
            because="executions of those machines; stopped when this one is",
        ),
        # How Step Functions itself learns that a child execution has ended.
        # https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
        Statement(("events:PutTargets", "events:PutRule", "events:DescribeRule"), on=_SYNC_RULE, for_=(in_state,)),
    )


def bucket_key(*actions: str, for_: str = "S3 with the bucket's key") -> Statement:
    """What S3 does with the bucket's key for whom reads or writes its objects, and nothing else."""
    return Statement(actions, on="${BucketKeyArn}", when=_THROUGH_S3, for_=(for_,))
