"""The intake: from an event to one execution of the main machine."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.executions import begin_life
from backup_actions.errors import MalformedEvent
from backup_actions.model.event import Ignored, parse_event
from backup_actions.model.recovery_point import RecoveryPoint

log = logging.getLogger(__name__)


def intake(world: World, event: Mapping[str, Any]) -> Mapping[str, str]:
    """Start the main machine for the recovery point that the event announces, once however often it is announced.

    What announces none is ignored with a reason; what cannot be understood goes to the dead-letter queue with one.
    """
    try:
        point = parse_event(event)
    except MalformedEvent as wrong:
        _bury(world, event, str(wrong))
        return {"buried": str(wrong)}
    if isinstance(point, Ignored):
        log.info("ignored: %s", point.reason)
        return {"ignored": point.reason}
    watched = world.environment["BACKUP_ACTIONS_VAULTS"].split(",")
    if point.vault_name not in watched:
        reason = f"vault {point.vault_name} is not watched"
        log.info("ignored: %s", reason)
        return {"ignored": reason}
    return _start(world, point)


def _start(world: World, point: RecoveryPoint) -> Mapping[str, str]:
    name, machine = point.execution_name, world.environment["BACKUP_ACTIONS_MAIN_MACHINE"]
    if begin_life(world.clients.stepfunctions, machine, point, name):
        return {"started": name}
    log.info("%s was announced before", point.arn)
    return {"already": name}


def _bury(world: World, event: Mapping[str, Any], reason: str) -> None:
    log.error("dead letter: %s", reason)
    with translated():
        world.clients.sqs.send_message(
            QueueUrl=world.environment["BACKUP_ACTIONS_DEAD_LETTERS"],
            MessageBody=json.dumps(event, default=str),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1024]}},
        )
