"""Where archives lie: a prefix of an S3 bucket or a folder, behind one contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from backup_actions.errors import UnsafePath
from backup_actions.model.manifest import StoredObject


class CannotResumeError(Exception):
    """What was kept of an object is gone, or is not what it was. The text says why."""


def checked_name(name: str) -> str:
    """The name as it is. Raises UnsafePath unless it stays inside its store: a manifest may come from anywhere."""
    if not name or any(step in {"", ".", ".."} or "\0" in step for step in name.split("/")):
        raise UnsafePath(path=name)
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptObject:
    """The beginning of an unfinished object that the store will not lose, and all that is needed to go on with it."""

    handle: str
    """S3's upload id, or the name of a folder's temporary file."""
    size_bytes: int
    writes: int
    """How many calls of ``write`` it holds, all of them whole."""
    crc64nvme: str
    """The checksum of these bytes, in S3's base64 form."""
    parts: int = 0
    """How many parts of an upload they are."""
    parts_sha256: str = ""
    """Over ``number size etag`` and a line feed of each part: whether S3 still has the parts that were sent."""


class ObjectWriter(Protocol):
    """An object being written. Leaving the ``with`` before ``finish`` or ``hold`` removes every trace of it.

    Obligations: the object becomes visible only when ``finish`` returns; every byte is covered by a CRC64NVME that
    the writer computed itself; memory is bounded whatever the length.
    """

    def write(self, data: bytes | memoryview) -> None:
        """Append; may block while parts are in flight. What one call takes is never divided. Raises UploadFailed."""
        ...

    def seal(self) -> StoredObject:
        """Nothing follows: what the object will be when ``finish`` makes it visible. Raises UploadFailed."""
        ...

    def finish(self) -> StoredObject:
        """Make the object visible and return what it is. Raises UploadFailed."""
        ...

    def kept(self) -> KeptObject | None:
        """What a later process can go on from, whatever happens to this one; None while that is nothing.

        May be called from any thread.
        """
        ...

    def hold(self) -> KeptObject | None:
        """What is on its way has arrived; what is kept then stays when the ``with`` is left. Nothing can follow."""
        ...

    def let_go(self) -> None:
        """What was held is removed when the ``with`` is left, as if it had not been."""
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

    def folder(self, name: str) -> Store:
        """A folder of it, as a store. Raises UnsafePath."""
        ...

    def after(self, check: Callable[[], object]) -> Store:
        """The same place, to which nothing is written before the check has returned; what it raises, writing raises."""
        ...

    def create(self, name: str, *, expected_bytes: int | None = None, memory_bytes: int | None = None) -> ObjectWriter:
        """Begin an object of unknown length.

        ``expected_bytes`` is an upper guess that plans the part sizes; parts that would take more memory than
        ``memory_bytes`` lie on the disk. Raises UploadFailed where the store takes no object of that size.
        """
        ...

    def resume(
        self, name: str, kept: KeptObject, *, expected_bytes: int | None = None, memory_bytes: int | None = None
    ) -> ObjectWriter:
        """Go on behind what was kept. Raises CannotResumeError where it is gone, or is not what it was."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Store a small object in place of any other of that name. Raises UploadFailed."""
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

    def remove(self, name: str) -> None:
        """There is no object of that name."""
        ...

    def remove_folder(self, name: str) -> None:
        """No object is left whose name begins with ``name/``."""
        ...

    def give_up_unfinished(self, *, besides: KeptObject | None = None) -> int:
        """Remove unfinished objects that nobody writes any more, except for the kept one; how many there were.

        A store that cannot tell whether anybody does takes it that nobody does.
        """
        ...
