"""LVM: the logical volumes of a physical volume, activated on a scratch copy and always let go again.

Activation needs root, the device mapper and the LVM tools, which are shown no device but this one.
Source: https://man7.org/linux/man-pages/man8/vgchange.8.html, .../lvchange.8.html, .../lvs.8.html,
.../pvs.8.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from backup_actions.archive.device_mapper import SYSTEM, MappedDevice, device_number, lvm_uuid, mapped_devices
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.mounting import CannotMountError, attach_loop, detach_loop, run_tool, said
from backup_actions.errors import ToolMissing
from backup_actions.model.manifest import Region

_DEVICE_MAPPER = Path("/dev/mapper/control")
# There may be no udev beside us (a container): LVM makes the device nodes itself.
_WITHOUT_UDEV = ("--config", "activation{udev_sync=0 udev_rules=0}")
_VOLUMES = "lv_name,lv_path,lv_uuid"


@dataclass(frozen=True, slots=True)
class LogicalVolume:
    """``device`` is where it can be read while its group is active."""

    name: str
    device: Path


class _Group(NamedTuple):
    name: str
    uuid: str


def reason_not_to_activate(control: Path = _DEVICE_MAPPER) -> str:
    """Why logical volumes cannot be activated on this machine, or an empty text."""
    return "" if control.exists() else "logical volumes are not activated: there is no device mapper"


def metadata_bytes(source: Path, region: Region) -> int:
    """How many bytes at the beginning of a physical volume hold its label and metadata. Raises CannotMountError."""
    with _loop(source, region, read_only=True) as device:
        return int(_asked(device, "pvs", "pe_start", "--units", "b", "--nosuffix", device)[0]["pe_start"])


@contextmanager
def activated(source: Path, region: Region, system: Path = SYSTEM) -> Iterator[list[LogicalVolume]]:
    """The logical volumes of the region until the block ends. Nothing of the group's metadata is changed.

    Raises CannotMountError where the group is not whole on this device, or does not activate: for instance because
    another group of its name is active on this machine, or a copy of this group on another disk.
    """
    with _loop(source, region, read_only=False) as device, ExitStack() as held:
        group = _whole_group(device)
        _require_own(device, group, system)
        held.callback(_deactivate, device, group, system)
        with uninterrupted():
            _lvm(device, "vgchange", *_WITHOUT_UDEV, "--activate", "y", group.name)
        listed = [lv for lv in _asked(device, "lvs", _VOLUMES, group.name) if lv["lv_path"]]
        # What is open cannot be deactivated by anybody until we have read it.
        numbers = {lv["lv_name"]: held.enter_context(_open(lv)) for lv in listed}
        # Another job may have activated a copy since the first look. Each volume is then active for the one or for the
        # other, and whoever finds one that is not its own reads none.
        active = {mapped.number for mapped in _require_own(device, group, system)}
        for name, number in numbers.items():
            if number not in active:
                raise CannotMountError(f"its logical volume {name} was not activated")
        yield [LogicalVolume(lv["lv_name"], Path(lv["lv_path"])) for lv in listed]


def _whole_group(device: str) -> _Group:
    group = _asked(device, "pvs", "vg_name,vg_uuid,vg_missing_pv_count,pv_count", device)[0]
    if not group["vg_name"]:
        raise CannotMountError("the physical volume belongs to no volume group")
    if group["vg_missing_pv_count"] != "0" or group["pv_count"] != "1":
        raise CannotMountError("its volume group spans several devices")
    return _Group(group["vg_name"], group["vg_uuid"])


def _require_own(device: str, group: _Group, system: Path) -> list[MappedDevice]:
    """All that is active of the group, which stands on this device alone. Raises CannotMountError."""
    own, active = {device_number(Path(device).stat())}, mapped_devices(group.uuid, system)
    if any(mapped.stands_on != own for mapped in active):
        raise CannotMountError("its volume group is active on another disk, which has the same UUIDs")
    return active


@contextmanager
def _open(lv: dict[str, Any]) -> Iterator[str]:
    """The number of the volume's device, which is open until the block ends. Raises CannotMountError."""
    try:
        descriptor = os.open(lv["lv_path"], os.O_RDONLY | os.O_CLOEXEC)
    except OSError as failure:
        raise CannotMountError(f"its logical volume {lv['lv_name']} cannot be read: {failure.strerror}") from failure
    try:
        yield device_number(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _deactivate(device: str, group: _Group, system: Path) -> None:
    """Nothing of the group is active on this device; what another job has active on another stays so."""
    with uninterrupted(), suppress(CannotMountError):  # the volume is thrown away with all that stands on it
        own, active = {device_number(Path(device).stat())}, mapped_devices(group.uuid, system)
        names = []
        for lv in _asked(device, "lvs", _VOLUMES, group.name) if active else []:
            layers = [each for each in active if each.uuid.startswith(lvm_uuid(group.uuid, lv["lv_uuid"]))]
            if layers and all(layer.stands_on == own for layer in layers):
                names.append(f"{group.name}/{lv['lv_name']}")
        if names:  # one by one: vgchange would mean all of the group. Without --yes it asks about snapshots
            _lvm(device, "lvchange", *_WITHOUT_UDEV, "--yes", "--activate", "n", *names)


@contextmanager
def _loop(source: Path, region: Region, *, read_only: bool) -> Iterator[str]:
    with uninterrupted():
        device = attach_loop(source, region, read_only=read_only)
    try:
        yield device
    finally:
        detach_loop(device)


def _asked(device: str, report: str, columns: str, *arguments: str) -> list[dict[str, Any]]:
    """The rows of one of LVM's reports."""
    answer = _lvm(device, report, "--reportformat", "json", "-o", columns, *arguments)
    try:
        (rows,) = json.loads(answer)["report"][0].values()
    except (ValueError, KeyError, IndexError) as wrong:
        raise CannotMountError(f"{report} answered what cannot be read") from wrong
    if not rows:
        raise CannotMountError(f"{report} knows nothing of it")
    return list(rows)


def _lvm(device: str, command: str, *arguments: str) -> str:
    """Run one of LVM's commands, which sees this device and no other. Raises CannotMountError."""
    try:
        done = run_tool([command, "--devices", device, *arguments], command)
    except ToolMissing as missing:
        raise CannotMountError("logical volumes are not activated: the LVM tools are not installed") from missing
    if done.returncode != 0:
        raise CannotMountError(f"{command} failed: {said(done)}")
    return done.stdout
