"""The copy is shared, and the separated account is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.actions.offsite_copy.announced import Announced, AnnouncedCopies
from backup_actions.actions.offsite_copy.places import announcement_key
from backup_actions.actions.offsite_copy.snapshots import native_id_of, snapshots_like
from backup_actions.aws import World, translated
from backup_actions.aws.documents import stand_once
from backup_actions.errors import NotVerified
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement, sha256_of

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

Event = Mapping[str, Any]


def share(world: World, event: Event) -> Mapping[str, str]:
    """The separated account can see the copy, and copy it."""
    arn = Arn.parse(event["announcement"]["snapshot_arn"])
    snapshots_like(world.clients, arn, arn.region).share_with(native_id_of(arn), event["account"])
    return {"sharedWith": event["account"]}


def announce(world: World, event: Event) -> Mapping[str, str]:
    """The announcement was published and stands in the bucket; again it is the same to the byte.

    It is published last: what was heard of can be acknowledged at once, and its copy is not removed any more. Raises
    NotVerified where the copy is being removed already.
    """
    announcement = Announcement(**event["announcement"])
    message, key = announcement.to_bytes(), announcement_key(event["prefix"], announcement.run)
    if stand_once(world.clients.s3, event["bucket"], key, message) != message:
        raise NotVerified(reason=f"another announcement stands at {key}")
    wanted = Announced(
        snapshot_arn=announcement.snapshot_arn,
        resource_arn=announcement.resource_arn,
        resource_type=announcement.resource_type,
        run=announcement.run,
        sha256=sha256_of(message),
        size_gib=announcement.size_gib,
        manifest_key=key,
        evidence_prefix=event["evidencePrefix"],
        announced_at=world.clock.now().isoformat(),
        account=event["account"],
    )
    if AnnouncedCopies(world.clients.dynamodb, event["ledger"], world.clock).announce(wanted):
        _publish(world.clients.sns, event["topic"], message)
    return {"key": key, "sha256": sha256_of(message)}


def _publish(sns: SNSClient, topic: str, message: bytes) -> None:
    with translated():
        sns.publish(TopicArn=topic, Message=message.decode())
