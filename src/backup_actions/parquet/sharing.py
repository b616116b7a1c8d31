"""The work of one worker: compressed pieces of export files in, Parquet out. It knows no store and no credentials."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import pyarrow as pa
from isal import igzip, isal_zlib

from backup_actions.errors import CorruptExport
from backup_actions.parquet.column_types import ColumnType
from backup_actions.parquet.item_program import TextReader, item_program
from backup_actions.parquet.options import ConversionOptions, ExportFile
from backup_actions.parquet.parts import Columns, Part, PartWriter, Sink
from backup_actions.parquet.row_groups import RowGroup

_TEXT_BYTES = 1 << 19  # what was parsed is still in the cache of the processor when it becomes columns
_LONGEST_LINE_BYTES = 16 << 20  # an item has 400 KB; where every byte of it is escaped, its JSON is 6 times as long
_NO_GZIP = cast("tuple[type[Exception], ...]", (isal_zlib.error, gzip.BadGzipFile, EOFError))
_NO_ITEM: tuple[type[Exception], ...] = (
    ValueError,  # of which orjson's own error and Arrow's are kinds
    TypeError,
    KeyError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    pa.ArrowException,
)


class Channel(Sink, Protocol):
    """What connects a worker with the stores."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """A file from its beginning, in pieces. Raises CorruptExport behind the last where its hash is another."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one worker has to do: convert these files into parts of this name.

    With ``columns`` it is to write again what was written with other columns, from lines that are not compressed.
    """

    name: str
    files: Sequence[ExportFile]
    keys: Sequence[str]
    options: ConversionOptions
    columns: Columns | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What came of an order."""

    parts: list[Part]
    types: dict[str, ColumnType]
    counts: Counter[str]


def converted(order: Order, channel: Channel) -> Share:
    """Every item of the files is a row of the parts. Raises CorruptExport."""
    group, full_bytes = RowGroup(), order.options.row_group_mib << 20
    with (
        TextReader(item_program()) as reader,
        PartWriter(channel, order.name, order.keys, order.options, order.columns) as writer,
    ):
        for file in order.files:
            rows = 0
            for text in _read(file, channel, compressed=order.columns is None):
                try:
                    slices = reader.slices(text)
                except _NO_ITEM as wrong:
                    raise CorruptExport(file=file.name, reason=f"a line is not an item: {_brief(wrong)}") from wrong
                rows += sum(map(len, slices))
                group.add(slices)
                if group.is_full(full_bytes):
                    writer.write(group, reader.counts)
                    group = RowGroup()
            if rows != file.items:
                raise CorruptExport(file=file.name, reason=f"it holds {rows} items and should hold {file.items}")
        if group.rows:
            writer.write(group, reader.counts)
        writer.close()
        return Share(parts=writer.parts, types=writer.types, counts=reader.counts)


def _read(file: ExportFile, channel: Channel, *, compressed: bool) -> Iterator[bytes]:
    pieces = channel.pieces(file.name)
    return _whole_lines(inflated(pieces, file) if compressed else pieces, file)


def inflated(pieces: Iterable[bytes], file: ExportFile) -> Iterator[bytes]:
    """The text of a gzip file of one or more members. Raises CorruptExport."""
    try:
        with cast("gzip.GzipFile", igzip.open(_Stream(pieces), "rb")) as text:  # type: ignore[no-untyped-call]
            while data := text.read(_TEXT_BYTES):
                yield data
    except _NO_GZIP as wrong:
        raise CorruptExport(file=file.name, reason=f"it cannot be inflated: {wrong}") from wrong


def item_lines(texts: Iterable[bytes], file: ExportFile) -> Iterator[list[bytes]]:
    """Whole lines, some at a time; blank ones are none. Raises CorruptExport for one that is longer than any item."""
    for text in _whole_lines(texts, file):
        yield [line for line in text.split(b"\n") if line]


def _whole_lines(texts: Iterable[bytes], file: ExportFile) -> Iterator[bytes]:
    rest = b""
    for text in texts:
        whole = rest + text
        end = whole.rfind(b"\n") + 1
        if end:
            yield whole[:end]
        rest = whole[end:]
        if len(rest) > _LONGEST_LINE_BYTES:
            raise CorruptExport(file=file.name, reason=f"a line is longer than {_LONGEST_LINE_BYTES} bytes")
    if rest:
        yield rest + b"\n"


class _Stream(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _brief(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
