"""The copy under the export key: begun once, and looked at until it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backup_actions.actions.offsite_copy.places import RUN_TAG
from backup_actions.actions.offsite_copy.snapshots import Snapshot, Snapshots, snapshots_like
from backup_actions.aws import World
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger import Ledger
from backup_actions.model.offsite import Announcement
from backup_actions.model.recovery_point import RecoveryPoint

Event = Mapping[str, Any]

# By the error that a copy with the same name meets, one of an earlier call is known.
_BEGUN_ALREADY = frozenset({"DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExistsFault"})
# RDS has one word for too many copies at a time and for too many snapshots; EC2 has one for each.
_NO_ROOM = frozenset(
    {"SnapshotQuotaExceeded", "ResourceLimitExceeded", "SnapshotLimitExceeded", "ConcurrentSnapshotLimitExceeded"}
)
_KEY_NOT_ACCESSIBLE = frozenset({"KMSKeyNotAccessibleFault", "KMSKeyNotAccessible"})


def copy(world: World, event: Event) -> Mapping[str, str]:
    """The copy is under way, by this call or an earlier one; or say that there is no room for it, or no usable key."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    snapshots = snapshots_like(world.clients, point.arn, event["region"])
    if not snapshots.made_by(event["tag"], event["name"]):
        refusal = _begin(snapshots, point, event)
        if refusal is not None and refusal.facts["error_code"] in _NO_ROOM:
            _record(world, event, "waiting", {"for": "room among the account's snapshots", "last": str(refusal)})
            return {"status": "no room", "reason": str(refusal)}
        if refusal is not None:
            remedy = f"the policies of {event['key']} and of the backup's own key must let this account use them"
            return {"status": "key not accessible", "reason": f"{remedy}; {refusal}"}
    if event["waited"]:
        _record(world, event, "processing", {"copy": event["name"]})
    return {"status": "begun", "reason": ""}


def describe(world: World, event: Event) -> Mapping[str, Any]:
    """Say how far the copy is, by what name an event may tell of it, and once it is there what can be announced."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    snapshots = snapshots_like(world.clients, point.arn, event["region"])
    found = snapshots.made_by(event["tag"], event["name"])
    if not found:
        return {"status": "missing", "reason": "it cannot be found", "awaited": event["name"], "announcement": {}}
    made = found[0]
    status, reason = _status(made, event["key"])
    return {
        "status": status,
        "reason": reason,
        "awaited": snapshots.event_key(made),
        "announcement": asdict(_announcement(made, point, event)) if status == "available" else {},
    }


def _begin(snapshots: Snapshots, point: RecoveryPoint, event: Event) -> AwsCallFailed | None:
    """The refusal that is no failure, if there was one."""
    try:
        snapshots.begin_copy(
            point.arn, event["name"], key_arn=event["key"], tags={**event["tags"], RUN_TAG: event["tag"]}
        )
    except AwsCallFailed as refusal:
        code = refusal.facts["error_code"]
        if code in _NO_ROOM | _KEY_NOT_ACCESSIBLE:
            return refusal
        if code not in _BEGUN_ALREADY:
            raise
    return None


def _status(made: Snapshot, key_arn: str) -> tuple[str, str]:
    if made.has_failed:
        # Of a key that EBS may not use it says so only here.
        return "failed", made.reason or f"it is {made.status}: was the backup deleted, or a key disabled, meanwhile?"
    if not made.is_available:
        return "under way", made.status
    if made.key_arn != key_arn:
        return "failed", f"it is encrypted with {made.key_arn or 'no key'} instead of {key_arn}"
    return "available", ""


def _announcement(made: Snapshot, point: RecoveryPoint, event: Event) -> Announcement:
    return Announcement(
        snapshot_arn=made.arn,
        resource_type=point.resource_type,
        resource_arn=str(point.resource_arn),
        recovery_point_arn=str(point.arn),
        created_at=event["createdAt"],
        engine=made.engine,
        engine_version=made.engine_version,
        size_gib=made.size_gib,
        key_arn=made.key_arn,
        run=event["run"],
    )


def _record(world: World, event: Event, status: str, details: dict[str, Any]) -> None:
    ledger = Ledger(world.clients.dynamodb, event["ledger"], world.clock)
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    ledger.record_action(point, "offsite-copy", run=event["run"], status=status, details=details)
