"""The ledger's items and how they change. Keys: ``point`` (the recovery point's ARN) and ``item``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.model.json_types import JsonObject
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock

POINT_KEY, ITEM_KEY = "point", "item"
_THE_POINT = "point"


class Status(StrEnum):
    """Where a recovery point stands."""

    PROCESSING = "processing"
    SKIPPED = "skipped"
    KEPT = "kept"
    SHORTENED = "shortened"
    DELETED = "deleted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of the ledger."""

    point: str
    item: str
    status: str
    changed_at: str
    run: str
    details: JsonObject


class Ledger:
    """Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def record(self, point: RecoveryPoint, *, run: str, status: Status, details: JsonObject) -> None:
        """The point has this status from now on; what was known of it before is replaced."""
        self._put(point, _THE_POINT, run, status, details)

    def record_action(self, point: RecoveryPoint, action: str, *, run: str, status: str, details: JsonObject) -> None:
        """One action on the point came to this."""
        self._put(point, f"action#{action}", run, status, details)

    def entries(self, point_arn: str) -> list[Entry]:
        """Everything that is known of a point, the point itself first."""
        with translated():
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#point = :point",
                ExpressionAttributeNames={"#point": POINT_KEY},
                ExpressionAttributeValues={":point": {"S": point_arn}},
                ConsistentRead=True,
            )
            found = [_entry(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda entry: (entry.item != _THE_POINT, entry.item))

    def _put(self, point: RecoveryPoint, item: str, run: str, status: str, details: JsonObject) -> None:
        with translated():
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    POINT_KEY: {"S": str(point.arn)},
                    ITEM_KEY: {"S": item},
                    "status": {"S": status},
                    "changed_at": {"S": self._clock.now().isoformat()},
                    "run": {"S": run},
                    "resource": {"S": str(point.resource_arn)},
                    "details": {"S": json.dumps(details, sort_keys=True)},
                },
            )


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(
        point=item[POINT_KEY]["S"],
        item=item[ITEM_KEY]["S"],
        status=item["status"]["S"],
        changed_at=item["changed_at"]["S"],
        run=item["run"]["S"],
        details=json.loads(item["details"]["S"]),
    )
