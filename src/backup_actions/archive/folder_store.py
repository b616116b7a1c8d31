"""An archive's place in a local folder: the same contract as S3."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Self

from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.store import CannotResumeError, KeptObject, checked_name
from backup_actions.errors import ArchiveExists, ArchiveMissing, ArchiveUnreadable, UploadFailed
from backup_actions.model.manifest import StoredObject


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder, as a Store. It is made with the first object."""

    path: Path

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self.path)

    def folder(self, name: str) -> FolderStore:
        """The folder of that name in this one."""
        return FolderStore(self.path / checked_name(name))

    def after(self, check: Callable[[], object]) -> FolderStore:
        """Waits for the check, which takes no time here."""
        check()
        return self

    def create(self, name: str, *, expected_bytes: int | None = None, memory_bytes: int | None = None) -> FolderWriter:
        """Begin an object under a temporary name beside its place."""
        return FolderWriter.begun(self.path / checked_name(name), name)

    def resume(
        self, name: str, kept: KeptObject, *, expected_bytes: int | None = None, memory_bytes: int | None = None
    ) -> FolderWriter:
        """Go on with a temporary file. Raises CannotResumeError where it is gone or too short."""
        return FolderWriter.resumed(self.path / checked_name(name), name, kept)

    def put(self, name: str, data: bytes) -> None:
        """A file that takes the place of any other at once."""
        with self.create(name) as writer:
            writer.write(data)
            writer.finish()

    def put_if_absent(self, name: str, data: bytes) -> StoredObject:
        """Raise ArchiveExists where the name is taken; a hard link is how a folder says "unless it exists"."""
        with self.create(name) as writer:
            writer.write(data)
            try:
                return writer.finish(only_if_absent=True)
            except FileExistsError as exists:
                raise ArchiveExists(where=self.location) from exists

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Raise ArchiveMissing where there is no such file, ArchiveUnreadable where it does not let itself be read."""
        path = self.path / checked_name(name)
        try:
            with path.open("rb") as file:
                if start >= os.fstat(file.fileno()).st_size:
                    return b""  # no file system lets one seek as far as an integer reaches
                file.seek(start)
                return file.read(-1 if end is None else max(0, end - start))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as absent:
            raise ArchiveMissing(where=self.location, reason=f"{name} is not there") from absent
        except OSError as failure:
            raise ArchiveUnreadable(path=path, reason=failure.strerror or failure) from failure

    def describe(self, name: str) -> StoredObject | None:
        """A folder keeps no checksums: the file is read to know its own. Raises ArchiveUnreadable."""
        path = self.path / checked_name(name)
        checksum, size_bytes = Crc64Nvme(), 0
        try:
            if not path.is_file():
                return None
            with path.open("rb") as file:
                while data := file.read(1 << 22):
                    checksum.update(data)
                    size_bytes += len(data)
        except OSError as failure:
            raise ArchiveUnreadable(path=path, reason=failure.strerror or failure) from failure
        return StoredObject(name=name, size_bytes=size_bytes, crc64nvme=checksum.base64())

    def remove(self, name: str) -> None:
        """Whether or not there was one."""
        (self.path / checked_name(name)).unlink(missing_ok=True)

    def remove_folder(self, name: str) -> None:
        """Remove it with all that is in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path / checked_name(name))

    def give_up_unfinished(self, *, besides: KeptObject | None = None) -> int:
        """Remove the temporary files that no process holds."""
        given_up = 0
        for path in tuple(self.path.rglob(f".*{_SUFFIX}")):
            if path.is_file() and not path.is_symlink() and not (besides and path.name == besides.handle):
                with suppress(_HeldElsewhereError), _locked(path):
                    path.unlink()
                    given_up += 1
        return given_up


_SUFFIX = ".partial"


class _HeldElsewhereError(Exception):
    """Another process writes this file."""


def _locked(path: Path) -> BinaryIO:
    """The file, to be read and written, and ours until it is closed. Raises _HeldElsewhereError, OSError."""
    file = path.open("r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        file.close()
        raise _HeldElsewhereError from held
    return file


class FolderWriter:
    """One file on its way, under a name that no reader looks for, locked as long as this process lives."""

    def __init__(self, path: Path, name: str, temporary: Path, file: BinaryIO, kept: KeptObject | None = None) -> None:
        self._path = path
        self._name = name
        self._temporary = temporary
        self._file = file
        self._lock = Lock()
        # One value, so that Ctrl-C never finds the half of it changed.
        self._so_far = kept or KeptObject(handle=temporary.name, size_bytes=0, writes=0, crc64nvme=Crc64Nvme().base64())
        self._held = False
        self._lost: OSError | None = None

    @classmethod
    def begun(cls, path: Path, name: str) -> Self:
        """A new file. Raises UploadFailed."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with uninterrupted():
                descriptor, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return cls(path, name, Path(temporary), os.fdopen(descriptor, "r+b"))
        except OSError as failure:
            raise UploadFailed(what=path, reason=failure) from failure

    @classmethod
    def resumed(cls, path: Path, name: str, kept: KeptObject) -> Self:
        """A file that an earlier process began. Raises CannotResumeError; UploadFailed while that one lives."""
        if "/" in kept.handle or not (kept.handle.startswith(f".{path.name}.") and kept.handle.endswith(_SUFFIX)):
            raise CannotResumeError(f"{kept.handle!r} is no temporary file of {name}")
        temporary = path.parent / kept.handle
        try:
            file = _locked(temporary)
        except _HeldElsewhereError as held:
            raise UploadFailed(what=path, reason="another process is writing it") from held
        except OSError as failure:
            raise CannotResumeError(f"{temporary} cannot be opened: {failure.strerror}") from failure
        if os.fstat(file.fileno()).st_size < kept.size_bytes:
            file.close()
            raise CannotResumeError(f"{temporary} is shorter than it was")
        file.truncate(kept.size_bytes)  # what came behind was not yet certain
        file.seek(kept.size_bytes)
        return cls(path, name, temporary, file, kept)

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises UploadFailed where the disk is full or broken."""
        with self._lock:
            try:
                self._file.write(data)
            except OSError as failure:
                raise UploadFailed(what=self._path, reason=failure) from failure
            checksum = Crc64Nvme.from_base64(self._so_far.crc64nvme)
            checksum.update(data)
            self._so_far = KeptObject(
                handle=self._temporary.name,
                size_bytes=self._so_far.size_bytes + len(data),
                writes=self._so_far.writes + 1,
                crc64nvme=checksum.base64(),
            )

    def seal(self) -> StoredObject:
        """What has been written."""
        kept = self._so_far
        return StoredObject(name=self._name, size_bytes=kept.size_bytes, crc64nvme=kept.crc64nvme)

    def finish(self, *, only_if_absent: bool = False) -> StoredObject:
        """Give the file its name once its bytes are on the disk. Raises FileExistsError only if asked to."""
        try:
            self._file.flush()
            self._sync()
            self._temporary.chmod(0o644)
            if only_if_absent:
                os.link(self._temporary, self._path)
            else:
                self._temporary.replace(self._path)
            self._sync_folder()
        except FileExistsError:
            raise
        except OSError as failure:
            raise UploadFailed(what=self._path, reason=failure) from failure
        return self.seal()

    def kept(self) -> KeptObject | None:
        """What has been written until now, once it is on the disk. Raises UploadFailed."""
        with self._lock:
            kept = self._so_far
            try:
                self._file.flush()
            except OSError as failure:
                raise UploadFailed(what=self._path, reason=failure) from failure
        self._sync()
        return kept if kept.size_bytes else None

    def hold(self) -> KeptObject | None:
        """The file stays under its temporary name."""
        with uninterrupted():
            kept = self.kept()
            self._held = kept is not None
        return kept

    def let_go(self) -> None:
        """The file will be removed."""
        self._held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._held:
            self._temporary.unlink(missing_ok=True)
        self._file.close()

    def _sync(self) -> None:
        """All bytes are on the disk. The system tells only once of those that it has lost. Raises UploadFailed."""
        try:
            if self._lost is None:
                os.fsync(self._file.fileno())
        except OSError as lost:
            self._lost = lost
        if self._lost is not None:
            raise UploadFailed(what=self._path, reason=self._lost) from self._lost

    def _sync_folder(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
