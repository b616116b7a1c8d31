"""The jobs of a night: the real ones, after the time that they would have taken with real disks."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.runtime import job

ENTRY = f"{__name__}:run"
_LEAST_MINUTES, _MOST_MINUTES = 2, 14


def minutes_of(prefix: str, name: str) -> int:
    """How long a job works: another time for each archive and job, the same one in each night."""
    return _LEAST_MINUTES + zlib.crc32(f"{prefix} {name}".encode()) % (_MOST_MINUTES - _LEAST_MINUTES + 1)


def run(world: World, action: str, name: str, event: Mapping[str, Any]) -> int:
    """What the job's own code answers; the time has passed on the clock of the night."""
    world.progress.note(f"{name} begins")
    world.clock.sleep(60 * minutes_of(event["prefix"], name))
    return job.run(world, action, name, event)
