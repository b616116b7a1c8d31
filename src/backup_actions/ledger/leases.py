"""Leases: a quota of the account (5 exports at once, 20 copies) shared by everything that runs.

A quota has as many slots as it allows; a slot is an item of the ledger's table that names its holder and when it
expires. Whoever dies does not renew, so that a slot never stays taken. Keys: ``lease#<quota>`` and ``slot#<number>``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger.races import is_lost
from backup_actions.ledger.table import EXPIRES, ITEM_KEY, POINT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions.model.clock import Clock


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot and its holder, an execution's ARN."""

    slot: int
    owner: str
    expires: int
    """Seconds since 1970."""


class Leases:
    """The slots of one quota. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Clock, *, quota: str, slots: int) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock
        self._quota, self._slots = quota, slots

    def hold(self, owner: str, *, seconds: int) -> Lease | None:
        """The owner's one slot, held from now on for that long; None while all are held by others.

        Asking again renews it, also after an answer that was lost.
        """
        now = self._now()
        found = {lease.slot: lease for lease in self._found()}
        mine = [slot for slot, lease in found.items() if lease.owner == owner]
        open_slots = [slot for slot in range(self._slots) if slot not in found or found[slot].expires < now]
        # Each owner begins elsewhere, so that those who ask at the same moment seldom want the same slot.
        first = zlib.crc32(owner.encode()) % self._slots
        for slot in mine or sorted(open_slots, key=lambda slot: (slot - first) % self._slots):
            if self._take(slot, owner, now, now + seconds):
                return Lease(slot, owner, now + seconds)
        return None

    def release(self, owner: str) -> None:
        """The owner holds nothing any more; what others hold is not touched."""
        for lease in self._found():
            if lease.owner == owner:
                self._give_back(lease.slot, owner)

    def held(self) -> list[Lease]:
        """Every slot that is held now."""
        now = self._now()
        return [lease for lease in self._found() if lease.expires >= now]

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _found(self) -> list[Lease]:
        with translated():
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#point = :quota",
                ExpressionAttributeNames={"#point": POINT_KEY},
                ExpressionAttributeValues={":quota": {"S": f"lease#{self._quota}"}},
                ConsistentRead=True,
            )
            return [_lease(item) for page in pages for item in page["Items"]]

    def _take(self, slot: int, owner: str, now: int, expires: int) -> bool:
        try:
            with translated():
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item={**self._key(slot), "owner": {"S": owner}, EXPIRES: {"N": str(expires)}},
                    ConditionExpression="attribute_not_exists(#owner) OR #expires < :now OR #owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner", "#expires": EXPIRES},
                    ExpressionAttributeValues={":now": {"N": str(now)}, ":owner": {"S": owner}},
                )
        except AwsCallFailed as refusal:
            return _unless_others_were_quicker(refusal)
        return True

    def _give_back(self, slot: int, owner: str) -> None:
        try:
            with translated():
                self._dynamodb.delete_item(
                    TableName=self._table,
                    Key=self._key(slot),
                    ConditionExpression="#owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":owner": {"S": owner}},
                )
        except AwsCallFailed as refusal:
            _unless_others_were_quicker(refusal)

    def _key(self, slot: int) -> dict[str, Any]:
        return {POINT_KEY: {"S": f"lease#{self._quota}"}, ITEM_KEY: {"S": f"slot#{slot}"}}


def _unless_others_were_quicker(refusal: AwsCallFailed) -> bool:
    """False when somebody else has taken the slot meanwhile. Raises every other refusal again."""
    if is_lost(refusal):
        return False
    raise refusal


def _lease(item: Mapping[str, Any]) -> Lease:
    return Lease(int(item[ITEM_KEY]["S"].removeprefix("slot#")), item["owner"]["S"], int(item[EXPIRES]["N"]))
