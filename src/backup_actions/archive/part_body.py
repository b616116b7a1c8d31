"""The bytes of one part until S3 has them: in memory as they came, or in a file without a name where they are many."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Protocol

from backup_actions.archive.checksums import Crc64Nvme

_PIECE_BYTES = 1 << 20
_SMALL_BYTES = 64 << 10  # smaller pieces are gathered: each would be a TLS record of its own


class PartBody(Protocol):
    """A part that fills, is sent, perhaps again, and is closed. botocore sees a file in it."""

    size_bytes: int

    def append(self, data: bytes) -> None:
        """These bytes are part of it."""
        ...

    def checksum(self) -> Crc64Nvme:
        """The CRC64NVME of all of it."""
        ...

    def pieces(self) -> Iterator[bytes | bytearray | memoryview]:
        """All of it, from the beginning."""
        ...

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Where it is read next."""
        ...

    def close(self) -> None:
        """Its memory or disk is free."""
        ...


class BodyInMemory(io.RawIOBase):
    """Takes the memory of the pieces that were appended, which are never copied."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._pieces: list[bytes | bytearray] = []
        self._position = 0
        self._rest: Iterator[memoryview] | None = None
        self._piece = memoryview(b"")

    def append(self, data: bytes) -> None:
        """Keep the piece, or add it to the last one where it is small."""
        last = self._pieces[-1] if self._pieces else b""
        if len(data) >= _SMALL_BYTES:
            self._pieces.append(data)
        elif isinstance(last, bytearray) and len(last) < _PIECE_BYTES:
            last += data
        else:
            self._pieces.append(bytearray(data))
        self.size_bytes += len(data)

    def checksum(self) -> Crc64Nvme:
        """Computed now."""
        checksum = Crc64Nvme()
        for piece in self._pieces:
            checksum.update(piece)
        return checksum

    def pieces(self) -> Iterator[bytes | bytearray | memoryview]:
        """The pieces themselves."""
        return iter(self._pieces)

    def close(self) -> None:
        """Let go of the pieces."""
        self._pieces.clear()
        super().close()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to the beginning or to the end, which is all that a client of HTTP wants."""
        if offset or whence == os.SEEK_CUR:
            raise io.UnsupportedOperation("only the beginning and the end can be sought")
        self._position = 0 if whence == os.SEEK_SET else self.size_bytes
        self._rest = None if whence == os.SEEK_SET else iter(())
        self._piece = memoryview(b"")
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what io says takes any buffer
        """The next bytes, as many as the piece at hand has."""
        if self._rest is None:
            self._rest = map(memoryview, self._pieces)
        while not self._piece:
            piece = next(self._rest, None)
            if piece is None:
                return 0
            self._piece = piece
        length = min(len(buffer), len(self._piece))
        buffer[:length] = self._piece[:length]
        self._piece = self._piece[length:]
        self._position += length
        return length


class BodyOnDisk(io.RawIOBase):
    """Takes a few buffers of memory and the disk of temporary files; the file is gone with the process."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._checksum = Crc64Nvme()
        self._file = TemporaryFile()  # noqa: SIM115 - closed by close

    def append(self, data: bytes) -> None:
        """Behind what is in the file. Raises OSError where the disk is full."""
        self._file.write(data)
        self._checksum.update(data)
        self.size_bytes += len(data)

    def checksum(self) -> Crc64Nvme:
        """Computed when the bytes came, before the disk had them."""
        return self._checksum

    def pieces(self) -> Iterator[bytes | bytearray | memoryview]:
        """Read again, a MiB at a time."""
        self._file.seek(0)
        while piece := self._file.read(_PIECE_BYTES):
            yield piece

    def close(self) -> None:
        """The disk is free."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As in any file."""
        return self._file.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what io says takes any buffer
        """As from any file."""
        return self._file.readinto(buffer)
