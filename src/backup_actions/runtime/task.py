"""What Lambda calls, for every function of every action."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from backup_actions.aws import Clients, World
from backup_actions.runtime.code import Step, load_step


@cache
def _cold_start() -> tuple[Step, World]:
    return load_step(os.environ["BACKUP_ACTIONS_CODE"]), World(Clients(), environment=dict(os.environ))


def handler(event: Mapping[str, Any], context: object) -> Any:
    """Run the step; clients are made once per execution environment."""
    step, world = _cold_start()
    return step(world, event)
