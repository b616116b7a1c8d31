"""What a deployment needs besides its machines: bucket and key, ledger, topic, queues, a network for databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.contract.parameter_groups import PARAMETER_GROUPS
from backup_actions.ledger.table import INDEXES, ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    import boto3
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import KeySchemaElementTypeDef
    from types_boto3_sqs.literals import QueueAttributeNameType

    from backup_actions.settings import DeploymentSettings
    from backup_actions_local.services.rds_restored import RestoredDatabases

_KEPT: Mapping[QueueAttributeNameType, str] = {"MessageRetentionPeriod": str(14 * 24 * 3600)}


def made_for(
    settings: DeploymentSettings, bucket: str, session: boto3.Session, restored: RestoredDatabases
) -> dict[str, str]:
    """They are there; each by the name of the placeholder that stands for it."""
    place = restored.place
    session.client("s3").create_bucket(Bucket=bucket)
    ledger = f"{settings.name}-ledger"
    make_ledger(session.client("dynamodb"), ledger)
    if settings.athena.enabled:
        session.client("glue").create_database(DatabaseInput={"Name": settings.glue_database})
    sns, sqs = session.client("sns"), session.client("sqs")
    topic = sns.create_topic(Name=settings.name)["TopicArn"]
    queue = sqs.create_queue(QueueName=f"{settings.name}-dead-letters", Attributes=_KEPT)["QueueUrl"]
    # What the topic sends to people is kept here, where it can be shown.
    endpoint = place.arn("sqs", f"{settings.name}-inbox")
    attributes: dict[QueueAttributeNameType, str] = {**_KEPT, "Policy": json.dumps(_heard_from(topic, endpoint))}
    inbox = sqs.create_queue(QueueName=f"{settings.name}-inbox", Attributes=attributes)["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    for group in PARAMETER_GROUPS:
        restored.parameter_groups.make(group.name(settings.name), group)
    return {
        "Bucket": bucket,
        "BucketKeyArn": session.client("kms").create_key(Description="archives")["KeyMetadata"]["Arn"],
        "LedgerTable": ledger,
        "TopicArn": topic,
        "DeadLetterQueueUrl": queue,
        "DeadLetterQueueArn": place.arn("sqs", f"{settings.name}-dead-letters"),
        "DatabaseSubnetGroup": restored.make_subnet_group(f"{settings.name}-databases", place.zones).name,
        "DatabaseSecurityGroup": restored.make_security_group(),
        "InboxUrl": inbox,
    }


def make_ledger(dynamodb: DynamoDBClient, name: str) -> None:
    """The ledger's table is there, with its indexes."""
    keys = [POINT_KEY, ITEM_KEY, *(key for index in INDEXES for key in (index.hash_key, index.range_key))]
    dynamodb.create_table(
        TableName=name,
        KeySchema=_key_schema(POINT_KEY, ITEM_KEY),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.hash_key, index.range_key),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in INDEXES
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def _key_schema(hash_key: str, range_key: str) -> list[KeySchemaElementTypeDef]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


def _heard_from(topic: str, queue: str) -> dict[str, Any]:
    """The policy of a queue into which only this topic sends."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
