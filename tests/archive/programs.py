"""Programs of the system that tests make disks with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATH = (
    f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # where mkfs lies, and whoever is not root does not look
)


def run(*command: str | Path, text: str = "") -> str:
    """What the program printed; the test is skipped where btrfs-progs, which few machines have, is missing."""
    if "btrfs" in str(command[0]) and shutil.which(command[0], path=_PATH) is None:
        pytest.skip("btrfs-progs is not installed")
    environment = {**os.environ, "PATH": _PATH}
    done = subprocess.run(command, input=text, text=True, check=True, capture_output=True, env=environment)
    return done.stdout


@contextmanager
def looped(image: Path, offset: int = 0, size: int = 0) -> Iterator[str]:
    """A loop device over the image, or a part of it."""
    name = run("losetup", "--find", "--show", f"--offset={offset}", f"--sizelimit={size}", image).strip()
    try:
        yield name
    finally:
        run("losetup", "--detach", name)
