"""EC2 instances as AWS Backup sees them: volumes at an instance, of which a backup is an image with snapshots.

Hosts of jobs are not among them; see ``instances.py``.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services import ec2_answers as answers
from backup_actions_local.services import images
from backup_actions_local.services.backup_sources import Backed, Resource
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions.model.arn import Arn
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.volumes import Snapshot

_MANAGED = "This image is created by the AWS Backup service."
_LAUNCH_PERMISSION = "launchPermission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An instance: the first of its volumes is the root."""

    id: str
    volumes: Mapping[str, str]
    """Device name → volume."""
    boot_mode: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineImage:
    """An image of a machine."""

    id: str
    of: Machine
    snapshots: Mapping[str, Snapshot]
    """Device name → snapshot."""
    created: datetime
    available_at: datetime
    tags: dict[str, str] = field(default_factory=dict)


class MachineImages:
    """What AWS Backup makes of instances, and what EC2 says of that."""

    name = "ec2"
    resource_type = "EC2"

    def __init__(self, store: BlockStore) -> None:
        self._store, self._place = store, store.place
        self._identifiers = Identifiers("ec2 images")
        self._machines: dict[str, Machine] = {}
        self._images: dict[str, MachineImage] = {}

    def make_instance(
        self, volumes: Mapping[str, str], *, boot_mode: str = "uefi", tags: Mapping[str, str] | None = None
    ) -> str:
        """Make an instance of volumes, by device name, the root first. Return its id."""
        machine = Machine(
            id=self._identifiers.resource("i"), volumes=dict(volumes), boot_mode=boot_mode, tags=dict(tags or {})
        )
        self._machines[machine.id] = machine
        return machine.id

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of an image by its ARN; none of what does not exist."""
        image = self._images.get(arn.rpartition("/")[2])
        return dict(image.tags) if image else {}

    # ------------------------------------------------------------------------------------------------- for AWS Backup

    def handles(self, resource: Arn) -> bool:
        """Whether the ARN is an instance's."""
        return resource.service == "ec2" and resource.resource.startswith("instance/")

    def resource(self, resource: Arn) -> Resource:
        """The instance's tags, the size of its volumes."""
        machine = self._machine(resource)
        volumes = [self._store.volume(volume) for volume in machine.volumes.values()]
        return Resource(tags=machine.tags, size_bytes=sum(volume.size_gib for volume in volumes) * images.GIB)

    def back_up(self, resource: Arn, *, job_id: str, tags: Mapping[str, str], takes_seconds: float) -> Backed:
        """Begin an image: a snapshot of each volume."""
        machine = self._machine(resource)
        marked = {**tags, "aws:backup:source-resource": f"{machine.id}:{job_id}"}
        snapshots = {
            device: self._store.snapshot(
                self._store.take_snapshot(
                    volume, description=_MANAGED, tags=marked, managed_by_backup=True, takes_seconds=takes_seconds
                )
            )
            for device, volume in machine.volumes.items()
        }
        with self._store.settled() as now:
            image = MachineImage(
                id=self._identifiers.resource("ami"), of=machine, snapshots=snapshots, created=now,
                available_at=now + timedelta(seconds=takes_seconds), tags=marked,
            )  # fmt: skip
            self._images[image.id] = image
        arn = self._place.arn("ec2", f"image/{image.id}", account="")
        return Backed(arn=arn, key_arn=next(iter(snapshots.values())).kms_key_id)

    def transferred_bytes(self, backup: Arn) -> int:
        """What of the snapshots is no hole."""
        image = self._images[backup.resource.rpartition("/")[2]]
        return sum(images.allocated_bytes(snapshot.image) for snapshot in image.snapshots.values())

    def forget(self, backup: Arn) -> None:
        """The image is gone with its snapshots."""
        image = self._images.pop(backup.resource.rpartition("/")[2], None)
        for snapshot in image.snapshots.values() if image else ():
            self._store.remove_snapshot(snapshot.id)

    def _machine(self, resource: Arn) -> Machine:
        machine = self._machines.get(resource.resource.rpartition("/")[2])
        if machine is None:
            raise Refused("InvalidInstanceID.NotFound", f"There is no instance {resource}")
        return machine

    # -------------------------------------------------------------------------------------------------------- for EC2

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Callable[[Call, datetime], Mapping[str, Any]]] = {
            "DescribeImages": self._describe,
            "DescribeImageAttribute": self._describe_attribute,
        }
        return {name: partial(self._settled, operation) for name, operation in operations.items()}

    def _settled(self, operation: Callable[[Call, datetime], Mapping[str, Any]], call: Call) -> Mapping[str, Any]:
        with self._store.settled() as now:
            return operation(call, now)

    def _describe(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "ImageIds")
        ids = call.params.get("ImageIds") or list(self._images)
        return {"Images": [self._answer(self._image(each), now) for each in ids]}

    def _describe_attribute(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "ImageId", "Attribute")
        del now
        image, attribute = self._image(call.params["ImageId"]), call.params["Attribute"]
        if attribute != _LAUNCH_PERMISSION:
            raise Refused("NotEmbedded", f"the embedded AWS does not know the attribute {attribute} of images", 501)
        return {"ImageId": image.id, "LaunchPermissions": []}

    def _image(self, image_id: str) -> MachineImage:
        if image_id not in self._images:
            raise Refused("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
        return self._images[image_id]

    def _answer(self, image: MachineImage, now: datetime) -> dict[str, Any]:
        return {
            "ImageId": image.id,
            "Name": f"AwsBackup_{image.of.id}_{image.id}",
            "Description": _MANAGED,
            "ImageLocation": f"{self._place.account}/{image.id}",
            "OwnerId": self._place.account,
            "State": "available" if now >= image.available_at else "pending",
            "CreationDate": f"{image.created:%Y-%m-%dT%H:%M:%S}.000Z",
            "Public": False,
            "Architecture": "x86_64",
            "BootMode": image.of.boot_mode,
            "ImageType": "machine",
            "PlatformDetails": "Linux/UNIX",
            "RootDeviceName": next(iter(image.snapshots)),
            "RootDeviceType": "ebs",
            "VirtualizationType": "hvm",
            "Hypervisor": "xen",
            "EnaSupport": True,
            "BlockDeviceMappings": [_mapping(device, snapshot) for device, snapshot in image.snapshots.items()],
            "Tags": answers.tag_list(image.tags),
        }


def _mapping(device: str, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "DeviceName": device,
        "Ebs": {
            "SnapshotId": snapshot.id,
            "VolumeSize": snapshot.size_gib,
            "VolumeType": "gp3",
            "DeleteOnTermination": True,
            "Encrypted": bool(snapshot.kms_key_id),
        },
    }
