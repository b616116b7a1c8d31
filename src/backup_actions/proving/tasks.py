"""The short step of the machine: what follows from a proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.model.commands import DEFAULT_STACK
from backup_actions.proving import concluding
from backup_actions.proving.concluding import Place


def conclude(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ledger and people know what the job has stored. Raises NotVerified where it has stored nothing."""
    # A run that was begun by an older version does not name its stack.
    stack = event.get("stack", DEFAULT_STACK)
    place = Place(bucket=event["bucket"], ledger=event["ledger"], topic_arn=event["topicArn"], stack=stack)
    proof = concluding.conclude(world, place, event["proofKey"])
    return {"found": str(proof.found), "problems": [*proof.problems]}
