"""What a machine exchanges with other accounts, rendered from its ``Key``, ``Topic`` and ``Inbox``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from backup_actions.contract.exchange import accounts_in
from backup_actions.contract.placeholders import (
    KEY_PREFIX,
    QUEUE_ARN_PREFIX,
    QUEUE_PREFIX,
    TOPIC_PREFIX,
    placeholder_of,
)
from backup_actions.settings.names import role_name
from backup_actions_infrastructure.letting_go import steps_named_by_vault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from backup_actions.contract import Inbox, Key, Machine, Topic
    from backup_actions.contract.exchange import Policy
    from backup_actions.lifecycle import Deployed
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.placeholders import Placeholders

# KMS's maximum: with the key everything is lost that was encrypted with it, so there is time to notice.
_KEY_WAITS_DAYS = 30

# Time for people to end a flood before what waits behind it is lost. SQS's maximum is a day more: the age of a dead
# letter counts from when it was first sent, and what is buried on its last day here still waits that day there.
_KEPT_DAYS = 13

# A message is looked at at once, and one that AWS refuses comes five times within an hour: what is older is not got to.
_OLD = Duration.hours(2)

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_IN_TIMEOUTS = 6

# The least that Lambda allows. Whoever floods the queue gets no more of the account's functions than these.
_MESSAGES_AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Exchange:
    """The keys, topics and queues of one machine, by their names."""

    keys: Mapping[str, kms.CfnKey]
    topics: Mapping[str, sns.Topic]
    queues: Mapping[str, sqs.Queue]

    @property
    def texts(self) -> dict[str, str]:
        """What the machine's placeholders for them stand for."""
        return {
            **{placeholder_of(KEY_PREFIX, name): key.attr_arn for name, key in self.keys.items()},
            **{placeholder_of(TOPIC_PREFIX, name): topic.topic_arn for name, topic in self.topics.items()},
            **{placeholder_of(QUEUE_PREFIX, name): queue.queue_url for name, queue in self.queues.items()},
            **{placeholder_of(QUEUE_ARN_PREFIX, name): queue.queue_arn for name, queue in self.queues.items()},
        }


class ExchangeRenderer:
    """Renders what one machine exchanges. Who takes part stands in the machine's own settings."""

    def __init__(
        self, scope: Construct, deployed: Deployed, settings: DeploymentSettings, placeholders: Placeholders
    ) -> None:
        self._scope = scope
        self._machine = deployed.machine
        self._own_settings: Mapping[str, Any] = deployed.structures["Settings"]
        self._settings = settings
        self._placeholders = placeholders

    def rendered(self, topic_key: kms.IKey, dead_letters: sqs.IQueue) -> Exchange:
        """Everything is in the stack but what takes messages out of the queues."""
        machine = self._machine
        return Exchange(
            keys={name: self._key(name, key) for name, key in machine.keys.items()},
            topics={name: self._topic(name, topic, topic_key) for name, topic in machine.topics.items()},
            queues={name: self._queue(name, inbox, dead_letters) for name, inbox in machine.inboxes.items()},
        )

    def deliver(self, name: str, queue: sqs.Queue, function: lambda_.IFunction) -> None:
        """The function is called with each message of the queue, and the queue hears its topics."""
        lambda_.EventSourceMapping(
            self._scope,
            f"Deliver-{name}",
            target=function,
            event_source_arn=queue.queue_arn,
            batch_size=1,
            max_concurrency=_MESSAGES_AT_A_TIME,
        )
        for topic_arn in self._named_in(self._machine.inboxes[name].topics):
            *_, region, account, topic = topic_arn.split(":")
            # Named after the topic: CloudFormation would end the subscription of a topic that changed its place.
            subscription = sns.CfnSubscription(
                self._scope,
                f"Subscription-{name}-{account}-{region}-{topic}",
                topic_arn=topic_arn,
                region=region,
                protocol="sqs",
                endpoint=queue.queue_arn,
            )
            subscription.node.add_dependency(queue)

    def _key(self, name: str, key: Key) -> kms.CfnKey:
        """As it is described and nothing besides: the construct of a higher level would have its own say."""
        names = role_names(self._machine, self._settings)
        users = tuple(f"arn:${{Partition}}:iam::${{Account}}:role/{names[step]}" for step in key.users)
        made = kms.CfnKey(
            self._scope,
            f"Key-{name}",
            description=f"{self._name_of(name)}: {key.doc}",
            enable_key_rotation=True,
            pending_window_in_days=_KEY_WAITS_DAYS,
            key_policy=self._filled(key.policy(users, self._named_in(key.readers))),
        )
        made.apply_removal_policy(RemovalPolicy.RETAIN)
        kms.CfnAlias(
            self._scope,
            f"KeyAlias-{name}",
            alias_name=f"alias/{self._name_of(name)}",
            target_key_id=made.attr_arn,
        )
        return made

    def _topic(self, name: str, topic: Topic, topic_key: kms.IKey) -> sns.Topic:
        made = sns.Topic(
            self._scope,
            f"Topic-{name}",
            topic_name=self._name_of(name),
            display_name=self._name_of(name),
            master_key=topic_key,
            enforce_ssl=True,
        )
        for statement in self._statements(topic.policy(made.topic_arn, self._named_in(topic.subscribers))):
            made.add_to_resource_policy(statement)
        return made

    def _queue(self, name: str, inbox: Inbox, dead_letters: sqs.IQueue) -> sqs.Queue:
        made = sqs.Queue(
            self._scope,
            f"Inbox-{name}",
            queue_name=self._name_of(name),
            # With a key of our own SNS, and the senders of other accounts, would need rights on it.
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(_VISIBILITY_IN_TIMEOUTS * inbox.function.timeout_seconds),
            retention_period=Duration.days(_KEPT_DAYS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=inbox.attempts),
            removal_policy=RemovalPolicy.DESTROY,
        )
        policy = inbox.policy(made.queue_arn, self._named_in(inbox.senders), self._named_in(inbox.topics))
        for statement in self._statements(policy):
            made.add_to_resource_policy(statement)
        self._alarm_of_age(name, made)
        return made

    def _alarm_of_age(self, name: str, queue: sqs.Queue) -> None:
        """People hear when messages are not got to: a flood, or a function that cannot run."""
        alarm = cloudwatch.Alarm(
            self._scope,
            f"InboxAlarm-{name}",
            alarm_name=f"{self._name_of(name)}-age",
            alarm_description=f"Messages wait in {self._name_of(name)} for hours: look at the errors of the function "
            f"that reads them, and at who sends so many. They are lost after {_KEPT_DAYS} days.",
            metric=queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(5), statistic="Maximum"),
            threshold=_OLD.to_seconds(),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            # SQS measures nothing of a queue that is empty for hours.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        topic_arn = self._placeholders.fill("${TopicArn}")
        tell = cloudwatch_actions.SnsAction(sns.Topic.from_topic_arn(self._scope, f"InboxNews-{name}", topic_arn))
        alarm.add_alarm_action(tell)
        alarm.add_ok_action(tell)

    def _named_in(self, setting: str) -> tuple[str, ...]:
        """The accounts, or the ARNs, that a setting of the machine holds."""
        return accounts_in(self._own_settings[setting]) if setting else ()

    def _name_of(self, name: str) -> str:
        return f"{self._settings.name}-{self._machine.name}-{name}"

    def _statements(self, policy: Policy) -> list[iam.PolicyStatement]:
        return [iam.PolicyStatement.from_json(statement) for statement in self._filled(policy)["Statement"]]

    def _filled(self, value: Any) -> Any:
        match value:
            case str():
                return self._placeholders.fill(value)
            case dict():
                return {key: self._filled(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self._filled(inner) for inner in value]
            case _:
                return value


def role_names(machine: Machine, settings: DeploymentSettings) -> dict[str, str]:
    """Step → the name of its role, for the steps that a key names, or the vault of backup plans.

    Their permissions name the key in turn: with names written out CloudFormation need not make each before the other.
    The vault is in another stack.
    """
    named = {step for key in machine.keys.values() for step in key.users} | steps_named_by_vault(machine)
    return {step: role_name(settings, machine.name, step) for step in sorted(named)}


def topic_arns(machine: Machine, settings: DeploymentSettings) -> list[str]:
    """The ARNs of a machine's topics, written out: the key that encrypts them names them, and they name their key."""
    beginning = f"arn:{Aws.PARTITION}:sns:{Aws.REGION}:{Aws.ACCOUNT_ID}:{settings.name}-{machine.name}"
    return [f"{beginning}-{name}" for name in machine.topics]
