"""Are the rows of a converted table the items of the export? Every item is compared, whatever order either side has.

Both sides are summed up: the hash of each item's text, added modulo 2^128. Two sums and two counts that agree mean the
same items, as often each; memory is that of one Parquet file's ``item`` column, whatever the size of the table.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from isal import isal_zlib

from backup_actions.archive.checksums import crc64nvme_base64
from backup_actions.errors import ArchiveMissing, CorruptExport, ParquetUnreadable

if TYPE_CHECKING:
    from backup_actions.archive import Store
    from backup_actions.model.manifest import StoredObject
    from backup_actions.model.progress import Progress
    from backup_actions.parquet.options import ExportFile

_PIECE_BYTES = 8 << 20
_GZIP = 31
_BEGIN, _END = b'{"Item":', b"}"
_MODULUS = 1 << 128


@dataclass(frozen=True, slots=True)
class Tally:
    """Items, how many and which; ``+`` puts two together."""

    count: int = 0
    sum: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, (self.sum + other.sum) % _MODULUS)

    def with_item(self, text: bytes) -> Tally:
        """One more."""
        digest = hashlib.blake2b(text, digest_size=16, usedforsecurity=False).digest()
        return self + Tally(1, int.from_bytes(digest))


def tally_of_export(file: ExportFile, source: Store, progress: Progress) -> Tally:
    """The items of a data file. Raises CorruptExport where bytes or number are not those that the manifest states."""
    md5, tally = hashlib.md5(usedforsecurity=False), Tally()
    try:
        for line in _lines(_inflated(_pieces(file, source, md5, progress))):
            tally = tally.with_item(_item_in(line))
    except (isal_zlib.error, ValueError, KeyError, TypeError) as wrong:  # type: ignore[misc] # typed as an instance
        raise CorruptExport(file=file.name, reason=f"{type(wrong).__name__}: {wrong}") from wrong
    if base64.b64encode(md5.digest()).decode() != file.md5:
        raise CorruptExport(file=file.name, reason="its MD5 is not the one in the manifest")
    if tally.count != file.items:
        raise CorruptExport(file=file.name, reason=f"it has {tally.count} items, the manifest says {file.items}")
    return tally


def tally_of_parquet(file: StoredObject, converted: Store, progress: Progress) -> Tally:
    """The items in a Parquet file. Raises ParquetUnreadable where its bytes are not those that were written."""
    try:
        content = converted.read(file.name)
    except ArchiveMissing as missing:
        raise ParquetUnreadable(where=file.name, reason="it is not there") from missing
    progress.add(len(content))
    if file.crc64nvme and crc64nvme_base64(content) != file.crc64nvme:
        raise ParquetUnreadable(where=file.name, reason="its checksum is not the one that it was written with")
    tally = Tally()
    try:
        parquet = pq.ParquetFile(io.BytesIO(content))
        for batch in parquet.iter_batches(columns=["item"]):
            for text in batch.column(0).cast(pa.binary()).to_pylist():
                tally = tally.with_item(text)
    except (pa.ArrowException, OSError, ValueError, TypeError) as wrong:
        raise ParquetUnreadable(where=file.name, reason=" ".join(str(wrong).split())) from wrong
    return tally


def total(tallies: Sequence[Tally]) -> Tally:
    """All of them together."""
    return sum(tallies, Tally())


def _pieces(file: ExportFile, source: Store, md5: hashlib._Hash, progress: Progress) -> Iterator[bytes]:
    start = 0
    while True:
        try:
            piece = source.read(file.name, start, start + _PIECE_BYTES)
        except ArchiveMissing as missing:
            raise CorruptExport(file=file.name, reason="it is not there") from missing
        md5.update(piece)
        progress.add(len(piece))
        if piece:
            yield piece
        if len(piece) < _PIECE_BYTES:
            return
        start += len(piece)


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What the pieces hold; a gzip file may have several members. Raises ValueError where the last one breaks off."""
    inflater = isal_zlib.decompressobj(_GZIP)
    begun = False
    for piece in pieces:
        rest = piece
        while rest:
            begun = True
            yield inflater.decompress(rest)
            rest = inflater.unused_data
            if inflater.eof:
                inflater, begun = isal_zlib.decompressobj(_GZIP), False
    if begun:
        raise ValueError("it breaks off")


def _lines(texts: Iterator[bytes]) -> Iterator[bytes]:
    kept = b""
    for text in texts:
        *whole, kept = (kept + text).split(b"\n")
        yield from filter(None, whole)
    if kept:
        yield kept


def _item_in(line: bytes) -> bytes:
    """The item's text as it was written, or rewritten where blanks stand around it."""
    if line.startswith(_BEGIN) and line.endswith(_END):
        return line[len(_BEGIN) : -len(_END)]
    return orjson.dumps(orjson.loads(line)["Item"])
