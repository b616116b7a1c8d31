"""What a deployment needs besides its machines: bucket and key, ledger, topic, queues, a network for databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.ledger.ledger import ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    import boto3

    from backup_actions.settings import DeploymentSettings
    from backup_actions_local.services.rds_restored import RestoredDatabases


def made_for(
    settings: DeploymentSettings, bucket: str, session: boto3.Session, restored: RestoredDatabases
) -> dict[str, str]:
    """They are there; each by the name of the placeholder that stands for it."""
    place = restored.place
    session.client("s3").create_bucket(Bucket=bucket)
    ledger = f"{settings.name}-ledger"
    session.client("dynamodb").create_table(
        TableName=ledger,
        KeySchema=[
            {"AttributeName": POINT_KEY, "KeyType": "HASH"},
            {"AttributeName": ITEM_KEY, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (POINT_KEY, ITEM_KEY)],
        BillingMode="PAY_PER_REQUEST",
    )
    if settings.athena.enabled:
        session.client("glue").create_database(DatabaseInput={"Name": settings.glue_database})
    topic = session.client("sns").create_topic(Name=settings.name)["TopicArn"]
    queue = session.client("sqs").create_queue(QueueName=f"{settings.name}-dead-letters")["QueueUrl"]
    # What the topic sends to people is kept here, where it can be shown.
    inbox = session.client("sqs").create_queue(QueueName=f"{settings.name}-inbox")["QueueUrl"]
    endpoint = place.arn("sqs", f"{settings.name}-inbox")
    session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
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
