"""The two steps that workflows hold a lease by: hold (and renew), and release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.ledger.leases import Leases
from backup_actions.ledger.record_tasks import record

Event = Mapping[str, Any]

# Far longer than the longest wait between two renewals, so that only who is dead loses a slot.
_HELD_FOR_SECONDS = 3 * 3600


def hold(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether the run holds a slot now; one that has to wait stands in the ledger as waiting, and for whom."""
    leases = _leases(world, event)
    lease = leases.hold(event["owner"], seconds=_HELD_FOR_SECONDS)
    if lease is None:
        if not event["atWork"]:  # else what the slot is for goes on without it
            holders = sorted(other.owner for other in leases.held())
            details = {"for": event["quota"], "slots": event["slots"], "held_by": holders}
            record(world, {**event, "status": "waiting", "details": details})
        return {"held": False, "slot": None}
    if event["waited"]:
        record(world, {**event, "status": "processing", "details": {"slot": lease.slot}})
    return {"held": True, "slot": lease.slot}


def release(world: World, event: Event) -> Mapping[str, Any]:
    """The run holds no slot any more."""
    _leases(world, event).release(event["owner"])
    return {"released": True}


def _leases(world: World, event: Event) -> Leases:
    return Leases(world.clients.dynamodb, event["ledger"], world.clock, quota=event["quota"], slots=event["slots"])
