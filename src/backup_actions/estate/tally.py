"""What the runs of the month add up to, carried on from one measurement to the next, so that each line is read once.

Keys in the ledger: ``tally`` and ``month``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.ledger.daybook import Line
from backup_actions.ledger.races import replaced
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY
from backup_actions.model.json_types import JsonObject

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_KEY: Mapping[str, Any] = {POINT_KEY: {"S": "tally"}, ITEM_KEY: {"S": "month"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All that ended in a month until a moment."""

    through: datetime
    """Runs that ended later are not in it."""
    runs: int = 0
    uncounted_runs: int = 0
    """Of actions that say nothing of what they used."""
    usage: Mapping[str, float] = field(default_factory=dict)
    """Counted things, with their units in their names."""

    @property
    def month(self) -> str:
        """``2026-11``, of UTC."""
        return _month(self.through)

    def advanced(self, lines: Iterable[Line], until: datetime) -> Tally:
        """With these runs; a new month begins with nothing."""
        month = _month(until)
        is_new = month != self.month
        runs, uncounted = (0, 0) if is_new else (self.runs, self.uncounted_runs)
        usage = {} if is_new else dict(self.usage)
        for line in lines:
            if _month(line.finished_at) != month:
                continue
            runs += 1
            uncounted += any(action.usage is None for action in line.actions)
            for action in line.actions:
                for thing, amount in (action.usage or {}).items():
                    usage[thing] = usage.get(thing, 0) + amount
        return Tally(through=until, runs=runs, uncounted_runs=uncounted, usage=usage)


class Tallies:
    """Where it stands. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def read(self) -> Tally | None:
        """The tally as it stands."""
        with translated():
            found = self._dynamodb.get_item(TableName=self._table, Key=dict(_KEY), ConsistentRead=True).get("Item")
        if not found:
            return None
        told: JsonObject = json.loads(found["tally"]["S"])
        raw: dict[str, Any] = dict(told)
        return Tally(**{**raw, "through": datetime.fromisoformat(raw["through"])})

    def replace(self, old: Tally | None, new: Tally) -> bool:
        """Whether the new one stands there now; not where somebody else has carried the old one on meanwhile."""
        told = {**asdict(new), "through": _text(new.through)}
        item = {**_KEY, "through": {"S": told["through"]}, "tally": {"S": json.dumps(told, sort_keys=True)}}
        read = {"S": _text(old.through)} if old is not None else None
        return replaced(self._dynamodb, self._table, item, told_by="through", read=read)


def _month(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
