"""What the account remembers of a snapshot that it has announced, to know an acknowledgement by.

One item of the ledger's table, in the form that all have. Keys: the ARN of the shared copy, and ``announcement``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.aws.documents import read_object
from backup_actions.aws.objects import object_keys
from backup_actions.errors import MalformedMessage, NotVerified
from backup_actions.ledger.ledger import Ledger, Standing
from backup_actions.ledger.races import replaced
from backup_actions.ledger.table import BY_STANDING, ITEM_KEY, POINT_KEY
from backup_actions.model.offsite import Announcement

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

    from backup_actions.model.clock import Clock

_ANNOUNCEMENT, _VERSION = "announcement", "version"
_DETAILS = ("sha256", "size_gib", "manifest_key", "evidence_prefix", "announced_at", "account")


class Stage(StrEnum):
    """What became of a copy that the separated account may have heard of."""

    ANNOUNCED = "announced"
    """It may be imported at any time: nobody removes it."""
    ACKNOWLEDGED = "acknowledged"
    """It was imported, and nobody needs it any more."""
    LEAVING = "leaving"
    """Nobody has acknowledged it for so long that it is removed: it is not announced again."""
    REMOVED = "removed"
    """It is gone without an acknowledgement."""


_UNACKNOWLEDGED = frozenset({Stage.ANNOUNCED, Stage.LEAVING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A shared copy; ``manifest_key`` is its announcement's, ``sha256`` of its very bytes, ``account`` who was told.

    ``announced_at`` is when it was announced last, in ISO 8601; ``version`` counts the changes, 0 for one that does not
    stand in the ledger yet.
    """

    snapshot_arn: str
    resource_arn: str
    resource_type: str
    run: str
    sha256: str
    size_gib: int
    manifest_key: str
    evidence_prefix: str
    announced_at: str
    account: str
    stage: Stage = Stage.ANNOUNCED
    version: int = 0


class AnnouncedCopies:
    """The ledger's announced copies. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def find(self, snapshot_arn: str) -> Announced | None:
        """What was announced of a snapshot; None for one that never was."""
        with translated():
            found = self._dynamodb.get_item(TableName=self._table, Key=_key(snapshot_arn), ConsistentRead=True)
        item = found.get("Item")
        return _announced(item) if item else None

    def unacknowledged(self) -> Iterator[Announced]:
        """Every copy that the separated account may have heard of and has not acknowledged, the oldest first."""
        for entry in Ledger(self._dynamodb, self._table, self._clock).standing(Standing.ANNOUNCED):
            found = self.find(entry.point)  # the index is seconds behind
            if found is not None and found.stage in _UNACKNOWLEDGED:
                yield found

    def announce(self, wanted: Announced) -> bool:
        """From now on it may be heard of; False for one that is acknowledged. Raises NotVerified for one that goes."""
        known = self.find(wanted.snapshot_arn)
        if known is None or known.stage is Stage.ANNOUNCED:
            stands = self.stand(replace(wanted, version=known.version if known else 0))
            return stands is not None or self.announce(wanted)
        if known.stage is Stage.ACKNOWLEDGED:
            return False
        raise NotVerified(reason=f"{known.snapshot_arn} was not acknowledged for too long and is removed")

    def acknowledge(self, snapshot_arn: str) -> None:
        """It is known to be acknowledged, whatever else was known of it."""
        known = self.find(snapshot_arn)
        while known is not None and known.stage is not Stage.ACKNOWLEDGED:
            known = self.stand(replace(known, stage=Stage.ACKNOWLEDGED)) or self.find(snapshot_arn)

    def stand(self, changed: Announced) -> Announced | None:
        """The copy as it is known now; None where somebody else has changed that since this one was read."""
        stands = replace(changed, version=changed.version + 1)
        read = {"N": str(changed.version)} if changed.version else None
        if not replaced(self._dynamodb, self._table, self._item(stands), told_by=_VERSION, read=read):
            return None
        return stands

    def _item(self, stands: Announced) -> dict[str, Any]:
        texts = {
            POINT_KEY: stands.snapshot_arn,
            ITEM_KEY: _ANNOUNCEMENT,
            "status": str(stands.stage),
            "changed_at": self._clock.now().isoformat(),
            "run": stands.run,
            "resource": stands.resource_arn,
            "resource_type": stands.resource_type,
            "vault": "",  # the copy is in none
            "details": json.dumps({name: getattr(stands, name) for name in _DETAILS}, sort_keys=True),
        }
        if stands.stage in _UNACKNOWLEDGED:
            texts |= {BY_STANDING.hash_key: str(Standing.ANNOUNCED), BY_STANDING.range_key: stands.announced_at}
        return {**{name: {"S": text} for name, text in texts.items()}, _VERSION: {"N": str(stands.version)}}


@dataclass(frozen=True, slots=True)
class Stored:
    """An announcement as it stands in the bucket."""

    key: str
    content: bytes
    announcement: Announcement


def stored_announcements(s3: S3Client, bucket: str, prefix: str) -> Iterator[Stored]:
    """What the runs of one recovery point have announced; what cannot be read, of another version say, is left out."""
    for key in object_keys(s3, bucket, f"{prefix}/"):
        content = read_object(s3, bucket, key) if key.endswith("/announcement.json") else None
        try:
            announcement = Announcement.from_text(content.decode()) if content else None
        except (MalformedMessage, UnicodeDecodeError):
            continue
        if content and announcement:
            yield Stored(key, content, announcement)


def _key(snapshot_arn: str) -> dict[str, Any]:
    return {POINT_KEY: {"S": snapshot_arn}, ITEM_KEY: {"S": _ANNOUNCEMENT}}


def _announced(item: Mapping[str, Any]) -> Announced:
    return Announced(
        snapshot_arn=item[POINT_KEY]["S"],
        resource_arn=item["resource"]["S"],
        resource_type=item["resource_type"]["S"],
        run=item["run"]["S"],
        stage=Stage(item["status"]["S"]),
        version=int(item[_VERSION]["N"]),
        **{"account": "", **json.loads(item["details"]["S"])},  # earlier versions did not note whom they told
    )
