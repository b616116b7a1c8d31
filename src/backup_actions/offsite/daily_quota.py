"""How many imports a source may have begun on one day, so that whoever has taken it over cannot flood this account.

Keys: ``offsite-quota#<source account>`` and the day, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger.races import is_lost
from backup_actions.ledger.table import EXPIRES, ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock

_KEPT = timedelta(days=7)
"""Nobody reads it after its day but people."""


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """One source's. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    dynamodb: DynamoDBClient
    table: str
    clock: Clock
    source_account: str
    at_most: int

    def take_one(self) -> bool:
        """Whether one more may be begun today; then it is counted. One that comes to nothing counts, too."""
        now = self.clock.now().astimezone(UTC)
        try:
            with translated():
                self.dynamodb.update_item(
                    TableName=self.table,
                    Key={
                        POINT_KEY: {"S": f"offsite-quota#{self.source_account}"},
                        ITEM_KEY: {"S": now.date().isoformat()},
                    },
                    UpdateExpression="ADD #begun :one SET #expires = :expires",
                    ConditionExpression="attribute_not_exists(#begun) OR #begun < :at_most",
                    ExpressionAttributeNames={"#begun": "begun", "#expires": EXPIRES},
                    ExpressionAttributeValues={
                        ":one": {"N": "1"},
                        ":at_most": {"N": str(self.at_most)},
                        ":expires": {"N": str(int((now + _KEPT).timestamp()))},
                    },
                )
        except AwsCallFailed as refusal:
            if is_lost(refusal):
                return False
            raise
        return True
