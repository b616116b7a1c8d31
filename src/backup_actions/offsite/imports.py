"""What is known of each import: one item of the ledger for every announced snapshot, all of them under one key.

Keys: ``offsite-imports`` and the ARN of the announced snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.ledger.races import replaced
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock

IMPORTS = "offsite-imports"
"""The key in the ledger, and the vault that imports stand in as recovery points."""
_VERSION = "version"


class Stage(StrEnum):
    """How far an import is."""

    IMPORTING = "importing"
    """An execution is at it."""
    RETURNING = "returning"
    """An execution has failed at it and is about to give its message back."""
    FAILED = "failed"
    """It is to be tried again, or has been given up: then its message is a dead letter."""
    ACKNOWLEDGED = "acknowledged"
    """The source has been told that it is there."""
    REMOVED = "removed"
    """Retention has let it go, or somebody has and said so."""


class Acted(StrEnum):
    """What has come of the actions on an import."""

    NONE = "none"
    """No action was chosen for it."""
    RUNNING = "running"
    PROVEN = "proven"
    """All have succeeded, and what they made was looked at."""
    FAILED = "failed"
    """Not all have, or nobody has seen it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An announced snapshot and what became of it. What it says of the snapshot was compared with AWS's word."""

    announcement: Announcement
    announcement_sha256: str
    stage: Stage
    attempt: int
    """Which execution is or was at it, from 1."""
    execution: str
    """Its name."""
    imported_arn: str = ""
    """The snapshot of our own; empty until it was verified."""
    imported_at: str = ""
    """When it was found to be what was announced, in ISO 8601."""
    size_gib: int = 0
    acted: Acted = Acted.NONE
    problem: str = ""
    """Why the last attempt did not do all that it should; empty where it did, or is under way."""
    promised_until: str = ""
    """Until when its source was told that it is kept, in ISO 8601; empty before it was told anything."""
    hold: str = ""
    """Why it has to stay; empty where nobody holds it."""
    leaving_since: str = ""
    """When retention began to remove it, in ISO 8601: from then on it cannot be held."""
    changed_at: str = ""
    version: int = 0
    """Counts the changes; 0 for one that is not in the ledger yet."""

    @property
    def is_verified(self) -> bool:
        """Whether the snapshot was found to be what was announced, and nobody removes it or has removed it since."""
        return bool(self.imported_arn) and self.stage is not Stage.REMOVED and not self.leaving_since

    @property
    def is_being_imported(self) -> bool:
        """Whether an execution is about to import it, or to give it back."""
        return self.stage in {Stage.IMPORTING, Stage.RETURNING}

    @property
    def is_at_rest(self) -> bool:
        """Whether no execution is at it: neither imports it nor runs actions on it."""
        acts = self.stage is Stage.ACKNOWLEDGED and self.acted is Acted.RUNNING
        return not self.is_being_imported and not acts

    @property
    def backed_up_at(self) -> datetime:
        """The time of the backup that it is a copy of, with its zone."""
        return datetime.fromisoformat(self.announcement.created_at)

    @property
    def source_point(self) -> RecoveryPoint:
        """The backup that it is a copy of, as the execution knows it that is at the import."""
        announced = self.announcement
        return RecoveryPoint(
            arn=Arn.parse(announced.recovery_point_arn),
            vault_name=IMPORTS,
            resource_arn=Arn.parse(announced.resource_arn),
            resource_type=announced.resource_type,
        )

    @property
    def recovery_point(self) -> RecoveryPoint:
        """The import as actions know a backup."""
        return RecoveryPoint(
            arn=Arn.parse(self.imported_arn),
            vault_name=IMPORTS,
            resource_arn=Arn.parse(self.announcement.resource_arn),
            resource_type=self.announcement.resource_type,
        )


class Imports:
    """The ledger's imports. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def all(self) -> list[Import]:
        """Every import that was ever begun, in the order of their announced ARNs."""
        with translated():
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#point = :imports",
                ExpressionAttributeNames={"#point": POINT_KEY},
                ExpressionAttributeValues={":imports": {"S": IMPORTS}},
                ConsistentRead=True,
            )
            return [_import(item) for page in pages for item in page["Items"]]

    def find(self, snapshot_arn: str) -> Import | None:
        """What is known of an announced snapshot."""
        with translated():
            found = self._dynamodb.get_item(TableName=self._table, Key=_key(snapshot_arn), ConsistentRead=True)
        item = found.get("Item")
        return _import(item) if item else None

    def stand(self, changed: Import) -> Import | None:
        """The import as it stands now; None where somebody else has changed it since this one was read."""
        stands = replace(changed, version=changed.version + 1, changed_at=self._clock.now().isoformat())
        read = {"N": str(changed.version)} if changed.version else None
        if not replaced(self._dynamodb, self._table, _item(stands), told_by=_VERSION, read=read):
            return None
        return stands


def _key(snapshot_arn: str) -> dict[str, Any]:
    return {POINT_KEY: {"S": IMPORTS}, ITEM_KEY: {"S": snapshot_arn}}


def _item(stands: Import) -> dict[str, Any]:
    """In the form that all items of the ledger have."""
    details = {name: value for name, value in asdict(stands).items() if name not in {"stage", _VERSION, "changed_at"}}
    return {
        **_key(stands.announcement.snapshot_arn),
        "status": {"S": str(stands.stage)},
        "changed_at": {"S": stands.changed_at},
        "run": {"S": stands.execution},
        "resource": {"S": stands.announcement.resource_arn},
        "details": {"S": json.dumps(details, sort_keys=True)},
        _VERSION: {"N": str(stands.version)},
    }


def _import(item: Mapping[str, Any]) -> Import:
    details = json.loads(item["details"]["S"])
    return Import(
        **{
            **details,
            "announcement": Announcement(**details["announcement"]),
            "acted": Acted(details.get("acted", Acted.NONE)),
        },
        stage=Stage(item["status"]["S"]),
        changed_at=item["changed_at"]["S"],
        version=int(item[_VERSION]["N"]),
    )
