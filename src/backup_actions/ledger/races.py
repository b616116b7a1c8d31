"""Writes that take effect only where nobody else was quicker: what is replaced is what was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


def is_lost(refusal: AwsCallFailed) -> bool:
    """Whether the condition of a write no longer held.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html (Errors)
    """
    return refusal.facts["error_code"] == "ConditionalCheckFailedException"


def stood_there(refusal: AwsCallFailed) -> dict[str, str]:
    """The texts of the item that a lost write was about, where it asked for them to be returned."""
    answer = getattr(refusal.__cause__, "response", {})
    return {name: value["S"] for name, value in answer.get("Item", {}).items() if "S" in value}


def replaced(
    dynamodb: DynamoDBClient, table: str, item: Mapping[str, Any], *, told_by: str, read: Mapping[str, str] | None
) -> bool:
    """Whether the item stands there now; False where somebody else has written it since it was read.

    ``told_by`` is the attribute by which that is told, ``read`` what it was, as DynamoDB has it; None where there was
    no such item. Raises AwsBusy and AwsCallFailed.
    """
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#told_by)"}
    if read is not None:
        condition = {"ConditionExpression": "#told_by = :read", "ExpressionAttributeValues": {":read": read}}
    try:
        with translated():
            dynamodb.put_item(
                TableName=table, Item=dict(item), ExpressionAttributeNames={"#told_by": told_by}, **condition
            )
    except AwsCallFailed as refusal:
        if is_lost(refusal):
            return False
        raise
    return True
