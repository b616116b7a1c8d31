"""What the device mapper has active of a volume group, and which devices that stands on, as ``/sys`` tells.

Whatever runs on a host shares one device mapper. LVM names what it activates by the UUIDs of the group and of the
volume, which a second copy of a disk has too, and takes what is active under that name for its own.
Source: https://github.com/lvmteam/lvm2 (lib/activate/activate.c, lib/activate/dev_manager.c),
https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-block-dm
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SYSTEM = Path("/sys")


@dataclass(frozen=True, slots=True)
class MappedDevice:
    """``number`` is its major and minor number, as ``/sys`` writes it: ``253:0``."""

    uuid: str
    number: str
    stands_on: frozenset[str]
    """The numbers of the devices below which there is no other; its own where it stands on none."""


def lvm_uuid(group: str, volume: str = "") -> str:
    """How the names begin that LVM gives to the device of a volume and to the layers below it."""
    return "LVM-" + f"{group}{volume}".replace("-", "")


def mapped_devices(group: str, system: Path = SYSTEM) -> list[MappedDevice]:
    """All that is active of the volume group with this UUID, layers that LVM hides among it."""
    found = []
    for folder in sorted((system / "block").glob("dm-*")):
        with suppress(FileNotFoundError):  # it went away while it was looked at
            uuid = _text(folder / "dm" / "uuid")
            if uuid.startswith(lvm_uuid(group)):
                found.append(MappedDevice(uuid, _text(folder / "dev"), frozenset(_grounds(folder))))
    return found


def device_number(about: os.stat_result) -> str:
    """The number of a device, as ``/sys`` writes it; ``0:0`` of what is none."""
    return f"{os.major(about.st_rdev)}:{os.minor(about.st_rdev)}"


def _grounds(folder: Path) -> set[str]:
    """A thin volume stands on its pool, that on its data, that on a disk; a partition has no list of what is below."""
    slaves = folder / "slaves"
    below = list(slaves.iterdir()) if slaves.is_dir() else []
    return set().union(*map(_grounds, below)) if below else {_text(folder / "dev")}


def _text(path: Path) -> str:
    return path.read_text().strip()
