"""Where archives lie: a prefix of an S3 bucket or a folder, behind one contract."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from backup_actions.errors import UnsafePath
from backup_actions.model.manifest import StoredObject


def checked_name(name: str) -> str:
    """The name as it is. Raises UnsafePath unless it stays inside its store: a manifest may come from anywhere."""
    if not name or any(step in {"", ".", ".."} or "\0" in step for step in name.split("/")):
        raise UnsafePath(path=name)
    return name


class ObjectWriter(Protocol):
    """An object being written. Leaving the ``with`` before ``finish`` has returned removes every trace of it.

    Obligations: the object becomes visible only when ``finish`` returns; every byte is covered by a CRC64NVME that
    the writer computed itself; memory is bounded whatever the length.
    """

    def write(self, data: bytes | memoryview) -> None:
        """Append; may block while parts are in flight. Raises UploadFailed."""
        ...

    def finish(self) -> StoredObject:
        """Make the object visible and return what it is. Raises UploadFailed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Store(Protocol):
    """A place for the objects of one archive. ``name`` is relative to it and never leaves it."""

    @property
    def location(self) -> str:
        """The place as a person would write it: ``s3://bucket/prefix`` or a path."""
        ...

    def create(self, name: str, *, expected_bytes: int | None = None) -> ObjectWriter:
        """Begin an object of unknown length; ``expected_bytes`` is an upper guess that plans the part sizes."""
        ...

    def put_if_absent(self, name: str, data: bytes) -> StoredObject:
        """Store a small object unless one of that name exists. Raises ArchiveExists."""
        ...

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from start to before end, fewer where the object ends. Raises ArchiveMissing."""
        ...

    def describe(self, name: str) -> StoredObject | None:
        """Size and checksum as the store itself states them, or None where there is no such object."""
        ...
