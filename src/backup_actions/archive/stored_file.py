"""An object of a store as a file, and as the Parquet file that it has to be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive.store import Store
from backup_actions.errors import ArchiveDamaged
from backup_actions.model.manifest import StoredObject

MOST_BYTES_A_ROW = 64 << 10  # on an average: the longest path and link target, twice, with room to spare


@contextmanager
def opened_parquet(
    file: StoredFile, where: str, schema: pa.Schema, *, rows_in_a_group: int
) -> Iterator[pq.ParquetFile]:
    """A Parquet file of this schema whose row groups fit into memory. Whatever is wrong with it, also while the block
    reads, is raised as ArchiveDamaged.
    """
    try:
        # Buffered before, columns that lie side by side are one GET; nothing is read of groups that are not asked for.
        with pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=True) as parquet:
            if not parquet.schema_arrow.equals(schema):
                raise ArchiveDamaged(where=where, reason="its columns are not those of an index")
            if not _fits(parquet.metadata, schema, rows_in_a_group):
                raise ArchiveDamaged(where=where, reason="its row groups are larger than those of an index")
            yield parquet
    except (pa.ArrowException, OSError, ValueError) as wrong:
        raise ArchiveDamaged(where=where, reason=f"the index cannot be read: {wrong}") from wrong


def _fits(metadata: pq.FileMetaData, schema: pa.Schema, rows_in_a_group: int) -> bool:
    """A dictionary could make gigabytes of a few bytes; in an index only words of a short list have one."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_rows > rows_in_a_group or group.total_byte_size > MOST_BYTES_A_ROW * (1 + group.num_rows):
            return False
        for column, field in enumerate(schema):
            about = group.column(column)
            if about.has_dictionary_page and not pa.types.is_dictionary(field.type):
                return False
    return True


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
