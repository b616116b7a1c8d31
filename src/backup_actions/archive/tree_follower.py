"""Follows the tar of entries that were announced: hashes what was not hashed yet, puts their rows into the index."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import takewhile

from blake3 import blake3

from backup_actions.archive import content_hash
from backup_actions.archive.content_hash import ContentHash
from backup_actions.archive.entries import EntryType
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.index_rows import (
    DIGEST_BYTES,
    RowBatch,
    StoredFile,
    first_difference,
    index_rows,
    path_text,
)
from backup_actions.archive.kept_rows import KeptRows
from backup_actions.archive.pax import TarError
from backup_actions.archive.sparse_map import SparseMap
from backup_actions.archive.tree_so_far import SourceDiffers, TreeJournal

_BLOCK = 512


class TreeFollower:
    """Gets batches of rows before the tar of their entries. Memory: the batches that were announced.

    With a journal that has begun, rows are compared with those that were kept, and the tar begins at ``position``.
    ``file_so_far`` may be asked by another thread.
    """

    def __init__(self, index: IndexWriter, journal: TreeJournal | None = None) -> None:
        self._index = index
        self._journal = journal
        self._begun = journal.begun if journal is not None else None
        self._kept: KeptRows | None = None
        self._kept_until = 0  # entries that end before have their hash already
        if journal is not None:
            index.keep_segments(journal.segments, self._begun.segments if self._begun is not None else 0)
            if self._begun is not None:
                self._kept = KeptRows(self._begun, journal.segments)
                self._kept_until = self._begun.position
        self._read_from = self._kept.read_from() if self._kept is not None else 0
        self.position = self._read_from
        """Where in the tar the next piece begins."""
        self._batches: deque[tuple[RowBatch, Iterator[StoredFile]]] = deque()
        self._file: _FileUnderWay | None = None
        self._long_files: deque[_FileUnderWay] = deque()
        self._asked_about = 0
        self.announced_until = 0
        self.types: Counter[EntryType] = Counter()
        self.content_bytes = 0
        """Of the entries that were announced; holes are not counted."""
        self.passed_bytes = 0
        """Of these, what has passed since."""

    def announce(self, batch: RowBatch) -> None:
        """Rows, in the order of the tar. Raises TarError where they are out of it, SourceDiffers."""
        if batch.tar_offset != self.announced_until:
            raise TarError(f"an entry begins at byte {batch.tar_offset}, not {self.announced_until}")
        known = self._kept_digests(batch)
        batch.fill_in(0, known)
        rows_known = len(known) // DIGEST_BYTES
        self._count(batch)
        self._batches.append((batch, (file for file in batch.files if file.row >= rows_known)))
        self.passed_bytes += batch.hashed_bytes
        self.take(memoryview(b""))

    def add(self, batch: RowBatch) -> None:
        """Rows whose digests are known and whose content has passed. Raises SourceDiffers."""
        known = self._kept_digests(batch)
        if not batch.digests.startswith(known):
            raise SourceDiffers("the content of a file")
        self._count(batch)
        self._index.settle()
        self.position = batch.tar_end

    def take(self, data: memoryview) -> None:
        """The next piece of the tar. Raises TarError where a sparse file is none."""
        start = self.position
        stop = self.position = start + len(data)
        if not self._has_ended(data, start):
            return
        while self._batches:
            batch, files = self._batches[0]
            for file in files:
                row, begin, end, is_sparse = file
                if end <= stop and not is_sparse and end - begin <= content_hash.HASH_PIECE_BYTES:
                    batch.fill_in(row, blake3(data[begin - start : end - start]).digest())
                    self.passed_bytes += end - begin
                    continue
                self._begin(file, batch)
                if not self._has_ended(data, start):
                    return
            self._batches.popleft()
            self._index.settle()

    def finish(self) -> None:
        """Raises TarError where entries were announced whose content did not come, SourceDiffers where rows lack."""
        if self._kept is not None and not self._kept.are_all_taken():
            raise SourceDiffers(".")
        if self._batches or self.position < self.announced_until:
            raise TarError(f"it ends at byte {self.position}, within an entry")

    def file_so_far(self, position: int) -> tuple[int, tuple[bytes, ...]]:
        """Where the content ends in whose midst ``position`` lies, and the finished pieces of it; or nothing."""
        self._asked_about = position
        for file in list(self._long_files):
            if file.begin < position < file.end:
                finished = (position - file.begin) // content_hash.HASH_PIECE_BYTES
                return file.end, tuple(file.hash.finished[:finished])
        return 0, ()

    def _count(self, batch: RowBatch) -> None:
        self.announced_until = batch.tar_end
        self.types.update(batch.counts)
        self.content_bytes += batch.content_bytes
        self._index.announce(batch)
        if self._journal is not None and (self._kept is None or self._kept.are_all_taken()):
            self._journal.follow(self._index, self)  # until all rows that were kept came again, it knows better

    def _begin(self, file: StoredFile, batch: RowBatch) -> None:
        if self._begun is not None and file.begin < self._read_from:
            if file.begin + len(self._begun.pieces) * content_hash.HASH_PIECE_BYTES != self._read_from:
                raise SourceDiffers("the index that was kept")
            whole = file._replace(end=self._begun.content_end, is_sparse=False)  # its map was read before
            self._file = _FileUnderWay(whole, batch, self._begun.pieces)
        else:
            self._file = _FileUnderWay(file, batch)
        while self._long_files and self._long_files[0].end <= self._asked_about:
            self._long_files.popleft()
        self._long_files.append(self._file)

    def _has_ended(self, data: memoryview, start: int) -> bool:
        """Whether the file under way, if there is one, ended within this piece."""
        if self._file is None:
            return True
        at = self._file.at
        is_its_last = self._file.takes_its_last(data, start)
        self.passed_bytes += self._file.at - at
        if not is_its_last:
            return False
        self.passed_bytes += self._file.padding_bytes
        if not self._file.hash.finished:
            self._long_files.remove(self._file)
        self._file = None
        return True

    def _kept_digests(self, batch: RowBatch) -> bytes:
        """What was kept of the first rows, which are compared. Raises SourceDiffers."""
        if self._kept is None:
            return b""
        kept = self._kept.take(len(batch))
        differing = first_difference(index_rows([batch], self._index.frame_bytes), kept)
        if differing is not None:
            raise SourceDiffers(path_text(differing))
        ends = takewhile(lambda end: end <= self._kept_until, kept["tar_end"].to_pylist())
        return b"".join(
            digest or bytes(DIGEST_BYTES) for _, digest in zip(ends, kept["blake3"].to_pylist(), strict=False)
        )


class _FileUnderWay:
    """A file that comes in pieces: it is long, sparse, or lies across the end of a frame."""

    def __init__(self, file: StoredFile, batch: RowBatch, pieces: tuple[bytes, ...] = ()) -> None:
        self.begin = file.begin
        self.end = file.end
        self.padding_bytes = 0
        """Of a sparse file, which is known when its map was read."""
        self.hash = ContentHash(pieces)
        self.at = file.begin + len(pieces) * content_hash.HASH_PIECE_BYTES
        self._row = file.row
        self._batch = batch
        self._map = SparseMap() if file.is_sparse else None

    def takes_its_last(self, data: memoryview, start: int) -> bool:
        """Take what is its own of a piece of the tar; whether its last byte was there."""
        if self._map is not None:
            self._map.feed(data[self.at - start : self.end - start])
            if self._map.stored_bytes is not None:
                self._end_at(self.begin + self._map.stored_bytes)
            elif start + len(data) >= self.end:
                raise TarError("the map of a sparse file does not end")
        piece = data[self.at - start : self.end - start]
        self.hash.update(piece)
        self.at += len(piece)
        if self._map is not None or self.at < self.end:
            return False
        self._batch.fill_in(self._row, self.hash.digest())
        return True

    def _end_at(self, end: int) -> None:
        if -(-end // _BLOCK) * _BLOCK != self.end:
            raise TarError("the map of a sparse file contradicts what is stored of it")
        self.padding_bytes, self.end = self.end - end, end
        self._map = None
