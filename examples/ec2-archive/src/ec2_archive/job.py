"""The long steps: archive every disk of an AMI with its description, and read all of that back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from backup_actions.archive import ArchiveOptions, S3Store, SnapshotBlocks, archive, verify
from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, read_object, stand_once, write_document
from backup_actions.errors import NotVerified, SourceUnreadable
from backup_actions.model.manifest import Manifest
from backup_actions.model.report import Artifact

from ec2_archive.places import IMAGE_NAME, MANIFEST_NAME, disk_folder, verification_key

Event = Mapping[str, Any]

_MEMORY_MIB = 1024  # half of what the container has
_CHECKPOINT_SECONDS = 30.0  # what a host takes with it when it is lost without a notice


def archive_image(world: World, event: Event) -> None:
    """Disks and description stand below the prefix, and a manifest that names them. Raises SourceUnreadable.

    It goes on with what an earlier attempt of the run has left.
    """
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    manifest_key = f"{prefix}/{MANIFEST_NAME}"
    if read_object(s3, bucket, manifest_key) is not None:
        world.progress.note("an earlier attempt has completed the archive")
        return
    described = _described(world, event["recoveryPoint"]["nativeId"])
    disks = [_archived(world, event, device, snapshot) for device, snapshot in _snapshots(described["image"])]
    image_key = f"{prefix}/{event['run']}/{IMAGE_NAME}"
    write_document(s3, bucket, image_key, described)
    keys = [image_key, *(key for disk in disks for key in disk["keys"])]
    objects = [asdict(found) for key in keys if (found := describe_object(s3, bucket, key))]
    manifest = {
        "recovery_point": event["recoveryPoint"],
        "image": image_key.removeprefix(f"{prefix}/"),
        "disks": [{name: value for name, value in disk.items() if name != "keys"} for disk in disks],
        "objects": objects,
        "usage": {event["run"]: world.clients.requests.usage},
    }
    stand_once(s3, bucket, manifest_key, json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n")


def verify_image(world: World, event: Event) -> None:
    """The verification stands in the evidence; whether it is good is said in it, not by this job's exit code."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    stored = read_object(s3, bucket, f"{prefix}/{MANIFEST_NAME}")
    if stored is None:
        raise NotVerified(reason=f"there is no {prefix}/{MANIFEST_NAME}")
    manifest = json.loads(stored)
    reports = [(disk["device"], verify(_store(world, event, disk["folder"]))) for disk in manifest["disks"]]
    problems = [f"{device}: {each.object}: {each.reason}" for device, report in reports for each in report.problems]
    for each in manifest["objects"]:
        if describe_object(s3, bucket, each["key"]) != Artifact(**each):
            problems.append(f"{each['key']} is not what was stored")
    document: dict[str, Any] = {
        "verified": not problems,
        "manifest_sha256": hashlib.sha256(stored).hexdigest(),
        "problems": problems,
        "bytes_read": sum(report.bytes_read for _, report in reports),
        "verified_at": world.clock.now().isoformat(),
        "usage": world.clients.requests.usage,
    }
    write_document(s3, bucket, verification_key(event["evidencePrefix"]), document)


def _described(world: World, image_id: str) -> dict[str, Any]:
    """All that EC2 says of the image, as JSON: what is needed to register it again."""
    ec2 = world.clients.ec2
    with translated():
        (image,) = ec2.describe_images(ImageIds=[image_id])["Images"]
        attribute = ec2.describe_image_attribute(ImageId=image_id, Attribute="launchPermission")
    found = {"image": image, "launch_permissions": attribute.get("LaunchPermissions", [])}
    described: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return described


def _snapshots(image: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Device and snapshot of each disk; instance store has none. Raises SourceUnreadable where there is no disk."""
    found = [
        (mapping["DeviceName"], mapping["Ebs"]["SnapshotId"])
        for mapping in image["BlockDeviceMappings"]
        if mapping.get("Ebs", {}).get("SnapshotId")
    ]
    if not found:
        raise SourceUnreadable(what=image["ImageId"], reason="it has no disk with a snapshot")
    yield from found


def _archived(world: World, event: Event, device: str, snapshot_id: str) -> dict[str, Any]:
    """What is stored of one disk: an archive in a folder of its own, which every command for archives can read."""
    folder = disk_folder(event["run"], device)
    store = _store(world, event, folder)
    if store.describe(MANIFEST_NAME) is None:
        world.progress.note(f"archiving {device}, {snapshot_id}")
        archive(
            SnapshotBlocks(world.clients.ebs, snapshot_id, clock=world.clock, is_new=True),
            store,
            options=ArchiveOptions(codec=event["settings"]["codec"], memory_mib=_MEMORY_MIB),
            name=snapshot_id,
            recovery_point=event["recoveryPoint"],
            progress=world.progress,
            clock=world.clock,
            checkpoint_seconds=_CHECKPOINT_SECONDS,
        )
    manifest = Manifest.from_bytes(store.read(MANIFEST_NAME))
    names = [MANIFEST_NAME, *(member.object.name for member in manifest.members)]
    return {
        "device": device,
        "snapshot_id": snapshot_id,
        "folder": folder,
        "source_bytes": manifest.source_bytes,
        "keys": [f"{event['prefix']}/{folder}/{name}" for name in names],
    }


def _store(world: World, event: Event, folder: str) -> S3Store:
    return S3Store(
        client=world.clients.s3,
        bucket=event["bucket"],
        prefix=f"{event['prefix']}/{folder}",
        storage_class=event["storageClass"],
    )
