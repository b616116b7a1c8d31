"""LVM: the logical volumes of a physical volume, activated on a scratch copy and always let go again.

Activation needs root, the device mapper and the LVM tools, which are shown no device but this one.
Source: https://man7.org/linux/man-pages/man8/vgchange.8.html, .../lvs.8.html, .../pvs.8.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.mounting import CannotMountError, attach_loop, detach_loop, run_tool, said
from backup_actions.errors import ToolMissing
from backup_actions.model.manifest import Region

_DEVICE_MAPPER = Path("/dev/mapper/control")
# There may be no udev beside us (a container): LVM makes the device nodes itself.
_WITHOUT_UDEV = ("--config", "activation{udev_sync=0 udev_rules=0}")


@dataclass(frozen=True, slots=True)
class LogicalVolume:
    """``device`` is where it can be read while its group is active."""

    name: str
    device: Path


def reason_not_to_activate(control: Path = _DEVICE_MAPPER) -> str:
    """Why logical volumes cannot be activated on this machine, or an empty text."""
    return "" if control.exists() else "logical volumes are not activated: there is no device mapper"


def metadata_bytes(source: Path, region: Region) -> int:
    """How many bytes at the beginning of a physical volume hold its label and metadata. Raises CannotMountError."""
    with _loop(source, region, read_only=True) as device:
        return int(_asked(device, "pvs", "pe_start", "--units", "b", "--nosuffix", device)[0]["pe_start"])


@contextmanager
def activated(source: Path, region: Region) -> Iterator[list[LogicalVolume]]:
    """The logical volumes of the region until the block ends. Nothing of the group's metadata is changed.

    Raises CannotMountError where the group is not whole on this device, or does not activate: for instance because
    another group of its name is active on this machine.
    """
    with _loop(source, region, read_only=False) as device:
        group = _asked(device, "pvs", "vg_name,vg_missing_pv_count,pv_count", device)[0]
        if not group["vg_name"]:
            raise CannotMountError("the physical volume belongs to no volume group")
        if group["vg_missing_pv_count"] != "0" or group["pv_count"] != "1":
            raise CannotMountError("its volume group spans several devices")
        name = str(group["vg_name"])
        try:
            with uninterrupted():
                _lvm(device, "vgchange", *_WITHOUT_UDEV, "--activate", "y", name)
            listed = _asked(device, "lvs", "lv_name,lv_path", name)
            yield [LogicalVolume(lv["lv_name"], Path(lv["lv_path"])) for lv in listed if lv["lv_path"]]
        finally:
            with uninterrupted(), suppress(CannotMountError):  # the volume is thrown away with all that stands on it
                _lvm(device, "vgchange", *_WITHOUT_UDEV, "--activate", "n", name)


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
