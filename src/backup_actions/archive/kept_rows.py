"""The rows that an interrupted index had: what a resume compares the source with, and takes digests from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pyarrow as pa

from backup_actions.archive import content_hash
from backup_actions.archive.index_rows import SCHEMA, rows_before
from backup_actions.archive.tree_so_far import IndexSegments, SourceDiffers, TreeSoFar


class KeptRows:
    """The rows whose headers begin before the position that was reached, in order. Memory: one segment.

    Everything raises SourceDiffers where what was kept is not an index.
    """

    def __init__(self, begun: TreeSoFar, segments: IndexSegments) -> None:
        self._begun = begun
        self._segments = segments
        self._stretches = self._read()
        self._rest = SCHEMA.empty_table()

    def read_from(self) -> int:
        """Where in the tar reading has to begin: at a piece of the file in whose midst the position lies, or there."""
        position, pieces = self._begun.position, self._begun.pieces
        last = self._last()
        if last is None or last["tar_end"] <= position or last["type"] != "file" or last["data_offset"] >= position:
            return position
        return cast("int", last["data_offset"]) + len(pieces) * content_hash.HASH_PIECE_BYTES

    def take(self, rows: int) -> pa.Table:
        """The next rows, fewer where there are no more."""
        taken = []
        while rows and (len(self._rest) or self._refill()):
            taken.append(self._rest.slice(0, rows))
            self._rest = self._rest.slice(rows)
            rows -= len(taken[-1])
        return pa.concat_tables(taken).combine_chunks() if taken else SCHEMA.empty_table()

    def are_all_taken(self) -> bool:
        """Whether there are no more."""
        return not len(self._rest) and not self._refill()

    def _refill(self) -> bool:
        self._rest = next((rows for rows in self._stretches if len(rows)), self._rest)
        return len(self._rest) > 0

    def _last(self) -> dict[str, Any] | None:
        rows = self._rows(self._begun.tail)
        if not len(rows) and self._begun.segments:
            rows = self._rows(self._segments.kept(self._begun.segments - 1))
        return cast("dict[str, Any]", rows.slice(len(rows) - 1).to_pylist()[0]) if len(rows) else None

    def _read(self) -> Iterator[pa.Table]:
        for number in range(self._begun.segments):
            yield self._rows(self._segments.kept(number))
        yield self._rows(self._begun.tail)

    def _rows(self, segment: bytes) -> pa.Table:
        if not segment:
            return SCHEMA.empty_table()
        try:
            with pa.ipc.open_stream(segment) as stream:
                rows = stream.read_all()
        except (pa.ArrowException, OSError) as wrong:
            raise SourceDiffers("the index that was kept") from wrong
        if not rows.schema.equals(SCHEMA):
            raise SourceDiffers("the index that was kept")
        return rows_before(self._begun.position, rows)
