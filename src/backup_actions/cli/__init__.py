"""The command line: ``backup-actions``. Commands are loaded when they are asked for."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its status."""
    from backup_actions.cli.errors import run

    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:]))


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """Leave through every ``finally``, so that nothing stays mounted, attached or half uploaded."""
    sys.exit(128 + number)
