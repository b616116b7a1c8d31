"""An object of a store as the seekable file that a Parquet reader wants."""

from __future__ import annotations

import io

from backup_actions.archive.store import Store
from backup_actions.model.manifest import StoredObject


class StoredFile(io.RawIOBase):
    """Nothing is fetched before it is read; each read is one ranged GET, counted in ``bytes_read``."""

    def __init__(self, store: Store, stored: StoredObject) -> None:
        self._store = store
        self._stored = stored
        self._position = 0
        self.bytes_read = 0

    def readable(self) -> bool:
        """Reading is all that it can."""
        return True

    def seekable(self) -> bool:
        """A range may begin anywhere."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to where the next read shall begin."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stored.size_bytes}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer where the object ends."""
        end = self._stored.size_bytes if size < 0 else self._position + size
        data = self._store.read(self._stored.name, self._position, end)
        self._position += len(data)
        self.bytes_read += len(data)
        return data
