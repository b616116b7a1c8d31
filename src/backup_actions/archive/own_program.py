"""Programs of ours in C, of ``native/``: where they are, if they could be built."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def own_program(name: str) -> Path | None:
    """The program beside our interpreter, or the first of PATH; None where there is none."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    return Path(found) if found is not None else None
