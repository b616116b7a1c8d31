"""The copy that a run has made is unshared and deleted, unless the separated account may still have to import it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.actions.offsite_copy.announced import AnnouncedCopies, Stage, stored_announcements
from backup_actions.actions.offsite_copy.places import RUN_TAG, run_tag
from backup_actions.actions.offsite_copy.snapshots import GONE, Snapshot, Snapshots, native_id_of, snapshots_like
from backup_actions.aws import World
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

Event = Mapping[str, Any]

# What is still being copied, or is being deleted already, is asked for again in the next round.
_NOT_YET = frozenset(
    {
        "IncorrectState",
        "InvalidDBClusterSnapshotStateFault",
        "InvalidDBSnapshotState",
        "InvalidDBSnapshotStateFault",
        "InvalidSnapshot.InUse",
    }
)


def clean(world: World, event: Event) -> Mapping[str, Any]:
    """Remove what can be removed, and name what is not gone yet: such a round is repeated until nothing is named.

    An announced copy stays until it is acknowledged: who heard of it may be importing it.
    """
    point, account = RecoveryPoint.from_json(event["recoveryPoint"]), event["account"]
    copies = AnnouncedCopies(world.clients.dynamodb, event["ledger"], world.clock)
    snapshots = snapshots_like(world.clients, point.arn, event["region"])
    made = snapshots.made_by(run_tag(event["run"]), event["name"])
    kept = [each.arn for each in made if _stage(copies, each.arn) is Stage.ANNOUNCED]
    pending = [_removed(snapshots, each, account) for each in made if each.arn not in kept]
    # An earlier run's copy may have been announced again and acknowledged now.
    for stored in stored_announcements(world.clients.s3, event["bucket"], event["prefix"]):
        said, known = stored.announcement, copies.find(stored.announcement.snapshot_arn)
        if known and known.stage is Stage.ACKNOWLEDGED:
            pending.append(remove_copy(world, said.snapshot_arn, run=said.run, account=known.account or account))
    return {"pending": sorted({each for each in pending if each}), "kept": kept}


def _stage(copies: AnnouncedCopies, snapshot_arn: str) -> Stage | None:
    known = copies.find(snapshot_arn)
    return known.stage if known else None


def remove_copy(world: World, snapshot_arn: str, *, run: str, account: str) -> str:
    """Remove a shared copy that carries the run's tag; say what is not gone yet, or nothing."""
    arn, found = Arn.parse(snapshot_arn), copy_of_run(world, snapshot_arn, run)
    return _removed(snapshots_like(world.clients, arn, arn.region), found, account) if found else ""


def copy_of_run(world: World, snapshot_arn: str, run: str) -> Snapshot | None:
    """The snapshot, if it is there and carries the run's tag."""
    arn = Arn.parse(snapshot_arn)
    found = snapshots_like(world.clients, arn, arn.region).described(native_id_of(arn))
    return found if found and found.tags.get(RUN_TAG) == run_tag(run) else None


def _removed(snapshots: Snapshots, found: Snapshot, account: str) -> str:
    """What is left to wait for: EBS forgets a snapshot at once, RDS takes its time."""
    native_id = native_id_of(Arn.parse(found.arn))
    try:
        if found.is_available:
            snapshots.stop_sharing(native_id, account)
        snapshots.delete_copy(native_id)
    except AwsCallFailed as refusal:
        code = refusal.facts["error_code"]
        if code in GONE:
            return ""
        if code not in _NOT_YET:
            raise
    return f"the copy {native_id} is not gone yet" if snapshots.described(native_id) else ""
