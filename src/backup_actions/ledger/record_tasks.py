"""The step by which a workflow says in the ledger how an action stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.ledger.ledger import Ledger
from backup_actions.model.recovery_point import RecoveryPoint


def record(world: World, event: Mapping[str, Any]) -> Mapping[str, str]:
    """The ledger says that the run waits, and for what, or that it goes on."""
    ledger = Ledger(world.clients.dynamodb, event["ledger"], world.clock)
    point, status = RecoveryPoint.from_json(event["recoveryPoint"]), event["status"]
    ledger.record_action(point, event["action"], run=event["run"], status=status, details=event["details"])
    return {"status": status}
