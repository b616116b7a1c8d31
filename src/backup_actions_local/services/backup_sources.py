"""What AWS Backup can make backups of: each service that holds such resources says how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from backup_actions_local.services import images

if TYPE_CHECKING:
    from backup_actions.model.arn import Arn
    from backup_actions_local.services.block_store import BlockStore

_MANAGED = "This snapshot is created by the AWS Backup service."


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What is known of a resource before it is backed up."""

    tags: Mapping[str, str]
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backed:
    """What the service that holds the backup calls it, and the key that encrypts it, if one does."""

    arn: str
    key_arn: str = ""


class BackupSource(Protocol):
    """A service that holds resources of one type and their backups. Whatever is not there is Refused."""

    resource_type: str
    """AWS Backup's own word: EBS, RDS, Aurora, DynamoDB."""

    def handles(self, resource: Arn) -> bool:
        """Whether the ARN is of such a resource."""
        ...

    def resource(self, resource: Arn) -> Resource:
        """The resource as it is now."""
        ...

    def back_up(self, resource: Arn, *, job_id: str, tags: Mapping[str, str], takes_seconds: float) -> Backed:
        """Begin a backup of what the resource holds at this moment."""
        ...

    def transferred_bytes(self, backup: Arn) -> int:
        """What a finished backup occupies."""
        ...

    def forget(self, backup: Arn) -> None:
        """The backup is gone, also if it was not there."""
        ...


class Volumes:
    """Backups of volumes are snapshots."""

    resource_type = "EBS"

    def __init__(self, store: BlockStore) -> None:
        self._store = store

    def handles(self, resource: Arn) -> bool:
        """Whether the ARN is a volume's."""
        return resource.service == "ec2" and resource.resource.startswith("volume/")

    def resource(self, resource: Arn) -> Resource:
        """The volume's tags and size."""
        volume = self._store.volume(_last(resource))
        return Resource(tags=volume.tags, size_bytes=volume.size_gib * images.GIB)

    def back_up(self, resource: Arn, *, job_id: str, tags: Mapping[str, str], takes_seconds: float) -> Backed:
        """Begin a snapshot."""
        volume_id = _last(resource)
        snapshot_id = self._store.take_snapshot(
            volume_id,
            description=_MANAGED,
            tags={**tags, "aws:backup:source-resource": f"{volume_id}:{job_id}"},
            managed_by_backup=True,
            takes_seconds=takes_seconds,
        )
        arn = self._store.place.arn("ec2", f"snapshot/{snapshot_id}", account="")
        return Backed(arn=arn, key_arn=self._store.snapshot(snapshot_id).kms_key_id)

    def transferred_bytes(self, backup: Arn) -> int:
        """What of the snapshot's image is no hole."""
        return images.allocated_bytes(self._store.snapshot(_last(backup)).image)

    def forget(self, backup: Arn) -> None:
        """The snapshot is removed."""
        self._store.remove_snapshot(_last(backup))


def _last(arn: Arn) -> str:
    return arn.resource.rpartition("/")[2]
