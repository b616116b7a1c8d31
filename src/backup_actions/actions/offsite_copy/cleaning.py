"""The copy that a run has made is unshared and deleted, unless the separated account may still have to import it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.actions.offsite_copy.places import RUN_TAG, acknowledgement_key, announcement_key, run_tag
from backup_actions.actions.offsite_copy.snapshots import GONE, Snapshot, Snapshots, native_id_of, snapshots_like
from backup_actions.aws import World
from backup_actions.aws.documents import describe_object, read_document
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
    s3, bucket = world.clients.s3, event["bucket"]
    evidence = read_document(s3, bucket, acknowledgement_key(event["evidencePrefix"]))
    announced = describe_object(s3, bucket, announcement_key(event["prefix"], event["run"]))
    if evidence is None and announced is not None:
        return {"pending": [], "kept": event["name"]}
    point, account = RecoveryPoint.from_json(event["recoveryPoint"]), event["account"]
    snapshots = snapshots_like(world.clients, point.arn, event["region"])
    made = snapshots.made_by(run_tag(event["run"]), event["name"])
    pending = [_removed(snapshots, each, account) for each in made]
    if evidence is not None:  # of an earlier run, maybe
        acknowledged = evidence["acknowledgement"]
        pending.append(remove_copy(world, acknowledged["snapshot_arn"], run=acknowledged["run"], account=account))
    return {"pending": sorted({each for each in pending if each}), "kept": ""}


def remove_copy(world: World, snapshot_arn: str, *, run: str, account: str) -> str:
    """Remove a shared copy that carries the run's tag; say what is not gone yet, or nothing."""
    arn = Arn.parse(snapshot_arn)
    snapshots = snapshots_like(world.clients, arn, arn.region)
    found = snapshots.described(native_id_of(arn))
    return _removed(snapshots, found, account) if found and found.tags.get(RUN_TAG) == run_tag(run) else ""


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
