"""Messages, metrics, identity."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
    Keys,
    Needs,
    Params,
    on_everything,
    parameters,
)


def _topic(params: Params, _facts: Facts) -> tuple[str, ...]:
    return (params["TopicArn"],)


def _queue(params: Params, facts: Facts) -> tuple[str, ...]:
    """A queue's URL ends in the account and the queue's name."""
    account, name = urlsplit(params["QueueUrl"]).path.strip("/").split("/")[-2:]
    return (f"arn:{facts.partition}:sqs:{facts.region}:{account}:{name}",)


def _named_queue(params: Params, facts: Facts) -> tuple[str, ...]:
    account = params.get("QueueOwnerAWSAccountId") or facts.account
    return (f"arn:{facts.partition}:sqs:{facts.region}:{account}:{params['QueueName']}",)


def _on_queue(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "queue", _queue, (RESOURCE_TAGS,)),)


def _on_topic(action: str, *keys: Keys) -> tuple[Needs, ...]:
    return (Needs(action, "topic", _topic, keys),)


SNS: Mapping[str, tuple[Needs, ...]] = {
    "CreateTopic": (Needs("sns:CreateTopic", "topic", lambda params, facts: (facts.arn("sns", params["Name"]),)),),
    "SetTopicAttributes": _on_topic("sns:SetTopicAttributes"),
    "GetTopicAttributes": _on_topic("sns:GetTopicAttributes"),
    "Subscribe": _on_topic("sns:Subscribe", parameters(Protocol="sns:Protocol", Endpoint="sns:Endpoint")),
    "ConfirmSubscription": _on_topic("sns:ConfirmSubscription"),
    "Unsubscribe": on_everything("sns:Unsubscribe"),
    "ListSubscriptionsByTopic": _on_topic("sns:ListSubscriptionsByTopic"),
    "Publish": _on_topic("sns:Publish"),
}

SQS: Mapping[str, tuple[Needs, ...]] = {
    "CreateQueue": (Needs("sqs:CreateQueue", "queue", _named_queue),),
    "SetQueueAttributes": _on_queue("sqs:SetQueueAttributes"),
    "GetQueueAttributes": _on_queue("sqs:GetQueueAttributes"),
    "GetQueueUrl": (Needs("sqs:GetQueueUrl", "queue", _named_queue, (RESOURCE_TAGS,)),),
    "SendMessage": _on_queue("sqs:SendMessage"),
    "ReceiveMessage": _on_queue("sqs:ReceiveMessage"),
    "DeleteMessage": _on_queue("sqs:DeleteMessage"),
    "PurgeQueue": _on_queue("sqs:PurgeQueue"),
}

CLOUDWATCH: Mapping[str, tuple[Needs, ...]] = {
    "PutMetricData": on_everything("cloudwatch:PutMetricData", parameters(Namespace="cloudwatch:namespace")),
}

STS: Mapping[str, tuple[Needs, ...]] = {
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permission is needed
    "GetCallerIdentity": (),
}
