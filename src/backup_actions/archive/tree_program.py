"""A program that reads a tree: how it is started, listened to and ended."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

PIPE_BYTES = 1 << 20  # sixteen times the default: fewer turns between a reader and us


def environment() -> dict[str, str]:
    """What it sees: no TAR_OPTIONS of a person, which would change what is archived; messages in English."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """The pipe that a process was started with."""
    if stream is None:
        raise AssertionError("the process was started without this pipe")
    return stream


class TreeProgram:
    """A running program. What it says on standard error goes to ``hear``, piece by piece and from another thread."""

    def __init__(
        self,
        command: Sequence[str | Path],
        hear: Callable[[bytes], None],
        *,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._hear = hear
        self._process = subprocess.Popen(
            command,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=descriptors,
            process_group=0,  # a Ctrl-C is for us alone; a reader that it ended would look like one that failed
        )
        self.input = cast("io.FileIO", pipe(self._process.stdin))
        self.output = cast("io.FileIO", pipe(self._process.stdout))  # started without a buffer
        self._errors = pipe(self._process.stderr)
        if sys.platform == "linux":
            with suppress(OSError):  # beyond what this user may have
                fcntl.fcntl(self.output.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._listener = threading.Thread(target=self._listen, name="tree-program-errors", daemon=True)
        self._listener.start()

    def ended(self) -> int:
        """Its exit code, once it has ended and all that it said was heard."""
        code = self._process.wait()
        self._listener.join()
        return code

    def end(self) -> None:
        """It is gone, whatever it was about to do."""
        self._process.kill()
        self.input.close()
        self.output.close()  # a child of it that outlives it writes no more
        self.ended()
        self._errors.close()

    def _listen(self) -> None:
        while data := self._errors.read(1 << 16):
            self._hear(data)
