"""How far the sweep is: one item of the ledger, so that the next call goes on where one has stopped.

Keys: ``sweep`` and ``progress``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.ledger.races import replaced
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock

_KEY: dict[str, Any] = {POINT_KEY: {"S": "sweep"}, ITEM_KEY: {"S": "progress"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A sweep that is under way, or the last one. Times are in ISO 8601."""

    began: str
    check: str = ""
    """The check to go on with; empty when all are done."""
    cursor: str = ""
    finished: str = ""
    """When a sweep last came to its end: this one, or one before."""
    held_until: str = ""
    """Until then a call is at it."""


class Sweeps:
    """Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def waited_for_since(self) -> datetime | None:
        """When a sweep last came to its end; as long as none has, when the first was begun."""
        known = self._find()
        return datetime.fromisoformat(known.finished or known.began) if known else None

    def take(self, *, first_check: str, every: timedelta, held_for: timedelta) -> Progress | None:
        """What this call has to go on with; None while another is at it, and until the next sweep is due."""
        now, known = self._clock.now(), self._find()
        if known and known.held_until > now.isoformat():
            return None
        if known is None or not known.check:
            if known and now - datetime.fromisoformat(known.began) < every:
                return None
            taken = Progress(began=now.isoformat(), check=first_check, finished=known.finished if known else "")
        else:
            taken = known
        held = replace(taken, held_until=(now + held_for).isoformat())
        return held if self._put(held, instead_of=known) else None

    def leave(self, progress: Progress) -> None:
        """The next call goes on from there."""
        self._put(replace(progress, held_until=""), instead_of=progress)

    def finish(self, progress: Progress) -> None:
        """All was looked at."""
        ended = replace(progress, check="", cursor="", finished=self._clock.now().isoformat(), held_until="")
        self._put(ended, instead_of=progress)

    def _find(self) -> Progress | None:
        with translated():
            item = self._dynamodb.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True).get("Item")
        if not item:
            return None
        return Progress(**{name: item.get(name, {}).get("S", "") for name in Progress.__dataclass_fields__})

    def _put(self, progress: Progress, *, instead_of: Progress | None) -> bool:
        """Whether nobody else was quicker."""
        values = {name: {"S": str(getattr(progress, name))} for name in Progress.__dataclass_fields__}
        read = {"S": instead_of.held_until} if instead_of is not None else None
        return replaced(self._dynamodb, self._table, {**_KEY, **values}, told_by="held_until", read=read)
