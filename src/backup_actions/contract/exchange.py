"""What a machine exchanges with other accounts: keys that decrypt for them, topics they hear, queues they fill.

Both readers make these from their descriptions; who may use them stands here once, as resource policies with
placeholders in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backup_actions.contract.action import Function

Policy = Mapping[str, Any]
"""A policy document, placeholders in it."""

# What an account needs of a foreign key to copy a snapshot that was encrypted with it and shared.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/share-encrypted-snapshot.html
# https://docs.aws.amazon.com/ebs/latest/userguide/share-kms-key.html
_READING = ("kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom")
_GRANTING = ("kms:CreateGrant",)
_OWN_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# Everything that manages a key and nothing that uses it.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators
# An alias is made by whoever may do so with the alias and with the key.
# https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html
_MANAGING = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A KMS key of the machine's own for snapshots. ``${Key_<name>}`` is its ARN.

    Of this account the named steps use it, and only through EBS and RDS; of the other accounts, which the named
    setting holds, everybody whom they allow, and only to have decrypted what was shared with them.
    """

    doc: str
    users: tuple[str, ...] = ()
    """Steps: ``task-<name>``, ``job-<name>``, ``workflow``. Empty: everybody of this account whom IAM lets."""
    readers: str = ""
    """The setting with the other account's id, or a tuple of ids; empty: nobody else."""

    def policy(self, user_arns: tuple[str, ...], reader_accounts: tuple[str, ...]) -> Policy:
        """The key's policy. ``user_arns`` are the roles of the steps."""
        services = [f"{service}.${{Region}}.amazonaws.com" for service in ("ec2", "rds")]
        through = {"StringEquals": {"kms:ViaService": services}}
        own = "arn:${Partition}:iam::${Account}:root"
        users = {"ArnEquals": {"aws:PrincipalArn": list(user_arns)}} if self.users else {}
        for_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        others = [f"arn:${{Partition}}:iam::{account}:root" for account in reader_accounts]
        statements: list[dict[str, Any]] = [
            _allowed("Management", own, _MANAGING),
            _allowed("OwnUse", own, _OWN_USE, {**users, **through}),
            _allowed("OwnGrants", own, _GRANTING, {**users, **for_services}),
        ]
        if others:
            statements += [
                _allowed("OthersRead", others, _READING),
                _allowed("OthersGrant", others, _GRANTING, for_services),
            ]
        return {"Version": "2012-10-17", "Statement": [{**each, "Resource": "*"} for each in statements]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic of the machine's own, to which other accounts may subscribe. ``${Topic_<name>}`` is its ARN."""

    doc: str
    subscribers: str
    """The setting with the other account's id, or a tuple of ids."""

    def policy(self, arn: str, subscriber_accounts: tuple[str, ...]) -> Policy:
        """The topic's policy. Publishing is a matter of the account's own roles.

        CloudFormation looks at a topic before it subscribes to it, and before it unsubscribes.
        https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-sns (aws-sns-subscription.json)
        """
        others = [f"arn:${{Partition}}:iam::{account}:root" for account in subscriber_accounts]
        statements = [
            _allowed("Subscribe", others, ("sns:Subscribe",), {"StringEquals": {"sns:Protocol": "sqs"}}),
            _allowed("Look", others, ("sns:GetTopicAttributes",)),
        ]
        return {"Version": "2012-10-17", "Statement": [{**each, "Resource": arn} for each in statements]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """A queue of the machine's own. ``${Queue_<name>}`` is its URL, ``${QueueArn_<name>}`` its ARN.

    The function is called with one message at a time, in the form of Lambda's event source mapping. A message that it
    does not take comes again; after so many times it is a dead letter, of which people are told.
    """

    doc: str
    function: Function
    senders: str = ""
    """The setting with the other account's id, or a tuple of ids, whose roles may send; empty: none."""
    topics: str = ""
    """The setting with ARNs of topics that it is subscribed to; empty: none."""
    attempts: int = 5
    wakes: tuple[str, ...] = ()
    """States of the workflow, Tasks with a token, whose waits the function ends for what a message says."""

    def policy(self, arn: str, sender_accounts: tuple[str, ...], topic_arns: tuple[str, ...]) -> Policy:
        """The queue's policy. Sending by the account's own roles is a matter of those."""
        statements: list[dict[str, Any]] = []
        if sender_accounts:
            others = [f"arn:${{Partition}}:iam::{account}:root" for account in sender_accounts]
            statements.append(_allowed("OthersSend", others, ("sqs:SendMessage",)))
            # What they say may let backups go: nobody here is to say it for them, whatever IAM would allow.
            nobody_else = {"StringNotEquals": {"aws:PrincipalAccount": list(sender_accounts)}}
            statements.append({**_allowed("NobodyElseSends", "*", ("sqs:SendMessage",), nobody_else), "Effect": "Deny"})
        if topic_arns:
            sns = {"Service": "sns.amazonaws.com"}
            by_topic = {"ArnEquals": {"aws:SourceArn": list(topic_arns)}}
            statements.append(_allowed("TopicsSend", sns, ("sqs:SendMessage",), by_topic))
        return {"Version": "2012-10-17", "Statement": [{**each, "Resource": arn} for each in statements]}


def accounts_in(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The accounts, or the ARNs, that a setting holds: one, several or none."""
    return (value,) if isinstance(value, str) and value else tuple(value or ())


def _allowed(
    sid: str, principal: object, actions: tuple[str, ...], when: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    who = principal if isinstance(principal, dict) else {"AWS": principal}
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": list(actions)}
    return {**statement, "Condition": dict(when)} if when else statement
