"""Stock programs of databases: found on the PATH, given their secrets in private files, ended when they are left."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, cast

from backup_actions.archive.interrupts import uninterrupted
from backup_actions.errors import BackupActionsError, ToolMissing

if TYPE_CHECKING:
    from typing_extensions import Buffer

_SAID_BYTES = 8 << 10  # of the beginning, and again of the end: what fails may be a statement of megabytes
_LINE_LETTERS = 500
_PIPE_BYTES = 1 << 20
_WORTH_READING_BYTES = 64 << 10
_GATHERING_SECONDS = 0.002  # of which the fastest program fills no half of the pipe
_KEPT = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")
Failed = Callable[[str], BackupActionsError]
"""Makes the error to raise of what a program said."""


def program(*names: str, purpose: str, package: str) -> str:
    """The path of the first of these programs that is there. Raises ToolMissing, naming the first."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise ToolMissing(program=names[0], purpose=purpose, package=package)


@contextmanager
def private_file(text: str) -> Iterator[Path]:
    """A file with this text that nobody else may read, as long as the block lasts: a password never goes elsewhere."""
    with TemporaryDirectory(prefix="backup-actions-") as folder:
        path = Path(folder) / "secret"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield path


@contextmanager
def output_of(
    command: Sequence[str], failed: Failed, *, environment: Mapping[str, str] | None = None
) -> Iterator[BinaryIO]:
    """What a program writes, to be read to its end. Raises what ``failed`` makes unless it ends with 0."""
    with _Program(command, failed, environment or {}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as running:
        yield cast("BinaryIO", io.BufferedReader(_Gathering(running.pipe(running.process.stdout))))


@contextmanager
def input_of(
    command: Sequence[str], failed: Failed, *, environment: Mapping[str, str] | None = None
) -> Iterator[BinaryIO]:
    """Where to write what a program reads. Raises what ``failed`` makes unless it reads all and ends with 0."""
    with _Program(command, failed, environment or {}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        yield running.pipe(running.process.stdin)


class _Gathering(io.RawIOBase):
    """What comes out of a pipe, in large pieces: programs write 4 KiB at a time, and to be woken up for each of these
    costs both sides more than reading it.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        # Where the pipe could not be widened, whoever writes would have to wait.
        is_wide = sys.platform == "linux" and fcntl.fcntl(pipe.fileno(), fcntl.F_GETPIPE_SZ) >= _PIPE_BYTES
        self._pause_seconds = _GATHERING_SECONDS if is_wide else 0.0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Buffer) -> int:
        """What there is by now, but at least a byte; none at the end."""
        length = os.readv(self._pipe.fileno(), [into])
        if 0 < length < min(memoryview(into).nbytes, _WORTH_READING_BYTES):
            time.sleep(self._pause_seconds)
        return length


class Crew:
    """The programs that are started within ``work``, in whichever threads, to be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @contextmanager
    def work(self) -> Iterator[None]:
        """Programs started in this block, in this thread, are the crew's."""
        token = _crew.set(self)
        try:
            yield
        finally:
            _crew.reset(token)

    def end(self) -> None:
        """All are killed, and so is whatever starts later."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.kill()

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """It is ended with the others."""
        with self._lock:
            self._running.add(process)
            if self._ended:
                process.kill()

    def remove(self, process: subprocess.Popen[bytes]) -> None:
        """It has ended."""
        with self._lock:
            self._running.discard(process)


_crew: ContextVar[Crew | None] = ContextVar("crew", default=None)


class _Program:
    """A running program; leaving the ``with`` by an exception kills it."""

    def __init__(
        self, command: Sequence[str], failed: Failed, environment: Mapping[str, str], *, stdin: int, stdout: int
    ) -> None:
        self._name = Path(command[0]).name
        self._failed = failed
        self._said_first, self._said_last = b"", b""
        self._crew = _crew.get()
        with uninterrupted():
            # A terminal's Ctrl-C reaches us alone: we end the program, and nobody takes its death for a failure.
            self.process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                env=_environment(environment),
                start_new_session=True,
            )
            if self._crew:
                self._crew.add(self.process)
        self._listener = threading.Thread(target=self._listen, name=f"{self._name}-remarks", daemon=True)
        self._listener.start()

    def pipe(self, end: object) -> BinaryIO:
        """The end of a pipe that was asked for, with room for more where the system gives it."""
        wide = cast("BinaryIO", end)
        if sys.platform == "linux":
            with suppress(OSError):
                fcntl.fcntl(wide.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return wide

    def __enter__(self) -> _Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # A broken pipe is the program's end seen from here: what it said tells more.
        has_failed = error is not None and not isinstance(error, BrokenPipeError)
        try:
            if has_failed:
                self.process.kill()
            self._close_pipes()
            code = self.process.wait()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._let_go()
        if not has_failed and (code != 0 or error is not None):
            raise self._failed(self._words(code)) from error

    def _close_pipes(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _let_go(self) -> None:
        self._listener.join()
        if self.process.stderr:
            self.process.stderr.close()
        if self._crew:
            self._crew.remove(self.process)

    def _listen(self) -> None:
        errors = cast("BinaryIO", self.process.stderr)
        while data := os.read(errors.fileno(), 1 << 16):
            room = _SAID_BYTES - len(self._said_first)
            self._said_first += data[:room]
            self._said_last = (self._said_last + data[room:])[-_SAID_BYTES:]

    def _words(self, code: int) -> str:
        """The first and the last lines of what it said: the cause is told first, what became of it last."""
        said = (self._said_first + self._said_last).decode("utf-8", "backslashreplace")
        lines = [line[:_LINE_LETTERS] for line in said.splitlines() if line.strip()]
        told = lines if len(lines) <= 6 else [*lines[:4], "…", *lines[-2:]]
        return "; ".join(told) or f"{self._name} ended with code {code}"


def _environment(wanted: Mapping[str, str]) -> dict[str, str]:
    """Nothing of ours but where programs are: a password or a setting for libpq may be among it."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", **wanted}
