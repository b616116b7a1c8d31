"""Which digest was sent last, so that none is sent twice and nothing is left out of the next.

Keys in the ledger: ``digest`` and ``last``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.ledger.races import replaced
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_KEY: Mapping[str, Any] = {POINT_KEY: {"S": "digest"}, ITEM_KEY: {"S": "last"}}
_CLAIMED, _SENT = "claimed", "sent"


@dataclass(frozen=True, slots=True)
class Sending:
    """Until when a digest was claimed, and until when one was sent."""

    claimed: datetime | None = None
    """Later than ``sent``: somebody is about to send it, or has died over it; nobody knows whether it went out."""
    sent: datetime | None = None


class Sendings:
    """Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def read(self) -> Sending:
        """How it stands."""
        with translated():
            found = self._dynamodb.get_item(TableName=self._table, Key=dict(_KEY), ConsistentRead=True).get("Item", {})
        claimed, sent = (
            datetime.fromisoformat(found[name]["S"]) if name in found else None for name in (_CLAIMED, _SENT)
        )
        return Sending(claimed, sent)

    def claim(self, last: Sending, until: datetime) -> bool:
        """Whether the digest until then is ours to send: nobody has claimed one since it was read how it stands."""
        return self._replaced(last.claimed, Sending(until, last.sent))

    def give_up(self, last: Sending, until: datetime) -> None:
        """AWS has not taken it: the next try may send it."""
        self._replaced(until, last)

    def note(self, until: datetime) -> None:
        """It was sent: the next one begins there."""
        self._replaced(until, Sending(until, until))

    def _replaced(self, claimed: datetime | None, new: Sending) -> bool:
        moments = {_CLAIMED: new.claimed, _SENT: new.sent}
        item = {**_KEY, **{name: {"S": _text(moment)} for name, moment in moments.items() if moment is not None}}
        read = {"S": _text(claimed)} if claimed is not None else None
        return replaced(self._dynamodb, self._table, item, told_by=_CLAIMED, read=read)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
