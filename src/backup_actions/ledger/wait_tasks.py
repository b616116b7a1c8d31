"""The two ends of a wait that an event may end: a workflow's step, which begins it, and the function that wakes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger.waits import Waiter, Waits

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

log = logging.getLogger(__name__)

# How Step Functions refuses a token of a Task that has ended, by an earlier event or because its time was over.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html (Errors)
_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist"})


def await_event(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whoever holds the token waits for the key, until an event names it or the seconds are over."""
    waits = Waits(world.clients.dynamodb, event["ledger"], world.clock)
    waits.begin(event["key"], Waiter(event["owner"], event["token"]), seconds=event["seconds"])
    return {"key": event["key"]}


def wake(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nobody waits any more for the key that an event names. That nobody did, or no longer does, is no error.

    Raises what AWS refuses otherwise: Lambda calls again, and then the event goes to the dead-letter queue.
    """
    key = event["key"]
    waits = Waits(world.clients.dynamodb, world.environment["BACKUP_ACTIONS_LEDGER"], world.clock)
    woken = []
    for waiter in waits.waiting_for(key):
        if _goes_on(world.clients.stepfunctions, waiter):
            woken.append(waiter.owner)
        waits.forget(key, waiter)
    log.info("%s: %d woken", key, len(woken))
    return {"woken": woken}


def _goes_on(stepfunctions: SFNClient, waiter: Waiter) -> bool:
    """Whether the waiter was waiting until now."""
    try:
        with translated():
            stepfunctions.send_task_success(taskToken=waiter.token, output="{}")
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in _OVER:
            return False
        raise
    return True
