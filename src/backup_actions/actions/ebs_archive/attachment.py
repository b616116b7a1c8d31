"""Attaches a volume to the instance that the job runs on, and finds its device by its serial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING

from backup_actions.aws import Host, World, translated
from backup_actions.aws.host import instance_id
from backup_actions.errors import (
    AwsBusy,
    AwsCallFailed,
    HostFull,
    VolumeBusy,
    VolumeHasProductCodes,
    VolumeNotFound,
)
from backup_actions.model.clock import Clock, growing_waits

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import VolumeAttachmentTypeDef, VolumeTypeDef

# The names that AttachVolume recommends for data volumes, and those that it takes besides: more than a host has room
# for. On Nitro the kernel calls the device something else anyway.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
_DEVICE_NAMES = (
    *(f"/dev/sd{letter}" for letter in "fghijklmnop"),
    *(f"/dev/xvd{first}{second}" for first in "bc" for second in ascii_lowercase),
)

_UNTIL_RELEASED = growing_waits(2, 1.3, 12)  # about 2.5 minutes: a lost Spot host has stopped by then
_UNTIL_FORCED = growing_waits(2, 1.3, 14)  # about 4.5 minutes
_UNTIL_SEEN = growing_waits(1, 1.3, 14)  # about 2 minutes


@contextmanager
def attached(world: World, volume_id: str) -> Iterator[Path]:
    """The volume's block device, for the time of the block; detached afterwards, whatever happened inside.

    Raises VolumeBusy, VolumeNotFound, VolumeHasProductCodes, HostFull, and what AWS refuses.
    """
    here = instance_id(world.host, world.clock)
    _release(world, volume_id, here)
    _attach(world, volume_id, here)
    try:
        yield _wait_for_device(world.host, world.clock, volume_id)
    finally:
        _detach(world, volume_id, here)


def _release(world: World, volume_id: str, here: str) -> None:
    """Make the volume free: an earlier attempt's host may still hold it. Wait first, then force.

    An earlier attempt on this host has begun to let it go: then it goes, and is attached anew.
    """

    def is_ours_or_free() -> bool:
        attachment = _attachment(world, volume_id)
        return attachment is None or (
            attachment.get("InstanceId") == here and attachment.get("State") not in {"detaching", "busy"}
        )

    if _poll(world.clock, _UNTIL_RELEASED, is_ours_or_free):
        return
    attachment = _attachment(world, volume_id)
    holder = _holder_of(attachment)
    world.progress.note(f"volume {volume_id} is still held by {holder}: forcing it off")
    if attachment is not None:
        with translated():
            if "InstanceId" in attachment:
                world.clients.ec2.detach_volume(VolumeId=volume_id, InstanceId=attachment["InstanceId"], Force=True)
            else:
                world.clients.ec2.detach_volume(VolumeId=volume_id, Force=True)
    if not _poll(world.clock, _UNTIL_FORCED, lambda: _holder(world, volume_id) is None):
        raise VolumeBusy(volume_id=volume_id, instance_id=holder, waited_seconds=sum(_UNTIL_FORCED))


def _attach(world: World, volume_id: str, here: str) -> None:
    if _holder(world, volume_id) == here:
        return
    for name in _DEVICE_NAMES:
        try:
            with translated():
                world.clients.ec2.attach_volume(VolumeId=volume_id, InstanceId=here, Device=name)
        except AwsCallFailed as refusal:
            # When an answer is lost the SDK asks again, and the volume is in use: by us.
            if _holder(world, volume_id) == here:
                return
            if _concerns_product_codes(refusal):
                raise VolumeHasProductCodes(volume_id=volume_id) from refusal
            if refusal.facts["error_code"] == "AttachmentLimitExceeded":
                raise HostFull(volume_id=volume_id, instance_id=here, reason=refusal.facts["reason"]) from refusal
            # Another job on this instance uses the name; nothing else has this code here.
            if refusal.facts["error_code"] != "InvalidParameterValue":
                raise
        else:
            return
    raise HostFull(volume_id=volume_id, instance_id=here, reason="every name of a device is taken there")


def _concerns_product_codes(refusal: AwsCallFailed) -> bool:
    """Whether AttachVolume refuses the volume for good, on any instance that runs. The code alone says too little.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html; what EC2 answers:
    https://github.com/aws/aws-parallelcluster/issues/1001
    """
    return "marketplace" in str(refusal.facts["reason"]).lower()


def _wait_for_device(host: Host, clock: Clock, volume_id: str) -> Path:
    found: list[Path] = []

    def seen() -> bool:
        device = device_of(host, volume_id)
        if device is not None:
            found.append(device)
        return device is not None

    if not _poll(clock, _UNTIL_SEEN, seen):
        raise VolumeNotFound(volume_id=volume_id, waited_seconds=sum(_UNTIL_SEEN))
    return found[0]


def device_of(host: Host, volume_id: str) -> Path | None:
    """The block device whose NVMe serial is the volume's id; never a guess from names.

    Source: https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html
    """
    wanted = volume_id.replace("-", "")
    for serial in host.sys.glob("block/nvme*n1/device/serial"):
        device = host.dev / serial.parent.parent.name
        if serial.read_text(encoding="ascii", errors="replace").strip() == wanted and device.exists():
            return device
    return None


def _detach(world: World, volume_id: str, here: str) -> None:
    """Let the volume go. A failure here is told and not raised: the workflow's clean-up removes the volume anyway."""
    try:
        with translated():
            world.clients.ec2.detach_volume(VolumeId=volume_id, InstanceId=here)
    except (AwsBusy, AwsCallFailed) as refusal:
        world.progress.note(f"volume {volume_id} could not be detached, the clean-up will: {refusal}")


def _holder(world: World, volume_id: str) -> str | None:
    """The instance that the volume is attached to. Raises AwsCallFailed if there is no such volume."""
    return _holder_of(_attachment(world, volume_id))


def _holder_of(attachment: VolumeAttachmentTypeDef | None) -> str | None:
    """Its id, or a word for one that EC2 does not name, which no call takes."""
    return attachment.get("InstanceId", "an unknown instance") if attachment is not None else None


def _attachment(world: World, volume_id: str) -> VolumeAttachmentTypeDef | None:
    """What EC2 says of it; nothing is known of one while the volume is in use and no attachment is named."""
    with translated():
        volume: VolumeTypeDef = world.clients.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    attachments = volume.get("Attachments", [])
    if not attachments and volume["State"] == "in-use":
        return {}
    return attachments[0] if attachments else None


def _poll(clock: Clock, waits: list[float], reached: Callable[[], bool]) -> bool:
    for wait in waits:
        if reached():
            return True
        clock.sleep(wait)
    return reached()
