"""The step that begins a copy, and the step that looks whether it has come to what was announced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.errors import (
    AwsCallFailed,
    BackupActionsError,
    CopyFailed,
    ImportUnlike,
    KeyNotAccessible,
    NotShared,
    QuotaExceeded,
)
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.offsite.comparing import objections_to_copy, tags_of_copy
from backup_actions.offsite.keys import unusable_key
from backup_actions.offsite.kinds import snapshots_like
from backup_actions.offsite.naming import copy_name
from backup_actions.offsite.snapshots import Order, Snapshot, is_gone

Event = Mapping[str, Any]

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBSnapshot.html (Errors)
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_QUOTAS = frozenset(
    {
        "ConcurrentSnapshotLimitExceeded",
        "ResourceLimitExceeded",
        "SharedSnapshotQuotaExceeded",
        "SnapshotLimitExceeded",
        "SnapshotQuotaExceeded",
    }
)
_KEYS = frozenset({"KMSKeyNotAccessibleFault"})

# With the pauses between them 7 minutes: what EC2 has begun it may show a while later only.
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
_LOOKS_UNTIL_SEEN = 5


def copy(world: World, event: Event) -> Mapping[str, Any]:
    """A copy is being made, or there is one already; ``problem`` names what has to change before there can be one.

    ``copyArn`` is the copy's where this call has begun it.
    """
    announced = Announcement.from_text(event["announcement"])
    order = Order(
        snapshot_arn=announced.snapshot_arn,
        name=copy_name(announced),
        key_arn=event["key"],
        tags=tags_of_copy(announced, copy_name(announced), event["securityTag"]),
    )
    snapshots, begun = snapshots_like(world, announced.resource_type, Arn.parse(event["key"])), ""
    try:
        if not snapshots.own(order.name):
            begun = snapshots.begin_copy(order)
    except AwsCallFailed as refusal:
        problem = _named(world, refusal, announced, order)
        if problem is None:
            raise
        return {"problem": told(problem), "quota": isinstance(problem, QuotaExceeded), "copyArn": ""}
    return {"problem": None, "quota": False, "copyArn": begun}


def inspect(world: World, event: Event) -> Mapping[str, Any]:
    """How far the copy is: ``copying``, ``verified`` with its ARN, or ``failed`` with a problem.

    ``event`` is what events call it.
    """
    announced = Announcement.from_text(event["announcement"])
    name, key_arn = copy_name(announced), event["key"]
    copies = snapshots_like(world, announced.resource_type, Arn.parse(key_arn)).own(name, event["copyArn"])
    if not copies:
        if event["looks"] < _LOOKS_UNTIL_SEEN:
            return _copying("not shown yet", event["copyArn"])
        return _failed(CopyFailed(name=name, reason="it is not there any more"))
    (first, *_) = copies
    if first.state == "copying":
        return _copying(first.status, first.arn)
    if first.state == "failed":
        return _failed(_why_failed(world, announced, first, name, key_arn))
    tags = tags_of_copy(announced, name, event["securityTag"])
    if objections := objections_to_copy(announced, first, key_arn=key_arn, tags=tags):
        return _failed(ImportUnlike(snapshot=first.arn, reason="; ".join(objections)))
    return {
        "state": "verified",
        "status": first.status,
        "problem": None,
        "importedArn": first.arn,
        "sizeGib": first.size_gib,
    }


def told(problem: BackupActionsError) -> Mapping[str, str]:
    """A problem as the workflow keeps it."""
    return {"error": type(problem).__name__, "cause": f"{problem}; {problem.hint}"}


def _copying(status: str, arn: str) -> Mapping[str, Any]:
    # A copy that was begun without an answer has no name in events yet; then the wait ends by itself.
    return {"state": "copying", "status": status, "problem": None, "event": _name_in_events(arn) if arn else "unknown"}


def _name_in_events(copy_arn: str) -> str:
    """RDS's events have its ARN, EBS's one of another form, with the region where the account would be.

    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html#copy-snapshot-complete
    """
    arn = Arn.parse(copy_arn)
    return f"arn:{arn.partition}:ec2::{arn.region}:{arn.resource}" if arn.service == "ec2" else copy_arn


def _failed(problem: BackupActionsError) -> Mapping[str, Any]:
    return {"state": "failed", "status": "failed", "problem": told(problem)}


def _named(world: World, refusal: AwsCallFailed, announced: Announcement, order: Order) -> BackupActionsError | None:
    """What a refused copy means to people; None where that is not known."""
    code, reason = refusal.facts["error_code"], refusal.facts["reason"]
    if is_gone(refusal):
        return NotShared(snapshot=announced.snapshot_arn, reason=reason)
    if code in _QUOTAS:
        return QuotaExceeded(reason=reason)
    keys = (order.key_arn, announced.key_arn)
    if code in _KEYS:
        return unusable_key(world, keys) or KeyNotAccessible(keys=" or ".join(keys), reason=reason)
    return unusable_key(world, keys)


def _why_failed(
    world: World, announced: Announcement, came_to: Snapshot, name: str, key_arn: str
) -> BackupActionsError:
    """Neither RDS nor EBS says much of a copy that has failed: the usual causes are looked for."""
    if problem := unusable_key(world, (key_arn, announced.key_arn)):
        return problem
    arn = Arn.parse(announced.snapshot_arn)
    if snapshots_like(world, announced.resource_type, arn).shared(announced.snapshot_arn) is None:
        return NotShared(snapshot=announced.snapshot_arn, reason=f"it went away while it was copied ({came_to.status})")
    return CopyFailed(name=name, reason=came_to.status)
