"""What Batch starts: ``python -m backup_actions.runtime.job ACTION JOB INPUT``."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from backup_actions.aws import Clients, World
from backup_actions.errors import ArchiveInterrupted, BackupActionsError
from backup_actions.plugins import installed_action
from backup_actions.proving.machine import JOBS as PROVING_JOBS
from backup_actions.proving.machine import NAME as PROVING
from backup_actions.runtime.code import load_step
from backup_actions.runtime.progress import JsonLines

# What job definitions have another attempt made for. A job that somebody terminates, or that takes too long, gets none
# whatever its exit code is. Each attempt cleans up or takes over what the one before has left: its host may be lost.
_TRY_AGAIN = ArchiveInterrupted.exit_code


def run(world: World, action_name: str, job_name: str, event: Mapping[str, Any]) -> int:
    """Run one job of an installed action, or of proving; the exit code is the job's.

    It is 75 where another attempt can help: after an error that is retryable, and when the container was told to end.
    """
    jobs = PROVING_JOBS if action_name == PROVING else installed_action(action_name).jobs
    step = load_step(jobs[job_name].code)
    try:
        step(world, event)
    except BackupActionsError as error:
        world.progress.note(f"{error} ({error.hint})")
        return _TRY_AGAIN if error.retryable else error.exit_code
    except KeyboardInterrupt:
        world.progress.note("the job was told to end; another attempt begins anew, unless it was terminated for good")
        return _TRY_AGAIN
    return 0


def _terminated(_signal: int, _frame: object) -> None:
    # Two minutes before a Spot host goes, and when a job is terminated: leave by an exception, so that every
    # `with` on the way out removes what it made.
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Build the world from what Batch gives to a container and run the job."""
    signal.signal(signal.SIGTERM, _terminated)
    action, job, event = arguments
    world = World(
        Clients(),
        progress=JsonLines(sys.stdout),
        attempt=int(os.environ.get("AWS_BATCH_JOB_ATTEMPT", "1")),
        environment=dict(os.environ),
    )
    return run(world, action, job, json.loads(event))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
