"""The first step: can the snapshot be copied and shared, and is it announced already?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from backup_actions.actions.offsite_copy.announced import AnnouncedCopies, Stage, stored_announcements
from backup_actions.actions.offsite_copy.cleaning import copy_of_run
from backup_actions.actions.offsite_copy.copyable import (
    OPTIONS_MAY_STAY,
    objection_to_key,
    objection_to_options,
    objection_to_point,
    objection_to_snapshot,
)
from backup_actions.actions.offsite_copy.snapshots import Snapshot, snapshots_like
from backup_actions.aws import World, translated
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_rds import RDSClient

Event = Mapping[str, Any]


def prepare(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether the snapshot can be copied; one that an earlier run has announced to no avail is announced again."""
    point, settings = RecoveryPoint.from_json(event["recoveryPoint"]), event["settings"]
    if because := objection_to_point(
        point, home=Arn.parse(event["key"]).account, account=settings["separated_account"]
    ):
        return _no(because)
    source = snapshots_like(world.clients, point.arn, world.clients.region).described(point.native_id)
    if source is None:
        return _no("there is no such snapshot any more: AWS Backup has let it go")
    because = objection_to_snapshot(source, tag_key=settings["tag_key"], tag_value=settings["tag_value"])
    because = because or _objection_to_options(world, source) or _objection_to_key(world, event["key"])
    if because:
        return _no(because)
    announced = _announced(world, event)
    return {
        "status": "announced" if announced else "copyable",
        "reason": "",
        "announcement": announced or {},
        "createdAt": source.created_at,
    }


def _no(reason: str) -> Mapping[str, Any]:
    return {"status": "not copyable", "reason": reason, "announcement": {}, "createdAt": ""}


def _objection_to_options(world: World, source: Snapshot) -> str | None:
    group = source.option_group
    if not source.engine.startswith(OPTIONS_MAY_STAY) or not group or group.startswith("default:"):
        return None
    return objection_to_options(group, _lasting_options(world.clients.rds, group))


def _lasting_options(rds: RDSClient, group: str) -> list[str]:
    with translated():
        (found,) = rds.describe_option_groups(OptionGroupName=group)["OptionGroupsList"]
    return [each["OptionName"] for each in found.get("Options", []) if each.get("Permanent") or each.get("Persistent")]


def _objection_to_key(world: World, key_arn: str) -> str | None:
    """Another region's key is met when it is used."""
    if Arn.parse(key_arn).region != world.clients.region:
        return None
    return objection_to_key(key_arn, _state_of(world.clients.kms, key_arn))


def _state_of(kms: KMSClient, key_arn: str) -> str:
    with translated():
        return kms.describe_key(KeyId=key_arn)["KeyMetadata"].get("KeyState", "unknown")


def _announced(world: World, event: Event) -> Mapping[str, Any] | None:
    """An announcement of an earlier run whose copy is still there; nobody has acknowledged it.

    Told to the same account, of a copy in the same region: what is acknowledged is then of this account for sure.
    """
    account, region = event["settings"]["separated_account"], Arn.parse(event["key"]).region
    copies = AnnouncedCopies(world.clients.dynamodb, event["ledger"], world.clock)
    for stored in stored_announcements(world.clients.s3, event["bucket"], event["prefix"]):
        known = copies.find(stored.announcement.snapshot_arn)
        is_waited_for = known and known.stage is Stage.ANNOUNCED and known.account == account
        is_where_wanted = Arn.parse(stored.announcement.snapshot_arn).region == region
        if is_waited_for and is_where_wanted and _is_there(world, stored.announcement):
            return asdict(stored.announcement)
    return None


def _is_there(world: World, announcement: Announcement) -> bool:
    found = copy_of_run(world, announcement.snapshot_arn, announcement.run)
    return found is not None and found.is_available
