"""An archive's place in a local folder: the same contract as S3."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Self

from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.archive.store import checked_name
from backup_actions.errors import ArchiveExists, ArchiveMissing, UploadFailed
from backup_actions.model.manifest import StoredObject


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder, as a Store. It is made with the first object."""

    path: Path

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self.path)

    def create(self, name: str, *, expected_bytes: int | None = None) -> FolderWriter:
        """Begin an object under a temporary name beside its place."""
        return FolderWriter(self.path / checked_name(name), name)

    def put_if_absent(self, name: str, data: bytes) -> StoredObject:
        """Raise ArchiveExists where the name is taken; a hard link is how a folder says "unless it exists"."""
        with FolderWriter(self.path / checked_name(name), name) as writer:
            writer.write(data)
            try:
                return writer.finish(only_if_absent=True)
            except FileExistsError as exists:
                raise ArchiveExists(where=self.location) from exists

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Raise ArchiveMissing where there is no such file."""
        try:
            with (self.path / checked_name(name)).open("rb") as file:
                if start >= os.fstat(file.fileno()).st_size:
                    return b""  # no file system lets one seek as far as an integer reaches
                file.seek(start)
                return file.read(-1 if end is None else max(0, end - start))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as absent:
            raise ArchiveMissing(where=self.location, reason=f"{name} is not there") from absent

    def describe(self, name: str) -> StoredObject | None:
        """A folder keeps no checksums: the file is read to know its own."""
        path = self.path / checked_name(name)
        if not path.is_file():
            return None
        checksum, size_bytes = Crc64Nvme(), 0
        with path.open("rb") as file:
            while data := file.read(1 << 22):
                checksum.update(data)
                size_bytes += len(data)
        return StoredObject(name=name, size_bytes=size_bytes, crc64nvme=checksum.base64())


class FolderWriter:
    """One file on its way, under a name that no reader looks for."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._size_bytes = 0
        self._checksum = Crc64Nvme()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = NamedTemporaryFile(  # noqa: SIM115 - closed by __exit__
                dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False
            )
        except OSError as failure:
            raise UploadFailed(what=path, reason=failure) from failure

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises UploadFailed where the disk is full or broken."""
        try:
            self._file.write(data)
        except OSError as failure:
            raise UploadFailed(what=self._path, reason=failure) from failure
        self._checksum.update(data)
        self._size_bytes += len(data)

    def finish(self, *, only_if_absent: bool = False) -> StoredObject:
        """Give the file its name once its bytes are on the disk. Raises FileExistsError only if asked to."""
        temporary = Path(self._file.name)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            temporary.chmod(0o644)
            if only_if_absent:
                os.link(temporary, self._path)
            else:
                temporary.replace(self._path)
            self._sync_folder()
        except FileExistsError:
            raise
        except OSError as failure:
            raise UploadFailed(what=self._path, reason=failure) from failure
        return StoredObject(name=self._name, size_bytes=self._size_bytes, crc64nvme=self._checksum.base64())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
