"""moto's tables, and what moto does not keep of them: tables that come and go slowly, and their history."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Refused
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.dynamodb_history import History, Item, Key

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.place import Place

_NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """What a backup holds of a table. Neither its tags nor its point-in-time recovery are in it, as on AWS."""

    schema: list[dict[str, str]]
    attributes: list[dict[str, str]]
    items: list[Item]

    @property
    def size_bytes(self) -> int:
        """About as DynamoDB counts it: names and values."""
        return sum(len(str(item)) for item in self.items)


@dataclass(eq=False, slots=True, kw_only=True)
class _Coming:
    """A table that is being restored."""

    content: TableContent
    source_arn: str
    backup_arn: str
    since: datetime


@dataclass(eq=False, slots=True)
class _Kept:
    """What is kept of one table beside moto."""

    number: int
    history: History | None = None
    is_going: bool = False
    restored: dict[str, Any] = field(default_factory=dict)
    """The RestoreSummary of a table that came from a backup."""


class DynamoDbTables:
    """Tables by name. ``witness`` has to hear of every write that moto has carried out."""

    def __init__(self, *, clock: SimulatedClock, place: Place, durations: Durations) -> None:
        self.clock, self.place = clock, place
        self._durations = durations
        self._chores = Chores(clock)
        self._lock = threading.RLock()
        self._kept: dict[str, _Kept] = {}
        self._coming: dict[str, _Coming] = {}
        self._made = 0

    def close(self) -> None:
        """Tables that are made or deleted stay as they are."""
        self._chores.close()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile."""
        with self._lock:
            yield

    # ------------------------------------------------------------------------------------------------- what is there

    def name_of(self, name_or_arn: str) -> str:
        """The name in an ARN, or the name itself."""
        return name_or_arn.partition(":table/")[2].partition("/")[0] or name_or_arn

    def arn_of(self, name: str) -> str:
        """The ARN of a table of this name."""
        return self.place.arn("dynamodb", f"table/{name}")

    def names(self) -> list[str]:
        """The tables that somebody would find."""
        return [name for name in list(self._backend.tables) if self.exists(name)]

    def exists(self, name_or_arn: str) -> bool:
        """Whether there is such a table that can be used."""
        name = self.name_of(name_or_arn)
        return name in self._backend.tables and not self._kept_of(name).is_going

    def id_of(self, name: str) -> str:
        """The id that tells a table from an earlier one of the same name."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.arn_of(name)}#{self._kept_of(name).number}"))

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of the table with this ARN; none of what does not exist."""
        table = self._backend.tables.get(self.name_of(arn))
        return {tag["Key"]: tag["Value"] for tag in table.tags} if table is not None else {}

    def content(self, name: str) -> TableContent:
        """What the table holds now. Raises Refused."""
        table = self._table(name)
        return TableContent(
            schema=deepcopy(table.schema), attributes=deepcopy(table.attr), items=[_json(i) for i in table.all_items()]
        )

    def history(self, name: str) -> History | None:
        """The history of a table with point-in-time recovery. Raises Refused when there is no such table."""
        self._table(name)
        return self._kept_of(name).history

    def describe(self, name: str) -> dict[str, Any]:
        """The table as DescribeTable has it. Raises Refused."""
        described: dict[str, Any]
        with self._lock:
            if coming := self._coming.get(name):
                return self._described_coming(name, coming)
            kept = self._kept_of(name)
            described = deepcopy(self._table(name, also_going=True).describe(base_key="Table")["Table"])
            described |= {"TableStatus": "DELETING" if kept.is_going else "ACTIVE", "TableId": self.id_of(name)}
            # AWS answers 0 where its own model says that the smallest value is 1.
            described["ProvisionedThroughput"].pop("NumberOfDecreasesToday", None)
            return described | ({"RestoreSummary": kept.restored} if kept.restored else {})

    def _described_coming(self, name: str, coming: _Coming) -> dict[str, Any]:
        summary = _summary(coming) | {"RestoreInProgress": True}
        return {
            "TableName": name,
            "TableArn": self.arn_of(name),
            "TableStatus": "CREATING",
            "CreationDateTime": coming.since,
            "KeySchema": coming.content.schema,
            "AttributeDefinitions": coming.content.attributes,
            "RestoreSummary": summary,
        }

    # ----------------------------------------------------------------------------------------------------- what happens

    def remember(self, name: str, period_days: int) -> None:
        """Point-in-time recovery is on from now on; a table that has it keeps its history."""
        with self._lock:
            kept, table = self._kept_of(name), self._table(name)
            if kept.history is not None:
                kept.history.period_days = period_days
                return
            key_names = tuple(part["AttributeName"] for part in table.schema)
            kept.history = History(self.clock.now(), self.content(name).items, key_names, period_days)

    def forget(self, name: str) -> None:
        """Point-in-time recovery is off, and its history gone."""
        self._kept_of(name).history = None

    def restore(
        self, name: str, content: TableContent, *, source_arn: str, backup_arn: str, done: Callable[[], None]
    ) -> None:
        """Begin to make a table of what a backup holds. Raises Refused when there is one of this name."""
        with self._lock:
            if name in self._coming or name in self._backend.tables:
                raise Refused("TableAlreadyExistsException", f"Table already exists: {name}")
            coming = _Coming(content=content, source_arn=source_arn, backup_arn=backup_arn, since=self.clock.now())
            self._coming[name] = coming
        self._chores.begin(f"restore of {name}", lambda: self._arrive(name, coming, done))

    def delete(self, name: str) -> dict[str, Any]:
        """Begin to delete the table; it is DELETING for a while. Raises Refused."""
        with self._lock:
            if name in self._coming:
                raise Refused("ResourceInUseException", f"Attempt to change a resource which is still in use: {name}")
            if self._table(name).deletion_protection_enabled:
                raise Refused("ValidationException", f"Resource cannot be deleted as it is protected: {name}")
            self._kept_of(name).is_going = True
            described = self.describe(name)
        self._chores.begin(f"deletion of {name}", lambda: self._leave(name))
        return described

    def witness(self, call: Call) -> None:
        """Record what a call has changed, where a history is kept."""
        for name_or_arn, item_or_key in _written(call):
            name = self.name_of(name_or_arn)
            with self._lock:
                history = self._kept[name].history if name in self._kept else None
                if history is not None:
                    key = history.key_of(item_or_key)
                    history.record(self.clock.now(), key, self._item(name, key))

    def _arrive(self, name: str, coming: _Coming, done: Callable[[], None]) -> None:
        self._chores.sleep(self._durations.table_restored_seconds)
        content = coming.content
        with self._lock:
            table = self._backend.create_table(
                name, schema=content.schema, attr=content.attributes, throughput=None, global_indexes=None,
                indexes=None, streams=None, billing_mode="PAY_PER_REQUEST", sse_specification=None, tags=[],
                deletion_protection_enabled=False, warm_throughput=None,
            )  # fmt: skip
            for item in content.items:
                table.put_item(item)
            self._kept_of(name).restored = _summary(coming) | {"RestoreInProgress": False}
            del self._coming[name]
        done()
        self.clock.changed()

    def _leave(self, name: str) -> None:
        self._chores.sleep(self._durations.table_deleted_seconds)
        with self._lock:
            self._backend.tables.pop(name, None)
            self._kept.pop(name, None)
        self.clock.changed()

    # ------------------------------------------------------------------------------------------------------------- moto

    @property
    def _backend(self) -> Any:
        from moto.dynamodb.models import dynamodb_backends

        return dynamodb_backends[self.place.account][self.place.region]

    def _table(self, name: str, *, also_going: bool = False) -> Any:
        table = self._backend.tables.get(name)
        if table is None or (self._kept_of(name).is_going and not also_going):
            raise Refused(_NOT_FOUND, f"Requested resource not found: Table: {name} not found")
        return table

    def _item(self, name: str, key: Key) -> Item | None:
        from moto.dynamodb.models.dynamo_type import DynamoType

        values = [DynamoType(value) for value in key.values()]
        table = self._table(name)
        # moto's get_item leaves an empty entry behind for a hash key that is not there.
        found = table.get_item(*values) if values[0] in table.items else None
        return _json(found) if found else None

    def _kept_of(self, name: str) -> _Kept:
        with self._lock:
            if name not in self._kept:
                self._made += 1
                self._kept[name] = _Kept(self._made)
            return self._kept[name]


def _json(item: Any) -> Item:
    """An item of moto's. moto's own form leaves binary values decoded where they are nested."""
    return {name: _tagged(value) for name, value in item.attrs.items()}


def _tagged(value: Any) -> dict[str, Any]:
    match value.type:
        case "M":
            return {"M": {name: _tagged(inner) for name, inner in value.value.items()}}
        case "L":
            return {"L": [_tagged(inner) for inner in value.value]}
        case "B":
            return {"B": _base64(value.value)}
        case "BS":
            return {"BS": [_base64(inner) for inner in value.value]}
        case kind:
            return {kind: deepcopy(value.value)}


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _summary(coming: _Coming) -> dict[str, Any]:
    return {
        "SourceBackupArn": coming.backup_arn,
        "SourceTableArn": coming.source_arn,
        "RestoreDateTime": coming.since,
    }


def _written(call: Call) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each table with the item, or the key of the item, that the call has written."""
    params = call.params
    match call.operation:
        case "PutItem":
            yield params["TableName"], params["Item"]
        case "UpdateItem" | "DeleteItem":
            yield params["TableName"], params["Key"]
        case "BatchWriteItem":
            for name, requests in params["RequestItems"].items():
                for request in requests:
                    written = request.get("PutRequest", {}).get("Item") or request["DeleteRequest"]["Key"]
                    yield name, written
        case "TransactWriteItems":
            for each in params["TransactItems"]:
                for kind, write in each.items():
                    if kind != "ConditionCheck":
                        yield write["TableName"], write.get("Item") or write["Key"]
