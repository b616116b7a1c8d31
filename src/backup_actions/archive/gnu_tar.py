"""GNU tar, which keeps everything that Linux knows about a file: how it is found and called."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import IO

from backup_actions.errors import ToolMissing

_KEEP = ("--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--quoting-style=escape")


def environment() -> dict[str, str]:
    """What tar sees: no TAR_OPTIONS of a person, which would change what is archived; messages in English."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def create_command(root: Path, *, one_file_system: bool) -> list[str]:
    """Write the tree below root to standard output, without what differs between two runs (atime, ctime)."""
    return [
        _program(),
        "--create",
        "--file=-",
        "--format=posix",
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
        "--xattrs-exclude=trusted.SGI_ACL_*",  # xfs shows its ACLs a second time; elsewhere they would be noise
        "--sparse",
        "--sort=inode",  # files that were written together lie together: read faster, compressed better
        *_KEEP,
        *(["--one-file-system"] if one_file_system else []),
        f"--directory={root}",
        ".",
    ]


def extract_command(to: Path) -> list[str]:
    """Read a tar from standard input and write it below the folder, owners too where we may."""
    owner = "--same-owner" if os.geteuid() == 0 else "--no-same-owner"
    return [_program(), "--extract", "--file=-", "--same-permissions", owner, "--sparse", *_KEEP, f"--directory={to}"]


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """The pipe that a process was started with."""
    if stream is None:
        raise AssertionError("the process was started without this pipe")
    return stream


@cache
def _program() -> str:
    """The first tar of PATH that is GNU's. Raises ToolMissing."""
    for name in ("tar", "gtar"):
        path = shutil.which(name)
        if path is not None:
            version = subprocess.run([path, "--version"], capture_output=True, check=False).stdout
            if b"GNU tar" in version:
                return path
    raise ToolMissing(program="GNU tar", purpose="keep every attribute of files", package="tar")
