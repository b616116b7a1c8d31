"""What the action is tried on by its tests and by ``backup-actions demo --action vault-copy``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backup_actions_local.cloud import Cloud
from backup_actions_local.samples import Kept, Sample

_VAULT = "second"


def sample(cloud: Cloud) -> Sample:
    """A volume with a tag, of which AWS Backup makes a backup, and a second vault."""
    image = _image(cloud.directory / "vault-copy")
    volume = cloud.store.make_volume(image, zone=cloud.place.zones[0], tags={"copy": "yes"})
    vault = cloud.vaults.make_vault(_VAULT)

    def complaints(kept: Kept) -> Iterator[str]:
        copies = cloud.vaults.points(_VAULT)
        if [each.arn for each in copies] != [kept.report["summary"]["copy"]]:
            yield f"there are {len(copies)} copies, and not the one that was reported"
        for copy in copies:
            if cloud.store.snapshot(copy.of.native_id).image.read_bytes() != image.read_bytes():
                yield "the copy has other bytes than the volume"
            if copy.lifecycle != {"DeleteAfterDays": 90}:
                yield f"AWS Backup would keep the copy for {copy.lifecycle}"

    def left_behind() -> Iterator[str]:
        if len(cloud.vaults.points(_VAULT)) > 1:
            yield "more than one copy"

    return Sample(
        story="a volume whose tag wants its backups in a second vault",
        resource_arn=cloud.place.arn("ec2", f"volume/{volume}"),
        settings={
            "destination_vault_arn": vault.arn,
            "copy_role_arn": cloud.place.role_arn("backup"),
            "delete_after_days": 90,
        },
        complaints=complaints,
        left_behind=left_behind,
    )


def _image(folder: Path) -> Path:
    folder.mkdir(parents=True)
    path = folder / "disk.img"
    path.write_bytes(b"what is on the volume\n" * 1000 + bytes(1 << 20))
    return path
