"""What the action is tried on by its tests and by ``backup-actions demo --action ec2-archive``."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from backup_actions.archive import Archive, FolderStore
from backup_actions_local.cloud import Cloud
from backup_actions_local.samples import Kept, Sample

_MIB = 1 << 20


def sample(cloud: Cloud) -> Sample:
    """An instance with two disks, of which AWS Backup makes an image."""
    folder = cloud.directory / "ec2-archive"
    folder.mkdir(parents=True)
    disks = {device: _disk(folder / device.rpartition("/")[2]) for device in ("/dev/xvda", "/dev/sdf")}
    zone = cloud.place.zones[0]
    instance = cloud.machines.make_instance(
        {device: cloud.store.make_volume(disk, zone=zone) for device, disk in disks.items()}
    )

    def complaints(kept: Kept) -> Iterator[str]:
        yield from _complaints(kept, disks, folder / "restored")

    return Sample(
        story="an instance with two disks, of which AWS Backup makes an image",
        resource_arn=cloud.place.arn("ec2", f"instance/{instance}"),
        complaints=complaints,
    )


def _complaints(kept: Kept, disks: Mapping[str, Path], folder: Path) -> Iterator[str]:
    """What is wrong with the disks as `backup-actions extract --disk` writes them, and with the description."""
    prefix = kept.report["manifest_key"].rpartition("/")[0]
    described = json.loads(kept.read(f"{prefix}/{kept.report['summary']['image']}"))
    devices = [mapping["DeviceName"] for mapping in described["image"]["BlockDeviceMappings"]]
    if devices != list(disks) or described["image"]["BootMode"] != "uefi":
        yield f"the description is of {devices}, {described['image']['BootMode']}"
    if missing := {"job_attempts", "snapshot_blocks", "put_requests", "get_requests"} - kept.report["usage"].keys():
        yield f"nobody has counted {', '.join(sorted(missing))}"
    for disk in kept.report["summary"]["disks"]:
        inside, place = f"{prefix}/{disk['folder']}/", folder / disk["folder"]
        for artifact in kept.report["artifacts"]:
            if artifact["key"].startswith(inside):
                path = place / artifact["key"].removeprefix(inside)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(kept.read(artifact["key"]))
        restored = folder / f"{disk['snapshot_id']}.img"
        Archive.open(FolderStore(place)).rebuild_disk(restored)
        original = disks[disk["device"]].read_bytes()
        with restored.open("rb") as reading:  # EBS rounds sizes up to whole GiB
            if reading.read(len(original)) != original:
                yield f"{disk['device']} comes back with other bytes"


def _disk(path: Path) -> Path:
    """Some MiB of which the beginning is written; what is on it is nobody's business here."""
    path.write_bytes(random.Random(path.name).randbytes(_MIB) + bytes(3 * _MIB))
    return path
