"""GNU tar, which keeps everything that Linux knows about a file: how it is found and called."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Self

from backup_actions.archive.tree_program import TreeProgram
from backup_actions.archive.tree_remarks import Remarks
from backup_actions.errors import ToolMissing

_KEEP = ("--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--quoting-style=escape")


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


class TarCreation:
    """A running tar; leaving the block ends it whatever happened. What it says is read beside what it writes."""

    def __init__(self, root: Path, *, one_file_system: bool) -> None:
        self._root = root
        self._remarks = Remarks()
        self._line = b""
        self._tar = TreeProgram(create_command(root, one_file_system=one_file_system), self._hear)

    def read_into(self, room: memoryview) -> int:
        """How many bytes of the tar were put into the room; none at its end."""
        return self._tar.output.readinto(room) or 0

    def ended(self) -> Remarks:
        """What tar said. Raises SourceUnreadable unless it read everything."""
        code = self._tar.ended()
        self._hear(b"\n")
        self._remarks.require_complete(self._root, f"tar ended with code {code}" if code else "")
        return self._remarks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._tar.end()

    def _hear(self, said: bytes) -> None:
        *lines, self._line = (self._line + said).split(b"\n")
        for line in filter(None, lines):
            _sort(line.decode("utf-8", "backslashreplace"), self._remarks)


def _sort(line: str, remarks: Remarks) -> None:
    path = line.partition(": ")[2].rpartition(": ")[0]
    if line.endswith(": socket ignored"):
        remarks.socket(path.removeprefix("./"))
    elif line.endswith(": file is on a different filesystem; not dumped"):
        remarks.note(f"{path.removeprefix('./')} is another file system and was left out")
    else:
        remarks.complaint(line)


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
