"""The day book: one line for each run that came to its end, under the day on which it did.

Whoever asks what happened lately reads some days, and not all that ever was. Keys: ``day#2026-11-22``, the run's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.ledger.table import EXPIRES, ITEM_KEY, POINT_KEY
from backup_actions.model.json_types import JsonObject

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# What a year of runs cost can be asked, and a month longer for who asks late.
_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """What one action came to in a run."""

    action: str
    succeeded: bool
    source_bytes: int = 0
    stored_bytes: int = 0
    usage: Mapping[str, float] | None = None
    """Counted things with their units in their names; None where the action counts nothing."""


def action_line(result: Mapping[str, Any]) -> ActionLine:
    """What a main machine remembers of an action: its report where it has one."""
    report = result["report"] if result["succeeded"] else {}
    return ActionLine(
        action=result["action"],
        succeeded=result["succeeded"],
        source_bytes=report.get("source_bytes", 0),
        stored_bytes=report.get("stored_bytes", 0),
        usage=report.get("usage") or None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How one run of the main machine ended."""

    run: str
    finished_at: datetime
    point: str
    resource: str
    resource_type: str
    outcome: str
    """The ledger's status of the point."""
    failed: bool
    """Also of a backup that is gone, when something else went wrong."""
    actions: tuple[ActionLine, ...] = ()


class Daybook:
    """Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def write(self, line: Line) -> None:
        """The line stands under its day; written again, it still stands there once."""
        finished = line.finished_at.astimezone(UTC)
        told = {**asdict(line), "finished_at": finished.isoformat()}
        with translated():
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    POINT_KEY: {"S": _key(finished.date())},
                    ITEM_KEY: {"S": line.run},
                    EXPIRES: {"N": str(int((finished + _KEPT).timestamp()))},
                    "line": {"S": json.dumps(told, sort_keys=True)},
                },
            )

    def lines(self, after: datetime, until: datetime) -> Iterator[Line]:
        """Every run that ended after the one moment and not after the other, day by day."""
        day, last = after.astimezone(UTC).date(), until.astimezone(UTC).date()
        while day <= last:
            yield from (line for line in self._of(day) if after < line.finished_at <= until)
            day += timedelta(days=1)

    def _of(self, day: date) -> Iterator[Line]:
        with translated():
            pages = iter(
                self._dynamodb.get_paginator("query").paginate(
                    TableName=self._table,
                    KeyConditionExpression="#point = :day",
                    ExpressionAttributeNames={"#point": POINT_KEY},
                    ExpressionAttributeValues={":day": {"S": _key(day)}},
                    ConsistentRead=True,
                )
            )
        while True:
            with translated():
                page = next(pages, None)
            if page is None:
                return
            yield from (_line(item) for item in page["Items"])


def _key(day: date) -> str:
    return f"day#{day.isoformat()}"


def _line(item: Mapping[str, Any]) -> Line:
    told: JsonObject = json.loads(item["line"]["S"])
    raw: dict[str, Any] = dict(told)
    actions = tuple(ActionLine(**action) for action in raw.pop("actions"))
    return Line(**{**raw, "finished_at": datetime.fromisoformat(raw["finished_at"]), "actions": actions})
