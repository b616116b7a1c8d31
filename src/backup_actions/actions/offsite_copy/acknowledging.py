"""The inbox of acknowledgements: what the separated account says becomes evidence, if it fits what was announced.

The role of this function is the only one that can write that evidence.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backup_actions.actions.offsite_copy.announced import Announced, AnnouncedCopies
from backup_actions.actions.offsite_copy.cleaning import remove_copy
from backup_actions.actions.offsite_copy.places import acknowledgement_key
from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, stand_once
from backup_actions.errors import CopyNotGone, MalformedMessage
from backup_actions.ledger.wait_tasks import wake
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Acknowledgement

Event = Mapping[str, Any]

log = logging.getLogger(__name__)


def acknowledge(world: World, event: Event) -> Mapping[str, Any]:
    """The evidence stands and who waits for it goes on; where nobody does any more, the copy is gone.

    What fits no announcement becomes a dead letter with the reason, and nothing else comes of it. Raises CopyNotGone:
    then the message comes again.
    """
    (record,) = event["Records"]
    try:
        acknowledgement = Acknowledgement.from_text(record["body"])
        announced = _announced(world, acknowledgement)
    except MalformedMessage as wrong:
        _bury(world, record["body"], str(wrong))
        return {"refused": str(wrong)}
    _write_evidence(world, acknowledgement, announced)
    _copies(world).acknowledge(announced.snapshot_arn)
    woken = wake(world, {"key": announced.snapshot_arn})["woken"]
    if not woken:  # a run that only happens to look away finds the evidence, and its copy gone
        account = announced.account or _settings(world)["separated_account"]
        if pending := remove_copy(world, announced.snapshot_arn, run=announced.run, account=account):
            raise CopyNotGone(what=pending)
    return {"acknowledged": announced.snapshot_arn, "woken": woken}


def _announced(world: World, acknowledgement: Acknowledgement) -> Announced:
    """What is acknowledged. Raises MalformedMessage for what does not fit it."""
    announced = _copies(world).find(acknowledgement.snapshot_arn)
    if announced is None:
        raise MalformedMessage(reason=f"{acknowledgement.snapshot_arn} was never announced")
    if acknowledgement.announcement_sha256 != announced.sha256 or acknowledgement.run != announced.run:
        raise MalformedMessage(reason=f"{acknowledgement.snapshot_arn} was announced in other words")
    if acknowledgement.size_gib != announced.size_gib:
        raise MalformedMessage(reason=f"{acknowledgement.snapshot_arn} has another size")
    ours, imported = Arn.parse(announced.snapshot_arn), Arn.parse(acknowledgement.imported_arn)
    # An ARN of EBS names no account.
    account = "" if imported.service == "ec2" else announced.account or _settings(world)["separated_account"]
    is_like_ours = (imported.service, imported.account, _kind(imported)) == (ours.service, account, _kind(ours))
    if not is_like_ours or imported == ours:
        raise MalformedMessage(reason=f"{imported} is no import of {ours} by the separated account")
    if describe_object(world.clients.s3, world.environment["BACKUP_ACTIONS_BUCKET"], announced.manifest_key) is None:
        raise MalformedMessage(reason=f"there is no {announced.manifest_key}, which it would be the evidence of")
    return announced


def _kind(arn: Arn) -> str:
    """``snapshot`` or ``cluster-snapshot``."""
    return arn.resource.replace("/", ":").partition(":")[0]


def _write_evidence(world: World, acknowledgement: Acknowledgement, announced: Announced) -> None:
    document = {
        "format": "backup-actions/offsite-evidence",
        "format_version": 1,
        "verified": True,
        "problems": [],
        "manifest_key": announced.manifest_key,
        "manifest_sha256": announced.sha256,
        "account": announced.account,
        "acknowledgement": asdict(acknowledgement),
        "received_at": world.clock.now().isoformat(),
    }
    content = json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
    key = acknowledgement_key(announced.evidence_prefix, announced.run)
    stand_once(world.clients.s3, world.environment["BACKUP_ACTIONS_BUCKET"], key, content)


def _copies(world: World) -> AnnouncedCopies:
    return AnnouncedCopies(world.clients.dynamodb, world.environment["BACKUP_ACTIONS_LEDGER"], world.clock)


def _settings(world: World) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = json.loads(world.environment["BACKUP_ACTIONS_SETTINGS"])
    return settings


def _bury(world: World, body: str, reason: str) -> None:
    log.error("dead letter: %s", reason)
    with translated():
        world.clients.sqs.send_message(
            QueueUrl=world.environment["BACKUP_ACTIONS_DEAD_LETTERS"],
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1024]}},
        )
