"""The ledger's items and how they change. Keys: ``point`` (the recovery point's ARN) and ``item``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.errors import AwsBusy, AwsCallFailed
from backup_actions.ledger.races import is_lost, stood_there
from backup_actions.ledger.table import BY_STANDING, ITEM_KEY, POINT_KEY
from backup_actions.model.arn import Arn
from backup_actions.model.clock import growing_waits
from backup_actions.model.json_types import JsonObject
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock

THE_POINT = "point"
"""The item of the recovery point itself."""

_ACTION, _AGAIN = "action#", "again#"

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MOST_AT_ONCE = 100
_WAITS = growing_waits(0.1, 2, 8)  # what the table was too busy for: about 25 s in all


class Status(StrEnum):
    """Where a recovery point stands."""

    PROCESSING = "processing"
    SKIPPED = "skipped"
    KEPT = "kept"
    SHORTENED = "shortened"
    DELETED = "deleted"
    FAILED = "failed"
    GONE = "gone"
    """It had failed, or vanished from a run that failed, and AWS Backup does not have it any more."""


class Standing(StrEnum):
    """Where an action stands with a recovery point, as far as somebody looks for all of the kind."""

    ARTIFACT = "artifact"
    """What it has made was proven, at the time that ``since`` says."""
    WAITING = "waiting"
    """It waits for a quota that others hold."""
    ANNOUNCED = "announced"
    """Another account was told of a copy and has not acknowledged it."""
    DAMAGED = "damaged"
    """What it had made was proven, and is not any more what it was."""
    COLD = "cold"
    """What it has made was proven, and lies where it has to be thawed before it is read."""


_STANDING_OF: Mapping[str, Standing] = {
    "verified": Standing.ARTIFACT,
    "waiting": Standing.WAITING,
    "announced": Standing.ANNOUNCED,
    "damaged": Standing.DAMAGED,
    "cold": Standing.COLD,
}
"""What actions say of themselves → where they are found; all else is under way, or has failed."""

ONCE_PROVEN = (Standing.ARTIFACT, Standing.DAMAGED, Standing.COLD)
"""Where an archive stands that was proven: only who has looked at it says anything else of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of the ledger."""

    recovery_point: RecoveryPoint
    item: str
    status: str
    changed_at: str
    run: str
    details: JsonObject
    standing: str = ""
    since: str = ""
    """Of a point: when the backup was made, or else was first dealt with. Of an action: when it came to stand so."""

    @property
    def point(self) -> str:
        """The recovery point's ARN."""
        return str(self.recovery_point.arn)

    @property
    def resource(self) -> str:
        """The ARN of what was backed up."""
        return str(self.recovery_point.resource_arn)

    @property
    def action(self) -> str:
        """The action that it is about; empty where it is about the point itself."""
        kind, separator, action = self.item.partition("#")
        return action if f"{kind}{separator}" in {_ACTION, _AGAIN} else ""

    @property
    def is_again(self) -> bool:
        """Whether it is about a later run of the action, while what an earlier one has made stands proven."""
        return self.item.startswith(_AGAIN)


class Ledger:
    """Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def record(self, point: RecoveryPoint, *, run: str, status: Status, details: JsonObject, made_at: str = "") -> None:
        """The point has this status from now on; what was known of it before is replaced.

        ``made_at`` is when the backup was made, in ISO 8601, where that is known.
        """
        since = datetime.fromisoformat(made_at) if made_at else self._clock.now()
        self._put(point, THE_POINT, run, status, details, standing=status, since=since)

    def record_action(self, point: RecoveryPoint, action: str, *, run: str, status: str, details: JsonObject) -> None:
        """One action on the point came to this, now; a run that goes on waiting has waited since it began to.

        What an earlier run has made and was proven stands until a later one is proven as well: what else is said of
        that one stands beside it.
        """
        standing = _STANDING_OF.get(status, "")
        if standing in ONCE_PROVEN:
            self._put(point, f"{_ACTION}{action}", run, status, details, standing=standing)
            # All that was said beside it is over.
            self._put_if(_is_of(run), point, f"{_AGAIN}{action}", run, status, details)
            return
        left_alone = _unless_proven_or(waits=standing == Standing.WAITING, run=run)
        stood = self._put_if(left_alone, point, f"{_ACTION}{action}", run, status, details, standing=standing)
        if stood.get(BY_STANDING.hash_key) in ONCE_PROVEN:
            self._put_if(left_alone, point, f"{_AGAIN}{action}", run, status, details, standing=standing)

    def entries(self, point_arn: str) -> list[Entry]:
        """Everything that is known of a point, the point itself first."""
        asked = {
            "KeyConditionExpression": "#point = :point",
            "ExpressionAttributeNames": {"#point": POINT_KEY},
            "ExpressionAttributeValues": {":point": {"S": point_arn}},
            "ConsistentRead": True,
        }
        found = [_entry(item) for page in self._query(asked) for item in page["Items"]]
        return sorted(found, key=lambda entry: (entry.item != THE_POINT, entry.item))

    def known(self, point_arns: Sequence[str]) -> frozenset[str]:
        """Those of the points that anything is recorded of; 100 at a call."""
        found: set[str] = set()
        for start in range(0, len(point_arns), _MOST_AT_ONCE):
            found |= self._known(point_arns[start : start + _MOST_AT_ONCE])
        return frozenset(found)

    def standing(self, standing: str, *, before: datetime | None = None, resource: str = "") -> Iterator[Entry]:
        """All that stands so, oldest first, a page of 1 MB at a time; read from the index, which is seconds behind.

        ``before`` leaves out what stands so since then or later, ``resource`` what is of others: AWS reads those too.
        """
        asked = _standing_so(standing, before)
        if resource:
            asked["FilterExpression"] = "#resource = :resource"
            asked["ExpressionAttributeNames"]["#resource"] = "resource"
            asked["ExpressionAttributeValues"][":resource"] = {"S": resource}
        for page in self._query(asked):
            yield from map(_entry, page["Items"])

    def oldest(self, standing: str) -> Entry | None:
        """What stands so for longest."""
        with translated():
            page = self._dynamodb.query(TableName=self._table, **_standing_so(standing, None), Limit=1)
        return _entry(page["Items"][0]) if page["Items"] else None

    def count(self, standing: str) -> int:
        """How many stand so; AWS reads all of them for it."""
        pages = self._query({**_standing_so(standing, None), "Select": "COUNT"})
        return sum(page["Count"] for page in pages)

    def _known(self, point_arns: Sequence[str]) -> set[str]:
        found: set[str] = set()
        keys: Any = [{POINT_KEY: {"S": arn}, ITEM_KEY: {"S": THE_POINT}} for arn in dict.fromkeys(point_arns)]
        for wait_seconds in (*_WAITS, None):
            with translated(operation="BatchGetItem"):
                asked: Any = {
                    "Keys": keys,
                    "ProjectionExpression": "#point",
                    "ExpressionAttributeNames": {"#point": POINT_KEY},
                }
                answer: Any = self._dynamodb.batch_get_item(RequestItems={self._table: asked})
            found |= {item[POINT_KEY]["S"] for item in answer["Responses"].get(self._table, [])}
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found
            if wait_seconds is not None:
                self._clock.sleep(wait_seconds)
        raise AwsBusy(operation="BatchGetItem", error_code="UnprocessedKeys", reason="the table is throttled")

    def _query(self, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        with translated():
            pages = iter(self._dynamodb.get_paginator("query").paginate(TableName=self._table, **asked))
        while True:
            with translated():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _put(
        self,
        point: RecoveryPoint,
        item: str,
        run: str,
        status: str,
        details: JsonObject,
        *,
        standing: str = "",
        since: datetime | None = None,
        condition: Mapping[str, Any] | None = None,
    ) -> None:
        now = self._clock.now()
        values = {
            POINT_KEY: str(point.arn),
            ITEM_KEY: item,
            "status": status,
            "changed_at": now.isoformat(),
            "run": run,
            "resource": str(point.resource_arn),
            "resource_type": point.resource_type,
            "vault": point.vault_name,
            "details": json.dumps(details, sort_keys=True),
        }
        if standing:
            # One zone for all: they are sorted as texts.
            values |= {
                BY_STANDING.hash_key: standing,
                BY_STANDING.range_key: (since or now).astimezone(UTC).isoformat(),
            }
        with translated():
            self._dynamodb.put_item(
                TableName=self._table,
                Item={name: {"S": str(value)} for name, value in values.items()},
                **(condition or {}),
            )

    def _put_if(self, condition: Mapping[str, Any], *args: Any, standing: str = "") -> Mapping[str, str]:
        """What kept it from standing there; nothing where it does."""
        try:
            self._put(*args, standing=standing, condition=condition)
        except AwsCallFailed as refusal:
            if not is_lost(refusal):
                raise
            return stood_there(refusal)
        return {}


def _unless_proven_or(*, waits: bool, run: str) -> dict[str, Any]:
    """No other run's work is proven there, and this one does not wait already: then what is known of that stays."""
    proven = {f":{standing}": {"S": str(standing)} for standing in ONCE_PROVEN}
    return {
        "ConditionExpression": f"NOT (#standing IN ({', '.join(proven)}) AND #run <> :run)"
        + (" AND NOT (#standing = :waiting AND #run = :run)" if waits else ""),
        "ExpressionAttributeNames": {"#standing": BY_STANDING.hash_key, "#run": "run"},
        "ExpressionAttributeValues": {
            **proven,
            **({":waiting": {"S": str(Standing.WAITING)}} if waits else {}),
            ":run": {"S": run},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _is_of(run: str) -> dict[str, Any]:
    return {
        "ConditionExpression": "#run = :run",
        "ExpressionAttributeNames": {"#run": "run"},
        "ExpressionAttributeValues": {":run": {"S": run}},
    }


def _standing_so(standing: str, before: datetime | None) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "IndexName": BY_STANDING.name,
        "KeyConditionExpression": "#standing = :standing",
        "ExpressionAttributeNames": {"#standing": BY_STANDING.hash_key},
        "ExpressionAttributeValues": {":standing": {"S": str(standing)}},
    }
    if before is not None:
        asked["KeyConditionExpression"] += " AND #since < :before"
        asked["ExpressionAttributeNames"]["#since"] = BY_STANDING.range_key
        asked["ExpressionAttributeValues"][":before"] = {"S": before.astimezone(UTC).isoformat()}
    return asked


def _entry(item: Mapping[str, Any]) -> Entry:
    texts: dict[str, str] = {name: value["S"] for name, value in item.items() if "S" in value}
    point = RecoveryPoint(
        arn=Arn.parse(texts[POINT_KEY]),
        vault_name=texts["vault"],
        resource_arn=Arn.parse(texts["resource"]),
        resource_type=texts["resource_type"],
    )
    return Entry(
        recovery_point=point,
        item=texts[ITEM_KEY],
        status=texts["status"],
        changed_at=texts["changed_at"],
        run=texts["run"],
        details=json.loads(texts["details"]),
        standing=texts.get(BY_STANDING.hash_key, ""),
        since=texts.get(BY_STANDING.range_key, ""),
    )
