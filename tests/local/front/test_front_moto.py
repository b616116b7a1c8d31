"""moto behind the front: the same order of a call, and a clean slate at every start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from backup_actions.contract.permissions import Statement
from backup_actions_local.front import Verdict

from .conftest import SetUp, Stage

TABLE = "arn:aws:dynamodb:us-east-1:111122223333:table/ledger"


def make_table(stage: Stage) -> None:
    stage.administrator("dynamodb").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_items_are_put_and_read_under_permissions(stage: Stage) -> None:
    make_table(stage)
    ledger = stage.client("dynamodb", Statement(("dynamodb:PutItem", "dynamodb:GetItem"), on=TABLE))

    ledger.put_item(TableName="ledger", Item={"pk": {"S": "a"}, "n": {"N": "1"}})

    assert ledger.get_item(TableName="ledger", Key={"pk": {"S": "a"}})["Item"]["n"] == {"N": "1"}
    with pytest.raises(ClientError, match="dynamodb:DeleteItem on resource: " + TABLE):
        ledger.delete_item(TableName="ledger", Key={"pk": {"S": "a"}})


def test_of_many_conditional_writes_at_once_one_succeeds(stage: Stage) -> None:
    make_table(stage)
    ledger = stage.client("dynamodb", Statement(("dynamodb:PutItem",), on=TABLE))

    def claim(owner: int) -> bool:
        item = {"pk": {"S": "lease"}, "owner": {"N": str(owner)}}
        try:
            ledger.put_item(TableName="ledger", Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ledger.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


def test_errors_of_moto_are_in_the_audit(stage: Stage) -> None:
    with pytest.raises(ClientError):
        stage.administrator("dynamodb").describe_table(TableName="nowhere")

    entry = stage.audit.entries[0]
    assert (entry.verdict, entry.error_code) == (Verdict.FAILED, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]}),
        ("logs", "create_log_group", {"logGroupName": "g"}),
    ],
)
def test_moto_answers_for_the_other_services_too(
    stage: Stage, service: str, operation: str, params: dict[str, Any]
) -> None:
    answer = getattr(stage.administrator(service), operation)(**params)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_start_finds_nothing_of_an_earlier_run(set_up: SetUp) -> None:
    make_table(set_up())

    assert set_up().administrator("dynamodb").list_tables()["TableNames"] == []


def test_a_start_leaves_other_accounts_what_they_have(set_up: SetUp) -> None:
    mine = set_up()
    make_table(mine)
    other = set_up(account="444455556666")

    assert other.administrator("dynamodb").list_tables()["TableNames"] == []
    assert mine.administrator("dynamodb").list_tables()["TableNames"] == ["ledger"]


def test_metrics_are_put_into_the_namespace_that_a_role_may_use(stage: Stage) -> None:
    ours = {"StringEquals": {"cloudwatch:namespace": "BackupActions/backup-actions"}}
    metrics = stage.client(
        "cloudwatch", Statement(("cloudwatch:PutMetricData",), on="*", when=ours, because="it knows no resources")
    )
    data: Any = [{"MetricName": "FailedPoints", "Value": 2.0, "Unit": "Count"}]

    metrics.put_metric_data(Namespace="BackupActions/backup-actions", MetricData=data)

    found = stage.administrator("cloudwatch").list_metrics(Namespace="BackupActions/backup-actions")["Metrics"]
    assert [metric["MetricName"] for metric in found] == ["FailedPoints"]
    with pytest.raises(ClientError, match="cloudwatch:PutMetricData"):
        metrics.put_metric_data(Namespace="BackupActions/another", MetricData=data)


def test_a_query_has_the_items_of_its_partition_in_order_and_one_of_an_index_those_of_all(stage: Stage) -> None:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    of_index = [{"AttributeName": "state", "KeyType": "HASH"}]
    client = stage.administrator("dynamodb")
    client.create_table(
        TableName="ledger",
        KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "state")],
        GlobalSecondaryIndexes=[{"IndexName": "state", "KeySchema": of_index, "Projection": {"ProjectionType": "ALL"}}],
        BillingMode="PAY_PER_REQUEST",
    )
    for pk, sk in [("b", "2"), ("a", "1"), ("b", "1"), ("b", "3")]:
        client.put_item(TableName="ledger", Item={"pk": {"S": pk}, "sk": {"S": sk}, "state": {"S": "open"}})

    def found(condition: str, value: str, **more: Any) -> list[str]:
        asked = {"KeyConditionExpression": condition, "ExpressionAttributeValues": {":v": {"S": value}}, **more}
        pages = client.get_paginator("query").paginate(TableName="ledger", **asked)
        return [f"{item['pk']['S']}{item['sk']['S']}" for page in pages for item in page["Items"]]

    assert found("pk = :v", "b") == ["b1", "b2", "b3"]
    assert found("pk = :v", "b", Limit=1, ScanIndexForward=False) == ["b3", "b2", "b1"]
    assert found("pk = :v", "nobody") == []
    assert sorted(found("#s = :v", "open", IndexName="state", ExpressionAttributeNames={"#s": "state"})) == [
        "a1", "b1", "b2", "b3",
    ]  # fmt: skip
