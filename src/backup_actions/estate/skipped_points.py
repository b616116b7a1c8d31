"""Points that were skipped because no action handled them, and that one does now: told once, begun by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Status
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY

_TOLD: dict[str, Any] = {POINT_KEY: {"S": "sweep"}, ITEM_KEY: {"S": "offered"}}
"""The item of the ledger with the types that people know of."""

_TYPES = "resource_types"


def skipped_points(looking: Looking, cursor: str) -> Iterator[Page]:
    """One finding for each type of resource; a look without repairs tells of those that were told before, too.

    Nothing is begun: there may be years of them, and each costs what a new one costs. 100,000 of them are 150 calls.
    """
    del cursor
    handled, counts = looking.estate.handles, Counter[str]()
    if handled:
        for entry in looking.ledger.standing(Status.SKIPPED):
            if entry.details.get("unhandled") and entry.recovery_point.resource_type in handled:
                counts[entry.recovery_point.resource_type] += 1
    told = _told(looking) if looking.repairs else frozenset()
    findings = tuple(_finding(looking, kind, count) for kind, count in sorted(counts.items()) if kind not in told)
    if looking.repairs and counts.keys() != told:
        looking.once_told(lambda: _note(looking.world, looking.estate.ledger, sorted(counts)))
    yield Page(findings)


def _finding(looking: Looking, kind: str, count: int) -> Finding:
    return Finding(
        kind=Kind.SKIPPED_POINTS,
        subject=kind,
        what=f"{count} of its backups were skipped because no action handled them, and one does now",
        since="",
        remedy=f"`{looking.command('replay --skipped --dry-run')}` names those that are still there, and without "
        "--dry-run they are taken up, 100 at a time; where they shall stay as they are there is nothing to do",
    )


def _told(looking: Looking) -> frozenset[str]:
    with translated():
        found = looking.world.clients.dynamodb.get_item(TableName=looking.estate.ledger, Key=_TOLD, ConsistentRead=True)
    return frozenset(filter(None, found.get("Item", {}).get(_TYPES, {}).get("S", "").split(",")))


def _note(world: World, table: str, kinds: list[str]) -> None:
    with translated():
        world.clients.dynamodb.put_item(TableName=table, Item={**_TOLD, _TYPES: {"S": ",".join(kinds)}})
