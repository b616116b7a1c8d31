"""What the account remembers of a snapshot that it has announced, to know an acknowledgement by.

One item of the ledger's table. Keys: ``offsite#<ARN of the shared copy>`` and ``announcement``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.ledger.ledger import ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A shared copy; ``manifest_key`` is its announcement's, ``sha256`` of its very bytes."""

    snapshot_arn: str
    run: str
    sha256: str
    size_gib: int
    manifest_key: str
    evidence_prefix: str


class AnnouncedCopies:
    """The ledger's announced copies. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def remember(self, announced: Announced) -> None:
        """It is known from now on."""
        values = {name: {"S": str(value)} for name, value in asdict(announced).items()}
        with translated():
            self._dynamodb.put_item(TableName=self._table, Item={**_key(announced.snapshot_arn), **values})

    def find(self, snapshot_arn: str) -> Announced | None:
        """What was announced of a snapshot; None for one that never was."""
        with translated():
            found = self._dynamodb.get_item(TableName=self._table, Key=_key(snapshot_arn), ConsistentRead=True)
        item: Mapping[str, Any] | None = found.get("Item")
        if item is None:
            return None
        texts = {name: item[name]["S"] for name in Announced.__dataclass_fields__}
        return Announced(**{**texts, "size_gib": int(texts["size_gib"])})


def _key(snapshot_arn: str) -> dict[str, Any]:
    return {POINT_KEY: {"S": f"offsite#{snapshot_arn}"}, ITEM_KEY: {"S": "announcement"}}
