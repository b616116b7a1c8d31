"""Hosts: an identifier, a zone, and a folder with the devices that can be seen there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_SECTOR_BYTES = 512


@dataclass(eq=False, slots=True)
class Instance:
    """One host. ``dev`` and ``sys`` stand for its /dev and /sys."""

    id: str
    zone: str
    folder: Path
    launched: datetime
    root_volume_id: str
    tags: dict[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None
    """From when on it has let go of its volumes; None while it is wanted."""
    is_lost: bool = False

    @property
    def dev(self) -> Path:
        """What the host sees as /dev."""
        return self.folder / "dev"

    @property
    def sys(self) -> Path:
        """What the host sees as /sys."""
        return self.folder / "sys"

    def state(self, now: datetime) -> str:
        """The word that DescribeInstances has for it."""
        if self.ends_at is not None and now >= self.ends_at:
            return "terminated"
        return "shutting-down" if self.is_lost else "running"

    def boot(self) -> None:
        """Make the folder, with the root device that every instance has and nobody may take for a volume of his."""
        self.dev.mkdir(parents=True)
        self._describe("nvme0n1", self.root_volume_id, 8 << 30)
        (self.dev / "nvme0n1").touch()

    def show(self, volume_id: str, device: Path, size_bytes: int) -> str:
        """Let the device appear under the next free name, which is nobody's wish; return the name.

        The serial is the volume's id without its dash, padded with blanks to the twenty bytes of an NVMe serial.
        Source: https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html
        """
        numbers = range(1, 64)
        name = next(f"nvme{number}n1" for number in numbers if not (self.dev / f"nvme{number}n1").is_symlink())
        (self.dev / name).symlink_to(device)
        self._describe(name, volume_id, size_bytes)
        return name

    def hide(self, name: str) -> None:
        """Let the device disappear."""
        (self.dev / name).unlink(missing_ok=True)
        shutil.rmtree(self.sys / "block" / name, ignore_errors=True)

    def _describe(self, name: str, volume_id: str, size_bytes: int) -> None:
        device = self.sys / "block" / name / "device"
        device.mkdir(parents=True)
        (device / "serial").write_text(f"{volume_id.replace('-', ''):<20}\n", encoding="ascii")
        (device / "model").write_text(f"{'Amazon Elastic Block Store':<40}\n", encoding="ascii")
        (device.parent / "size").write_text(f"{size_bytes // _SECTOR_BYTES}\n", encoding="ascii")
