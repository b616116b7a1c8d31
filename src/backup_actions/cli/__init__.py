"""The command line: ``backup-actions``. Commands are loaded when they are asked for."""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

# Loading makes some hundred thousand objects that stay: looking through them again and again took a tenth of a second.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its status."""
    try:
        from backup_actions.cli.errors import INTERRUPTED, run
    except KeyboardInterrupt:
        sys.exit(130)  # while it was loading

    signal.signal(signal.SIGTERM, _terminated)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    status = run(sys.argv[1:])
    if status != INTERRUPTED:  # what was cut short is still held by its trace: some extensions tell of that as a leak
        gc.freeze()  # the collections at the very end would look at all of it once more
    sys.exit(status)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """Leave through every ``finally``, so that nothing stays mounted, attached or half uploaded."""
    sys.exit(128 + number)
