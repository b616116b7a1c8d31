"""GNU tar, which keeps everything that Linux knows about a file: how it is found and called."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Self, cast

from backup_actions.archive.tree_remarks import Remarks
from backup_actions.errors import ToolMissing

PIPE_BYTES = 1 << 20  # sixteen times the default: fewer turns between a reader and us

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


def widened(stream: IO[bytes]) -> io.FileIO:
    """The pipe with room for more, where the system knows how and this user may still have it."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return cast("io.FileIO", stream)  # started without a buffer


class TarCreation:
    """A running tar; leaving the block ends it whatever happened. What it says is read beside what it writes."""

    def __init__(self, root: Path, *, one_file_system: bool) -> None:
        self._root = root
        self._process = subprocess.Popen(
            create_command(root, one_file_system=one_file_system),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,  # a Ctrl-C is for us alone; a reader that it ended would look like one that failed
        )
        self._output = widened(pipe(self._process.stdout))
        self._errors = pipe(self._process.stderr)
        self._remarks = Remarks()
        self._listener = threading.Thread(target=self._listen, name="tar-remarks", daemon=True)
        self._listener.start()

    def read_into(self, room: memoryview) -> int:
        """How many bytes of the tar were put into the room; none at its end."""
        return self._output.readinto(room) or 0

    def ended(self) -> Remarks:
        """What tar said. Raises SourceUnreadable unless it read everything."""
        code = self._process.wait()
        self._listener.join()
        self._remarks.require_complete(self._root, f"tar ended with code {code}" if code else "")
        return self._remarks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._output.close()  # a child of it that outlives it writes no more
        self._process.wait()
        self._listener.join()
        self._errors.close()

    def _listen(self) -> None:
        rest = b""
        while data := self._errors.read(1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _sort(line.decode("utf-8", "backslashreplace"), self._remarks)
        if rest:
            _sort(rest.decode("utf-8", "backslashreplace"), self._remarks)


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
