"""Findings of the AWS Solutions rules that are accepted, one by one, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Acknowledgment, Stack, Validations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import IConstruct

    from backup_actions.contract import Statement
    from backup_actions_infrastructure.placeholders import Placeholders


@dataclass(frozen=True, slots=True)
class Accepted:
    """One finding on one construct; ``path`` is relative to the stack."""

    rule: str
    path: str
    reason: str


ACCEPTED = (
    Accepted(
        "AwsSolutions-S1",
        "Bucket",
        "Access logs go to a bucket of the customer's: archive_bucket.access_logs in the settings names it. A bucket "
        "for logs made here would need a retention and readers that only the customer knows.",
    ),
    Accepted(
        "AwsSolutions-SQS3",
        "DeadLetters",
        "This is the dead-letter queue; rules and functions deliver to it, which the finding does not look at.",
    ),
    Accepted(
        "AwsSolutions-VPC7",
        "Vpc",
        "Nothing comes in and only HTTPS goes out, to APIs that CloudTrail records; flow logs would cost more than the "
        "jobs and say less.",
    ),
)


def acknowledge_findings(stack: Stack) -> None:
    """The findings of the list are no longer reported. One whose construct these settings do not make is left out."""
    for finding in ACCEPTED:
        if construct := stack.node.try_find_child(finding.path):
            Validations.of(construct).acknowledge(Acknowledgment(id=finding.rule, reason=finding.reason))


def acknowledge_stars(role: IConstruct, statements: Iterable[Statement], placeholders: Placeholders) -> None:
    """Each resource with a star is accepted on this role alone, with the reason that its statement gives."""
    stack = Stack.of(role)
    for statement in statements:
        for resource in statement.resources:
            written = _as_found(stack.resolve(placeholders.fill(resource)))
            if "*" in written and statement.because:
                finding = f"AwsSolutions-IAM5[Resource::{written}]"
                Validations.of(role).acknowledge(Acknowledgment(id=finding, reason=statement.because))


def _as_found(resolved: Any) -> str:
    """A resource as the finding writes it: references in angle brackets."""
    match resolved:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_as_found(part) for part in parts)
        case _:
            return str(resolved)
