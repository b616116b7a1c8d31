"""The whole table: whatever is not in it, and not brought by a package, a role cannot call."""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions.errors import NotEmbedded
from backup_actions_local.brought import brought_service
from backup_actions_local.calls import Call
from backup_actions_local.front.authorization import (
    dynamodb,
    ec2,
    glue,
    keys,
    messages,
    parameters,
    rds,
    s3,
    workflow,
)
from backup_actions_local.front.authorization.rules import Facts, Needs
from backup_actions_local.front.policies import Check

TABLE: Mapping[str, Mapping[str, tuple[Needs, ...]]] = {
    "backup": workflow.BACKUP,
    "batch": workflow.BATCH,
    "cloudwatch": messages.CLOUDWATCH,
    "dynamodb": dynamodb.DYNAMODB,
    "ebs": ec2.EBS,
    "ec2": ec2.EC2,
    "events": workflow.EVENTS,
    "glue": glue.GLUE,
    "kms": keys.KMS,
    "lambda": workflow.LAMBDA,
    "rds": rds.RDS,
    "resourcegroupstaggingapi": workflow.TAGGING,
    "s3": s3.S3,
    "sns": messages.SNS,
    "sqs": messages.SQS,
    "ssm": parameters.SSM,
    "stepfunctions": workflow.STEP_FUNCTIONS,
    "sts": messages.STS,
}
"""Service → operation → what it needs, by botocore's names."""


def iam_actions(service: str, operation: str) -> tuple[str, ...]:
    """The IAM actions that an operation may need, conditional ones included. Raises NotEmbedded without an entry."""
    return tuple(dict.fromkeys(needs.action for needs in _entry(service, operation)))


def checks_of(call: Call, facts: Facts) -> tuple[Check, ...]:
    """Every question that IAM is asked before the call is answered. Raises NotEmbedded without an entry."""
    return _checks_of(call, facts, later=False)


def later_checks_of(call: Call, facts: Facts) -> tuple[Check, ...]:
    """Those that it is asked when the call has been answered. Raises NotEmbedded without an entry."""
    return _checks_of(call, facts, later=True)


def _checks_of(call: Call, facts: Facts, *, later: bool) -> tuple[Check, ...]:
    needed = (needs for needs in _entry(call.service, call.operation) if needs.later == later)
    return tuple(check for needs in needed for check in needs.checks(call.params, facts))


def _entry(service: str, operation: str) -> tuple[Needs, ...]:
    if (embedded := TABLE.get(service, {}).get(operation)) is not None:
        return embedded
    brought = brought_service(service)
    if brought is None or operation not in brought.permissions:
        raise NotEmbedded(what=f"the permissions of {service}:{operation}")
    return brought.permissions[operation]
