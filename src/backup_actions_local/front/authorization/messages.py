"""Messages, metrics, identity."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
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


def _on_queue(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "queue", _queue, (RESOURCE_TAGS,)),)


SNS: Mapping[str, tuple[Needs, ...]] = {"Publish": (Needs("sns:Publish", "topic", _topic),)}

SQS: Mapping[str, tuple[Needs, ...]] = {
    "SendMessage": _on_queue("sqs:SendMessage"),
    "ReceiveMessage": _on_queue("sqs:ReceiveMessage"),
    "DeleteMessage": _on_queue("sqs:DeleteMessage"),
    "GetQueueAttributes": _on_queue("sqs:GetQueueAttributes"),
}

CLOUDWATCH: Mapping[str, tuple[Needs, ...]] = {
    "PutMetricData": on_everything("cloudwatch:PutMetricData", parameters(Namespace="cloudwatch:namespace")),
}

STS: Mapping[str, tuple[Needs, ...]] = {
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permission is needed
    "GetCallerIdentity": (),
}
