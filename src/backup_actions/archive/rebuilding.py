"""A disk put together again from the gaps and images of its archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backup_actions.model.manifest import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuiltDisk:
    """An image with its partition table, its boot loader and every raw region; the others are named."""

    path: Path
    written: tuple[Region, ...]
    to_be_filled: tuple[Region, ...]
    """Regions archived as files: make their file system with its UUID and label, then extract their member into it."""
    logical_volumes: tuple[str, ...]
    """Members that lie on LVM: activate the group on the image, then fill each volume from its member."""
