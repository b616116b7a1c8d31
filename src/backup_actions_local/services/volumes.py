"""Volumes, their attachments and their snapshots: what is known of them, and their states at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What kind of volume: type and performance."""

    type: str
    iops: int
    throughput_mib_s: int | None
    initialization_mib_s: int | None = None


@dataclass(eq=False, slots=True)
class Attachment:
    """A volume at an instance."""

    instance_id: str
    requested: str
    attached_at: datetime
    device: Path | None
    """What shows the bytes; None when the host is lost."""
    name: str
    """The device's name on the instance, which is not the requested one."""
    detaches_at: datetime | None = None
    forced: bool = False
    stuck: bool = False
    """Whether the time to detach has come and something on the instance still uses the device."""

    def state(self, now: datetime) -> str:
        """attaching, attached, detaching, or busy while something on the instance still uses the device."""
        if self.detaches_at is not None:
            return "busy" if self.stuck else "detaching"
        return "attached" if now >= self.attached_at else "attaching"


@dataclass(eq=False, slots=True, kw_only=True)
class Volume:
    """A volume and its image file."""

    id: str
    zone: str
    size_gib: int
    kind: Kind
    image: Path
    created: datetime
    ready_at: datetime
    snapshot_id: str = ""
    kms_key_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    product_codes: tuple[str, ...] = ()
    """Those of AWS Marketplace; copied from the snapshot."""
    fails: bool = False
    attachment: Attachment | None = None
    gone_at: datetime | None = None
    """From when on nobody finds it; set by DeleteVolume."""

    def state(self, now: datetime) -> str:
        """The word that DescribeVolumes has for it."""
        if self.gone_at is not None:
            return "deleting" if now < self.gone_at else "deleted"
        if now < self.ready_at:
            return "creating"
        if self.fails:
            return "error"
        return "in-use" if self.attachment else "available"


@dataclass(eq=False, slots=True, kw_only=True)
class Snapshot:
    """A snapshot and its image file."""

    id: str
    volume_id: str
    size_gib: int
    image: Path
    started: datetime
    completes_at: datetime
    description: str = ""
    kms_key_id: str = ""
    product_codes: tuple[str, ...] = ()
    """Those of AWS Marketplace; copied from the volume."""
    managed_by_backup: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    region: str
    is_under_way: bool = False
    """Whether it is a copy that is being made."""
    error: str = ""
    """Why a copy never will be made."""
    shared_with: set[str] = field(default_factory=set)
    """Accounts, and ``all``."""
    is_gone: bool = False

    def is_shared_with(self, account: str) -> bool:
        """Whether the account may copy it."""
        return not self.is_gone and bool(self.shared_with & {account, "all"})

    def state(self, now: datetime) -> str:
        """The word that DescribeSnapshots has for it."""
        if self.error:
            return "error"
        return "pending" if self.is_under_way or now < self.completes_at else "completed"


# https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html (gp3 since autumn 2025)
_GP3_SIZE_GIB, _GP3_IOPS, _GP3_THROUGHPUT = (1, 65_536), (3_000, 80_000), (125, 2_000)
_GP3_IOPS_PER_GIB, _GP3_MIB_S_PER_IOPS = 500, 0.25
_INITIALIZATION_MIB_S = (100, 300)


def kind_of(params: Mapping[str, Any], size_gib: int) -> Kind:
    """What CreateVolume was asked for. Raises Refused outside the limits of its type."""
    kind = params.get("VolumeType") or "gp2"
    if kind == "gp2":
        for name in ("Iops", "Throughput"):
            if params.get(name) is not None:
                raise _combination(f"The parameter {name.lower()} is not supported for gp2 volumes")
        return Kind(type="gp2", iops=max(100, 3 * size_gib), throughput_mib_s=None)
    if kind != "gp3":
        raise Refused("NotEmbedded", f"the embedded AWS does not know volumes of type {kind}", 501)
    iops = params.get("Iops") or _GP3_IOPS[0]
    throughput = params.get("Throughput") or _GP3_THROUGHPUT[0]
    rate = params.get("VolumeInitializationRate")
    _within("size", size_gib, _GP3_SIZE_GIB, "GiB")
    _within("iops", iops, _GP3_IOPS, "IOPS")
    _within("throughput", throughput, _GP3_THROUGHPUT, "MiB/s")
    # every size has the 3000 of the base line
    if iops > max(_GP3_IOPS[0], size_gib * _GP3_IOPS_PER_GIB):
        raise _value(f"Iops to volume size ratio of {iops / size_gib:.1f} is too high; maximum is {_GP3_IOPS_PER_GIB}")
    if throughput > iops * _GP3_MIB_S_PER_IOPS:
        raise _value(f"Throughput (MiBps) to iops ratio of {throughput / iops:.3f} is too high; maximum is 0.25")
    if rate is not None:
        if not params.get("SnapshotId"):
            raise _combination("VolumeInitializationRate is only supported for volumes created from snapshots")
        _within("volumeInitializationRate", rate, _INITIALIZATION_MIB_S, "MiB/s")
    return Kind(type="gp3", iops=iops, throughput_mib_s=throughput, initialization_mib_s=rate)


def tags_for(params: Mapping[str, Any], resource_type: str) -> dict[str, str]:
    """The tags that a create call gives. Raises Refused for tags of another resource type."""
    tags: dict[str, str] = {}
    for specification in params.get("TagSpecifications") or ():
        if specification.get("ResourceType") != resource_type:
            raise _value(
                f"'{specification.get('ResourceType')}' is not a valid taggable resource type for this operation."
            )
        tags |= {tag["Key"]: tag.get("Value", "") for tag in specification.get("Tags", ())}
    return tags


def _within(name: str, value: int, limits: tuple[int, int], unit: str) -> None:
    least, most = limits
    if not least <= value <= most:
        raise _value(f"Volume {name} of {value} {unit} is not between {least} and {most}")


def _value(message: str) -> Refused:
    return Refused("InvalidParameterValue", message)


def _combination(message: str) -> Refused:
    return Refused("InvalidParameterCombination", message)
