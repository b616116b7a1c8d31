"""What the kernel tells about the processes that a test has started."""

from __future__ import annotations

import os
from pathlib import Path


def children() -> set[Path]:
    """Where it tells about each process that we have started and that is still there."""
    return {each for each in Path("/proc").glob("[0-9]*") if parent(each) == os.getpid()}


def parent(process: Path) -> int:
    """Who has started the process about which it tells there; nobody where that is gone."""
    try:
        return int((process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def shown(process: Path) -> bytes:
    """What anybody on the machine, or the same user, can see of it: nothing, where it has ended meanwhile."""
    try:
        return b"".join((process / what).read_bytes() for what in ("cmdline", "environ"))
    except (FileNotFoundError, ProcessLookupError):
        return b""
