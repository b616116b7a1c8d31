"""Waits that an event may end: who waits for what, with the token by which Step Functions lets the waiting Task go on.

What is waited for is named by a key that the event names too, a snapshot's ARN for instance. A wait ends by itself when
its time is over, so nothing is lost with an event. Keys: ``wait#<key>`` and the waiting execution's ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger.races import is_lost
from backup_actions.ledger.table import EXPIRES, ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock


@dataclass(frozen=True, slots=True)
class Waiter:
    """An execution (its ARN), and the token of the Task in which it waits."""

    owner: str
    token: str


class Waits:
    """The ledger's waits. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def begin(self, key: str, waiter: Waiter, *, seconds: int) -> None:
        """The owner waits for this with the new token; its earlier wait for the same is forgotten."""
        expires = int(self._clock.now().timestamp()) + seconds
        with translated():
            self._dynamodb.put_item(
                TableName=self._table,
                Item={**_keys(key, waiter), "token": {"S": waiter.token}, EXPIRES: {"N": str(expires)}},
            )

    def waiting_for(self, key: str) -> list[Waiter]:
        """Everybody who waits for this, and who did and was not woken."""
        with translated():
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#point = :key",
                ExpressionAttributeNames={"#point": POINT_KEY},
                ExpressionAttributeValues={":key": {"S": f"wait#{key}"}},
                ConsistentRead=True,
            )
            return [_waiter(item) for page in pages for item in page["Items"]]

    def forget(self, key: str, waiter: Waiter) -> None:
        """The wait is over; one that the owner has begun since then is not touched."""
        try:
            with translated():
                self._dynamodb.delete_item(
                    TableName=self._table,
                    Key=_keys(key, waiter),
                    ConditionExpression="#token = :token",
                    ExpressionAttributeNames={"#token": "token"},
                    ExpressionAttributeValues={":token": {"S": waiter.token}},
                )
        except AwsCallFailed as refusal:
            if not is_lost(refusal):
                raise


def _keys(key: str, waiter: Waiter) -> dict[str, Any]:
    return {POINT_KEY: {"S": f"wait#{key}"}, ITEM_KEY: {"S": waiter.owner}}


def _waiter(item: Mapping[str, Any]) -> Waiter:
    return Waiter(item[ITEM_KEY]["S"], item["token"]["S"])
