"""What is told to people, and what could not be handled: the topic and the dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from constructs import Construct

    from backup_actions.settings import DeploymentSettings

# SQS keeps a message for 14 days at the most.
_KEPT_DAYS = 14


def topic(scope: Construct, settings: DeploymentSettings, key: kms.IKey) -> sns.Topic:
    """The topic of successes and failures, with the settings' addresses subscribed; each has to confirm by mail."""
    made = sns.Topic(
        scope, "Topic", topic_name=settings.name, display_name=settings.name, master_key=key, enforce_ssl=True
    )
    # A topic with a policy of its own no longer lets alarms in by default. For rules no condition can be relied upon.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    made.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Rules",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[made.topic_arn],
        )
    )
    made.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Alarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[made.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    for address in settings.notifications.email:
        made.add_subscription(subscriptions.EmailSubscription(address))
    return made


def topic_arn(settings: DeploymentSettings) -> str:
    """The topic's ARN, written out: its key names it, and it names its key."""
    return f"arn:{Aws.PARTITION}:sns:{Aws.REGION}:{Aws.ACCOUNT_ID}:{settings.name}"


def dead_letter_queue(scope: Construct) -> sqs.Queue:
    """Events that could not be understood or delivered wait here for a person."""
    return sqs.Queue(
        scope,
        "DeadLetters",
        # With a key of our own the rules, the functions and whoever replays a message would need rights on it.
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(_KEPT_DAYS),
        removal_policy=RemovalPolicy.DESTROY,
    )
