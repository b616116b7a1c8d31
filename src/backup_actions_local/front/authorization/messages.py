"""The services that moto answers: DynamoDB items, messages, metrics, identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
    Needs,
    Params,
    constant,
    on_everything,
    parameters,
)

Resources = Callable[[Params, Facts], tuple[str, ...]]


def _table(params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.as_arn("dynamodb", "table/", params["TableName"]),)


def _table_or_index(params: Params, facts: Facts) -> tuple[str, ...]:
    (table,) = _table(params, facts)
    return (f"{table}/index/{params['IndexName']}",) if params.get("IndexName") else (table,)


def _batch_tables(params: Params, facts: Facts) -> tuple[str, ...]:
    return tuple(facts.as_arn("dynamodb", "table/", name) for name in params["RequestItems"])


def _on_table(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "table", _table),)


def _in_transaction(action: str, kind: str, enclosing: str) -> Needs:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html ."""

    def tables(params: Params, facts: Facts) -> tuple[str, ...]:
        named = {item[kind]["TableName"] for item in params["TransactItems"] if kind in item}
        return tuple(sorted(facts.as_arn("dynamodb", "table/", name) for name in named))

    # The reference lists no EnclosingOperation for ConditionCheckItem.
    keys = () if kind == "ConditionCheck" else (constant("dynamodb:EnclosingOperation", enclosing),)
    return Needs(action, "table", tables, keys)


DYNAMODB: Mapping[str, tuple[Needs, ...]] = {
    "GetItem": _on_table("dynamodb:GetItem"),
    "PutItem": _on_table("dynamodb:PutItem"),
    "UpdateItem": _on_table("dynamodb:UpdateItem"),
    "DeleteItem": _on_table("dynamodb:DeleteItem"),
    "Query": (Needs("dynamodb:Query", "table", _table_or_index),),
    "Scan": (Needs("dynamodb:Scan", "table", _table_or_index),),
    "BatchGetItem": (Needs("dynamodb:BatchGetItem", "table", _batch_tables),),
    "BatchWriteItem": (Needs("dynamodb:BatchWriteItem", "table", _batch_tables),),
    "DescribeTable": _on_table("dynamodb:DescribeTable"),
    "TransactGetItems": (_in_transaction("dynamodb:GetItem", "Get", "TransactGetItems"),),
    "TransactWriteItems": (
        _in_transaction("dynamodb:PutItem", "Put", "TransactWriteItems"),
        _in_transaction("dynamodb:UpdateItem", "Update", "TransactWriteItems"),
        _in_transaction("dynamodb:DeleteItem", "Delete", "TransactWriteItems"),
        _in_transaction("dynamodb:ConditionCheckItem", "ConditionCheck", "TransactWriteItems"),
    ),
}


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
