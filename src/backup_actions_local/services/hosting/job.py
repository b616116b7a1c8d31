"""What a job's process starts with: ``python -m …hosting.job ENTRY ACTION JOB EVENT``."""

from __future__ import annotations

import json
import signal
import sys

from backup_actions.runtime.progress import JsonLines
from backup_actions_local.services.hosting.inline import load
from backup_actions_local.services.hosting.world import world_here


def _terminated(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Run one attempt; the exit code is the job's."""
    signal.signal(signal.SIGTERM, _terminated)
    entry, action, job, event = arguments
    world = world_here(JsonLines(sys.stdout))
    return int(load(entry)(world, action, job, json.loads(event)) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
