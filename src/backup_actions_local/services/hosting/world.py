"""The world of a process that the embedded AWS started, built from its environment alone."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.aws import Clients, Host, World
from backup_actions_local.services.hosting.doom import DoomedProgress, Point
from backup_actions_local.services.hosting.remote_clock import RemoteClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backup_actions.model.progress import Progress

CLOCK_URL, HOST, DIES_AT = "EMBEDDED_CLOCK_URL", "EMBEDDED_HOST", "EMBEDDED_DIES_AT"
"""Variables of the shim: the clock's address; dev, sys and metadata endpoint; the point of the host's end, as JSON."""


def world_here(progress: Progress) -> World:
    """The world of this process."""
    environment: Mapping[str, str] = dict(os.environ)
    dies_at = environment.get(DIES_AT)
    point = Point(**json.loads(dies_at)) if dies_at else None
    host = json.loads(environment.get(HOST, "null"))
    return World(
        clients=Clients(),
        clock=RemoteClock(environment[CLOCK_URL]),
        progress=DoomedProgress(progress, point, _lose_this_host),
        host=Host(Path(host["dev"]), Path(host["sys"]), host["metadata_endpoint"]) if host else Host(),
        attempt=int(environment.get("AWS_BATCH_JOB_ATTEMPT", "1")),
        environment=environment,
    )


def _lose_this_host() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
