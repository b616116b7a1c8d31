"""Volumes, snapshots and hosts: real bytes in image files, real loop devices where this process may make them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backup_actions.errors import DeviceUnavailable
from backup_actions_local.calls import Refused
from backup_actions_local.services import images
from backup_actions_local.services.hosting.devices import Devices, devices_of_this_machine
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.instances import Instance
from backup_actions_local.services.volumes import Attachment, Kind, Snapshot, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.place import Place


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html: a copy's volume is an arbitrary one
_NO_VOLUME = "vol-ffffffff"


class BlockStore:
    """What is there. States that take time are computed from the clock when somebody looks."""

    def __init__(
        self,
        *,
        clock: SimulatedClock,
        place: Place,
        directory: Path,
        durations: Durations,
        devices: Devices | None = None,
    ) -> None:
        self.place, self.durations = place, durations
        self._clock = clock
        self._directory = directory
        self._devices = devices or devices_of_this_machine()
        # The id of a snapshot is all that other accounts know it by.
        self._identifiers = Identifiers(f"ec2 {place.account}")
        self._lock = threading.RLock()
        self._volumes: dict[str, Volume] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._instances: dict[str, Instance] = {}
        self._held: list[Path] = []
        self.quota_gib = 50 * 1024
        """How much all volumes of gp3 may hold together: the quota L-7A658B76 of an account, 50 TiB by default."""
        for folder in ("volumes", "snapshots", "instances"):
            (directory / folder).mkdir(parents=True, exist_ok=True)

    # ------------------------------------------------------------------------------------ for who prepares the world

    def make_volume(
        self,
        image: Path | None,
        *,
        zone: str,
        size_gib: int = 1,
        tags: Mapping[str, str] | None = None,
        kms_key_id: str = "",
        product_codes: tuple[str, ...] = (),
    ) -> str:
        """Make a volume with a copy of the image, or an empty one; it is there at once. Return its id.

        The device has the image's exact size; the API shows it in whole GiB. Raises DiskFull, OSError.
        """
        kind = Kind(type="gp3", iops=3000, throughput_mib_s=125)
        size = images.size_gib(image) if image else size_gib
        return self.create(
            image, zone=zone, size_gib=size, kind=kind, tags=tags, kms_key_id=kms_key_id, product_codes=product_codes
        ).id

    def create(
        self,
        source: Path | None,
        *,
        zone: str,
        size_gib: int,
        kind: Kind,
        tags: Mapping[str, str] | None = None,
        kms_key_id: str = "",
        snapshot_id: str = "",
        product_codes: tuple[str, ...] = (),
        takes_seconds: float = 0.0,
        fails: bool = False,
    ) -> Volume:
        """Make a volume with the bytes of the source, larger than it on demand. Raises DiskFull, OSError."""
        with self._lock:
            volume_id = self._identifiers.resource("vol")
            image = self._directory / "volumes" / f"{volume_id}.img"
            if source is None:
                images.make_empty(image, size_gib * images.GIB)
            else:
                grown = size_gib * images.GIB if size_gib > images.size_gib(source) else 0
                images.copy_sparse(source, image, size_bytes=grown)
            now = self._clock.now()
            volume = Volume(
                id=volume_id, zone=zone, size_gib=size_gib, kind=kind, image=image, created=now,
                ready_at=now + timedelta(seconds=takes_seconds), snapshot_id=snapshot_id, kms_key_id=kms_key_id,
                product_codes=product_codes, tags=dict(tags or {}), fails=fails,
            )  # fmt: skip
            self._volumes[volume_id] = volume
            return volume

    def take_snapshot(
        self,
        volume_id: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        managed_by_backup: bool = False,
        takes_seconds: float = 0.0,
    ) -> str:
        """Copy a volume's bytes to a snapshot, complete after that time; return its id. Raises Refused, DiskFull."""
        with self._lock:
            volume = self.volume(volume_id)
            snapshot_id = self._identifiers.resource("snap")
            target = self._directory / "snapshots" / f"{snapshot_id}.img"
            images.copy_sparse(volume.image, target)
            now = self._clock.now()
            self._snapshots[snapshot_id] = Snapshot(
                id=snapshot_id, volume_id=volume_id, size_gib=volume.size_gib, image=target, started=now,
                completes_at=now + timedelta(seconds=takes_seconds), description=description,
                kms_key_id=volume.kms_key_id, product_codes=volume.product_codes, managed_by_backup=managed_by_backup,
                tags=dict(tags or {}), region=self.place.region,
            )  # fmt: skip
            return snapshot_id

    def copy_snapshot(self, snapshot_id: str, takes_seconds: float) -> str:
        """Copy a snapshot that AWS Backup manages, complete after that time; return the copy's id. Raises Refused."""
        with self._lock:
            source, now = self.snapshot(snapshot_id), self._clock.now()
            copy_id = self._identifiers.resource("snap")
            image = self._directory / "snapshots" / f"{copy_id}.img"
            images.copy_sparse(source.image, image)
            completes_at = now + timedelta(seconds=takes_seconds)
            self._snapshots[copy_id] = replace(
                source, id=copy_id, image=image, started=now, completes_at=completes_at, tags=dict(source.tags),
                shared_with=set(),
            )  # fmt: skip
            return copy_id

    def begin_copy(
        self, source: Snapshot, *, region: str, description: str, kms_key_id: str, tags: Mapping[str, str]
    ) -> Snapshot:
        """A copy, under way, of a snapshot of this or another account. Raises DiskFull."""
        with self._lock:
            now, copy_id = self._clock.now(), self._identifiers.resource("snap")
            image = self._directory / "snapshots" / f"{copy_id}.img"
            images.copy_sparse(source.image, image)
            self._snapshots[copy_id] = Snapshot(
                id=copy_id, volume_id=_NO_VOLUME, size_gib=source.size_gib, image=image, started=now, completes_at=now,
                description=description, kms_key_id=kms_key_id, product_codes=source.product_codes, tags=dict(tags),
                region=region, is_under_way=True,
            )  # fmt: skip
            return self._snapshots[copy_id]

    def remove_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot and its bytes, whoever manages it; one that is gone already is no error."""
        with self._lock:
            snapshot = self._snapshots.pop(snapshot_id, None)
            if snapshot:
                snapshot.is_gone = True
                snapshot.image.unlink(missing_ok=True)

    @contextmanager
    def settled(self) -> Iterator[datetime]:
        """Nobody else changes anything meanwhile, and what was due until now has happened; gives the time."""
        with self._lock:
            now = self._clock.now()
            self._settle(now)
            yield now

    def volume(self, volume_id: str) -> Volume:
        """What is known of a volume. Raises Refused when there is none."""
        with self.settled():
            if volume_id not in self._volumes:
                raise Refused("InvalidVolume.NotFound", f"The volume '{volume_id}' does not exist.")
            return self._volumes[volume_id]

    def snapshot(self, snapshot_id: str, *, region: str = "") -> Snapshot:
        """What is known of a snapshot. Raises Refused when there is none in the region."""
        with self._lock:
            found = self._snapshots.get(snapshot_id)
            if found is None or found.region != (region or self.place.region):
                raise Refused("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
            return found

    def instance(self, instance_id: str) -> Instance:
        """What is known of a host. Raises Refused when there is none."""
        with self._lock:
            if instance_id not in self._instances:
                raise Refused("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
            return self._instances[instance_id]

    def volumes(self) -> list[Volume]:
        """All volumes that somebody would find."""
        with self.settled():
            return list(self._volumes.values())

    def has_snapshot(self, snapshot_id: str) -> bool:
        """Whether there is one, in whatever region."""
        return snapshot_id in self._snapshots

    def snapshots(self, *, region: str = "") -> list[Snapshot]:
        """All snapshots of a region."""
        with self._lock:
            return [each for each in self._snapshots.values() if each.region == (region or self.place.region)]

    def shared_with(self, account: str) -> list[Snapshot]:
        """What another account may copy, in whatever region."""
        return [each for each in list(self._snapshots.values()) if each.is_shared_with(account)]

    def instances(self) -> list[Instance]:
        """All hosts, the terminated ones too."""
        with self._lock:
            return list(self._instances.values())

    def tagged(self, resource_id: str) -> dict[str, str] | None:
        """The tags of a volume, snapshot or host, to be changed in place; None when there is no such thing."""
        with self.settled():
            for known in (self._volumes, self._snapshots, self._instances):
                if found := known.get(resource_id):
                    return found.tags
        return None

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a volume, snapshot or host by its ARN; none of what does not exist."""
        return dict(self.tagged(arn.rpartition("/")[2]) or {})

    def key_of(self, arn: str) -> str | None:
        """The KMS key of an encrypted volume or snapshot by its ARN."""
        with self._lock:
            for known in (self._volumes, self._snapshots):
                if found := known.get(arn.rpartition("/")[2]):
                    return found.kms_key_id or None
        return None

    # -------------------------------------------------------------------------------------------- hosts and their end

    def launch(self, zone: str, tags: Mapping[str, str] | None = None) -> Instance:
        """A new host in the zone, running."""
        with self._lock:
            instance_id, root = self._identifiers.resource("i"), self._identifiers.resource("vol")
            folder = self._directory / "instances" / instance_id
            instance = Instance(instance_id, zone, folder, self._clock.now(), root, dict(tags or {}))
            instance.boot()
            self._instances[instance_id] = instance
            return instance

    def lose(self, instance_id: str) -> None:
        """The host is gone at once, with its mounts; its volumes stay attached to it for a while."""
        with self._lock:
            instance = self.instance(instance_id)
            instance.is_lost = True
            instance.ends_at = self._clock.now() + timedelta(seconds=self.durations.instance_lost_seconds)
            for _, attachment in self._attachments():
                if attachment.instance_id == instance_id:
                    self._withdraw(attachment)

    def retire(self, instance_id: str) -> None:
        """The host has nothing to do: what its container mounted is gone, and after a while so is the host."""
        with self._lock:
            instance = self.instance(instance_id)
            for _, attachment in self._attachments():
                if attachment.instance_id == instance_id and attachment.device is not None:
                    self._devices.clear(attachment.device)
            if instance.ends_at is None:
                instance.ends_at = self._clock.now() + timedelta(seconds=self.durations.instance_idle_seconds)

    def close(self) -> None:
        """Nothing stays attached on this machine. Raises DeviceUnavailable for what does not go, after all others."""
        with self._lock:
            for _, attachment in self._attachments():
                self._withdraw(attachment)
            failures = [failure for device in self._held if (failure := self._failure_to_withdraw(device))]
        if failures:
            raise failures[0]

    # ----------------------------------------------------------------------------------------------------- attachments

    def attach(self, volume: Volume, instance: Instance, requested: str) -> Attachment:
        """Let the volume appear on the host, under another name than the requested. Raises DeviceUnavailable."""
        with self._lock:
            device = self._devices.present(volume.image)
            name = instance.show(volume.id, device, volume.image.stat().st_size)
            attached_at = self._clock.now() + timedelta(seconds=self.durations.volume_attached_seconds)
            volume.attachment = Attachment(instance.id, requested, attached_at, device, name)
            return volume.attachment

    def _settle(self, now: datetime) -> None:
        for volume, attachment in self._attachments():
            ends_at = self._instances[attachment.instance_id].ends_at
            host_has_ended = ends_at is not None and now >= ends_at
            detaches = attachment.detaches_at is not None and now >= attachment.detaches_at
            if host_has_ended or (detaches and self._lets_go(attachment)):
                self._withdraw(attachment)
                volume.attachment = None
        for volume in [volume for volume in self._volumes.values() if volume.state(now) == "deleted"]:
            del self._volumes[volume.id]

    def _lets_go(self, attachment: Attachment) -> bool:
        if attachment.forced:
            return True
        is_lost = self._instances[attachment.instance_id].is_lost
        attachment.stuck = is_lost or (attachment.device is not None and self._devices.in_use(attachment.device))
        return not attachment.stuck

    def _withdraw(self, attachment: Attachment) -> None:
        """Take the device from its host. The kernel frees one that somebody still holds when he lets go."""
        if attachment.device is None:
            return
        if self._failure_to_withdraw(attachment.device):
            self._held.append(attachment.device)
        self._instances[attachment.instance_id].hide(attachment.name)
        attachment.device = None

    def _failure_to_withdraw(self, device: Path) -> DeviceUnavailable | None:
        try:
            self._devices.withdraw(device)
        except DeviceUnavailable as failure:
            return failure
        return None

    def _attachments(self) -> list[tuple[Volume, Attachment]]:
        return [(volume, volume.attachment) for volume in self._volumes.values() if volume.attachment]
