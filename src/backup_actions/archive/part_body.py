"""The bytes of one part until S3 has them: in memory as they came, or in a file without a name where they are many."""

from __future__ import annotations

import os
from tempfile import TemporaryFile
from typing import Protocol

from backup_actions.archive.checksums import Crc64Nvme

_PIECE_BYTES = 1 << 20
_SMALL_BYTES = 64 << 10  # smaller pieces are gathered: each would be a TLS record of its own


class PartBody(Protocol):
    """A part that fills, is sent, perhaps again, and is closed.

    To botocore it is a file. Its HTTP client would copy a file in blocks of 16 KiB; so ``read`` gives a whole piece
    whatever amount is asked for, which is sent as it is.
    """

    size_bytes: int

    def append(self, data: bytes) -> None:
        """These bytes are part of it."""
        ...

    def checksum(self) -> Crc64Nvme:
        """The CRC64NVME of all of it."""
        ...

    def read(self, amount: int | None = -1) -> bytes | bytearray:
        """The next piece, nothing at the end; all of the rest where no amount is asked for."""
        ...

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to the beginning or the end; how far from the beginning that is."""
        ...

    def tell(self) -> int:
        """How far from the beginning the next piece is."""
        ...

    def close(self) -> None:
        """Its memory or disk is free."""
        ...


class BodyInMemory:
    """Takes the memory of the pieces that were appended, which are never copied."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._pieces: list[bytes | bytearray] = []
        self._next = 0
        self._position = 0

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

    def read(self, amount: int | None = -1) -> bytes | bytearray:
        """A piece as it was appended."""
        if amount is None or amount < 0:
            rest = b"".join(self._pieces[self._next :])
            self.seek(0, os.SEEK_END)
            return rest
        if self._next == len(self._pieces):
            return b""
        piece = self._pieces[self._next]
        self._next += 1
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Raise ValueError for any other place than the beginning and the end."""
        if offset or whence == os.SEEK_CUR:
            raise ValueError("only the beginning and the end can be sought")
        at_end = whence == os.SEEK_END
        self._next, self._position = (len(self._pieces), self.size_bytes) if at_end else (0, 0)
        return self._position

    def tell(self) -> int:
        """The length of the pieces that were read."""
        return self._position

    def close(self) -> None:
        """Let go of the pieces."""
        self._pieces.clear()


class BodyOnDisk:
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

    def read(self, amount: int | None = -1) -> bytes:
        """A MiB from the disk."""
        return self._file.read() if amount is None or amount < 0 else self._file.read(_PIECE_BYTES)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As in any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def close(self) -> None:
        """The disk is free."""
        self._file.close()
