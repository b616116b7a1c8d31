"""What hears announcements: from a message to one execution of the import machine, or to a dead letter with a reason.

No call is made before everything was judged that can be judged without one, and none that changes anything before
AWS has confirmed what was announced.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.executions import begin, find_execution
from backup_actions.errors import AnnouncementRefused, MalformedMessage, NotShared
from backup_actions.model.arn import Arn
from backup_actions.model.json_types import JsonObject
from backup_actions.offsite.acknowledging import send_acknowledgement
from backup_actions.offsite.claims import Claimed, claimed_in
from backup_actions.offsite.comparing import objections_to_shared
from backup_actions.offsite.daily_quota import DailyQuota
from backup_actions.offsite.imports import Import, Imports, Stage
from backup_actions.offsite.kinds import snapshots_like
from backup_actions.offsite.naming import copy_name, execution_name
from backup_actions.offsite.settings import ImportSettings

log = logging.getLogger(__name__)

_LOOKS = 3
"""A snapshot that was shared a moment ago may not be visible yet: the message is then left to come again."""


def receive(world: World, event: Mapping[str, Any]) -> Mapping[str, str]:
    """Begin the import that a message announces, once however often it is announced.

    What is not understood or not true is a dead letter with the reason. Raises NotShared for the first looks at a
    snapshot that cannot be seen, and what AWS refuses otherwise: the message comes again then.
    """
    (record,) = event["Records"]
    settings = ImportSettings.from_json(json.loads(world.environment["BACKUP_ACTIONS_SETTINGS"]))
    here = Arn.parse(_machine_arn(world))
    try:
        claimed = claimed_in(record["body"], settings, here=here, now=world.clock.now())
        return _heard(world, settings, claimed)
    except NotShared as unseen:
        if int(record["attributes"]["ApproximateReceiveCount"]) < _LOOKS:
            raise
        return _bury(world, record["body"], str(unseen))
    except (MalformedMessage, AnnouncementRefused) as wrong:
        return _bury(world, record["body"], str(wrong))


def _heard(world: World, settings: ImportSettings, claimed: Claimed) -> Mapping[str, str]:
    """What follows from what is known of the import. Raises AnnouncementRefused or NotShared."""
    known = _imports(world).find(claimed.announcement.snapshot_arn)
    if known is None:
        _confirm(world, claimed)
        _count(world, settings, claimed)
        return _begin(world, settings, claimed, _first_attempt(claimed))
    if known.announcement_sha256 != claimed.sha256:
        raise AnnouncementRefused(reason="its snapshot was announced before, and otherwise")
    if known.stage is Stage.REMOVED or known.leaving_since:
        raise AnnouncementRefused(reason="it was announced before, and what became of it has been removed since")
    if known.stage is Stage.ACKNOWLEDGED and _is_there(world, known):
        send_acknowledgement(world, _imports(world), settings, claimed.source, known)
        return {"acknowledged": known.imported_arn}
    if known.stage is Stage.IMPORTING:
        begun = _start(world, claimed, known)
        execution = find_execution(world.clients.stepfunctions, _machine_arn(world), known.execution)
        if "started" in begun or (execution and execution.is_running):
            return begun
        # It was cut short, and what cleans up after it has not come to that yet, or never will.
    elif not known.is_verified:
        _confirm(world, claimed)
    if known.stage is Stage.ACKNOWLEDGED or known.attempt % settings.attempts == 0:
        # Not one more attempt of those that an import has, but all of them anew.
        _count(world, settings, claimed)
    return _begin(world, settings, claimed, _next_attempt(known))


def _is_there(world: World, known: Import) -> bool:
    """Whether the import can be acknowledged again: somebody may have deleted it by hand."""
    announced, imported = known.announcement, Arn.parse(known.imported_arn)
    copies = snapshots_like(world, announced.resource_type, imported).own(copy_name(announced))
    return any(copy.arn == known.imported_arn and copy.state == "available" for copy in copies)


def _confirm(world: World, claimed: Claimed) -> None:
    """AWS says the same. Raises AnnouncementRefused or NotShared."""
    announced = claimed.announcement
    arn = Arn.parse(announced.snapshot_arn)
    shared = snapshots_like(world, announced.resource_type, arn).shared(announced.snapshot_arn)
    if shared is None:
        raise NotShared(snapshot=announced.snapshot_arn, reason="AWS shows none to this account")
    if objections := objections_to_shared(announced, claimed.source.account, shared):
        raise AnnouncementRefused(reason="; ".join(objections))


def _count(world: World, settings: ImportSettings, claimed: Claimed) -> None:
    """It is one of the imports that its source has today. Raises AnnouncementRefused where it has had all of them."""
    account, at_most = claimed.source.account, settings.per_source_and_day
    table = world.environment["BACKUP_ACTIONS_LEDGER"]
    if not DailyQuota(world.clients.dynamodb, table, world.clock, account, at_most).take_one():
        raise AnnouncementRefused(
            reason=f"the account {account} has had its {at_most} imports of today: send this to the queue of "
            "announcements tomorrow, or raise imports.per_source_and_day if all of them are wanted"
        )


def _first_attempt(claimed: Claimed) -> Import:
    return Import(
        announcement=claimed.announcement,
        announcement_sha256=claimed.sha256,
        stage=Stage.IMPORTING,
        attempt=1,
        execution=execution_name(claimed.announcement, 1),
    )


def _next_attempt(known: Import) -> Import:
    attempt = known.attempt + 1
    execution = execution_name(known.announcement, attempt)
    return replace(known, stage=Stage.IMPORTING, attempt=attempt, execution=execution, problem="")


def _begin(world: World, settings: ImportSettings, claimed: Claimed, wanted: Import) -> Mapping[str, str]:
    begun = _imports(world).stand(wanted)
    if begun is None:  # somebody was quicker: what stands there now decides
        return _heard(world, settings, claimed)
    return _start(world, claimed, begun)


def _start(world: World, claimed: Claimed, begun: Import) -> Mapping[str, str]:
    announced = claimed.announcement
    told: JsonObject = {
        "message": claimed.message,
        "announcement": announced.to_bytes().decode(),
        "attempt": begun.attempt,
        "recoveryPoint": begun.source_point.to_json(),
    }
    if begin(world.clients.stepfunctions, _machine_arn(world), begun.execution, told):
        return {"started": begun.execution}
    log.info("%s was announced before", announced.snapshot_arn)
    return {"already": begun.execution}


def _machine_arn(world: World) -> str:
    return world.environment["BACKUP_ACTIONS_IMPORT_MACHINE"]


def _imports(world: World) -> Imports:
    return Imports(world.clients.dynamodb, world.environment["BACKUP_ACTIONS_LEDGER"], world.clock)


def _bury(world: World, body: str, reason: str) -> Mapping[str, str]:
    log.error("dead letter: %s", reason)
    with translated():
        world.clients.sqs.send_message(
            QueueUrl=world.environment["BACKUP_ACTIONS_DEAD_LETTERS"],
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1024]}},
        )
    return {"buried": reason}
