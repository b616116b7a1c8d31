"""What connects a worker with the stores: files come in pieces, checked against their hash; Parquet goes out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive.store import ObjectWriter, Store
from backup_actions.archive.stored_file import StoredFile
from backup_actions.errors import CorruptExport
from backup_actions.model.manifest import StoredObject
from backup_actions.model.progress import Progress
from backup_actions.parquet.options import ExportFile
from backup_actions.parquet.parts import ITEM

_PIECE_BYTES = 4 << 20
_ROWS_AT_ONCE = 1000


def checked_pieces(store: Store, file: ExportFile) -> Iterator[bytes]:
    """A file from its beginning, the next piece being fetched while one is used. Memory: two pieces of 4 MiB.

    Raises CorruptExport behind the last piece where the hash is another, ArchiveMissing.
    """
    found = hashlib.md5(usedforsecurity=False)
    position = 0
    with ThreadPoolExecutor(1, thread_name_prefix="fetch") as ahead:
        coming = ahead.submit(store.read, file.name, 0, _PIECE_BYTES)
        while piece := coming.result():
            position += len(piece)
            whole = len(piece) == _PIECE_BYTES
            if whole:
                coming = ahead.submit(store.read, file.name, position, position + _PIECE_BYTES)
            found.update(piece)
            yield piece
            if not whole:
                break
    if (md5 := base64.b64encode(found.digest()).decode()) != file.md5:
        raise CorruptExport(file=file.name, reason=f"its MD5 is {md5} and should be {file.md5}")


class PartChannel:
    """Gives the items of parts that stand already, takes parts. What is not finished leaves no trace."""

    def __init__(self, to: Store, stored: dict[str, StoredObject], progress: Progress) -> None:
        self._to = to
        self._stored = stored
        self._progress = progress
        self._writer: ObjectWriter | None = None

    def pieces(self, name: str) -> Iterator[bytes]:
        """The items of a part as lines of an export."""
        file = StoredFile(self._to, self._stored[name])
        with pq.ParquetFile(pa.PythonFile(file, mode="r")) as parquet:
            for batch in parquet.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[ITEM], use_threads=False):
                yield "".join(f'{{"Item":{item}}}\n' for item in batch.column(0).to_pylist()).encode()

    def begin(self, name: str) -> None:
        """Begin a part."""
        self._writer = self._to.create(name)

    def write(self, data: bytes) -> None:
        """Append to it."""
        assert self._writer is not None  # noqa: S101 - begun before
        self._writer.write(data)

    def finish(self) -> None:
        """The part stands."""
        assert self._writer is not None  # noqa: S101 - begun before
        with self._writer as writer:
            written = writer.finish()
        self._stored[written.name] = written
        self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            with self._writer:
                self._writer = None


class ExportChannel(PartChannel):
    """Gives the files of an export."""

    def __init__(
        self,
        to: Store,
        stored: dict[str, StoredObject],
        progress: Progress,
        source: Store,
        files: Sequence[ExportFile],
    ) -> None:
        super().__init__(to, stored, progress)
        self._source = source
        self._files = {file.name: file for file in files}

    def pieces(self, name: str) -> Iterator[bytes]:
        """The file as it lies there. Raises CorruptExport, ArchiveMissing."""
        for piece in checked_pieces(self._source, self._files[name]):
            self._progress.add(len(piece))
            yield piece
