"""Rows of an index as columns: what the tree reader announces, or entries of our own, in the form of the index."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import ge, lt, ne
from typing import NamedTuple, Self, cast

import pyarrow as pa  # without pyarrow.compute, which takes as long to load as all the rest of it

from backup_actions.archive.content_hash import HASH_OF_NOTHING
from backup_actions.archive.entries import Entry, EntryType
from backup_actions.archive.pax import TarError

TYPES: tuple[EntryType, ...] = (
    "file",
    "directory",
    "symlink",
    "hardlink",
    "character-device",
    "block-device",
    "fifo",
)
"""In the order of the numbers by which the tree reader calls them."""

SCHEMA = pa.schema(
    [
        ("path", pa.binary()),
        ("path_text", pa.string()),
        ("type", pa.dictionary(pa.int8(), pa.string())),
        ("size_bytes", pa.int64()),
        ("mode", pa.int32()),
        ("uid", pa.int64()),
        ("gid", pa.int64()),
        ("mtime_seconds", pa.int64()),
        ("mtime_nanoseconds", pa.int32()),
        ("link_target", pa.binary()),
        ("has_xattrs", pa.bool_()),
        ("is_sparse", pa.bool_()),
        ("frame", pa.int32()),
        ("tar_offset", pa.int64()),
        ("data_offset", pa.int64()),
        ("tar_end", pa.int64()),
        ("blake3", pa.binary(32)),
    ]
)
_TYPE_WORDS = pa.array(TYPES, pa.string())
_MOST_ROWS = 4096
_HAS_XATTRS, _IS_SPARSE, _IS_HASHED = 1, 2, 4
DIGEST_BYTES = 32
_FIXED_COLUMNS = {
    "uid": pa.int64(),
    "gid": pa.int64(),
    "size_bytes": pa.int64(),
    "mtime_seconds": pa.int64(),
    "tar_offset": pa.int64(),
    "data_offset": pa.int64(),
    "tar_end": pa.int64(),
    "blake3": pa.binary(DIGEST_BYTES),
    "mode": pa.int32(),
    "mtime_nanoseconds": pa.int32(),
    "path": pa.binary(),
    "link_target": pa.binary(),
    "type": pa.int8(),
    "flags": pa.int8(),
}
"""As they are announced, the widest first, so that each lies where its words may be read. Of texts this is where each
begins; they themselves lie behind all columns. The reader's integers have no sign but for the seconds; none reaches the
bit that it needs."""
_CODES = {8: "b", 32: "i", 64: "q"}
_BLOCK = 512


class StoredFile(NamedTuple):
    """Where a file's content lies in the tar; of a sparse file ``end`` is where its padding ends."""

    row: int
    begin: int
    end: int
    is_sparse: bool


def path_text(path: bytes) -> str:
    """A path for people and for SQL: bytes that are not UTF-8 appear as ``\\xNN``."""
    return path.decode("utf-8", "backslashreplace")


class RowBatch:
    """Some rows, at least one. Digests of files that were not hashed yet are filled in while their content passes."""

    def __init__(self, columns: dict[str, pa.Array], digests: bytearray) -> None:
        self.columns = columns
        """All but the digests."""
        self.digests = digests
        """One behind the other; zeros where there is none."""
        self.files: list[StoredFile] = []
        """Those whose content has to be hashed, in order."""
        self.content_bytes = 0
        """Of all files, without holes; a sparse file counts as it lies in the tar."""
        self.hashed_bytes = 0
        """Of those of which the reader knew the digest."""
        self.counts: dict[EntryType, int] = {}
        self.tar_offset = 0
        self.tar_end = 0

    @classmethod
    def announced(cls, payload: bytes | bytearray) -> Self:
        """A batch as the tree reader announces it. Raises TarError where its columns are not such a batch."""
        cut = _Cut(payload)
        rows = int.from_bytes(cut.next(8), "little")
        if not 0 < rows <= _MOST_ROWS:
            raise TarError(f"a batch of {rows} entries")
        data = {name: cut.next(_column_bytes(kind, rows)) for name, kind in _FIXED_COLUMNS.items()}
        digests = bytearray(data.pop("blake3"))
        columns, numbers = {}, {}
        for name, column in data.items():
            kind = _FIXED_COLUMNS[name]
            if pa.types.is_binary(kind):
                columns[name] = _texts(column, cut, rows)
            else:
                columns[name] = pa.Array.from_buffers(kind, rows, [None, column])
                numbers[name] = struct.unpack(f"<{rows}{_CODES[kind.bit_width]}", column)
        cut.require_end()
        batch = cls(columns, digests)
        batch._look_at(numbers)
        return batch

    @classmethod
    def of_entries(cls, entries: Sequence[Entry]) -> Self:
        """Entries that are complete."""
        numbers: dict[str, Sequence[int]] = {
            "type": [TYPES.index(entry.type) for entry in entries],
            "flags": [
                _HAS_XATTRS * entry.has_xattrs + _IS_SPARSE * entry.is_sparse + _IS_HASHED * (entry.type == "file")
                for entry in entries
            ],
            "mode": [entry.mode for entry in entries],
            "uid": [entry.uid for entry in entries],
            "gid": [entry.gid for entry in entries],
            "size_bytes": [entry.size_bytes for entry in entries],
            "mtime_seconds": [entry.mtime_ns // 10**9 for entry in entries],
            "mtime_nanoseconds": [entry.mtime_ns % 10**9 for entry in entries],
            "tar_offset": [entry.tar_offset for entry in entries],
            "data_offset": [entry.data_offset for entry in entries],
            "tar_end": [entry.tar_end for entry in entries],
        }
        columns = {name: pa.array(column, _FIXED_COLUMNS[name]) for name, column in numbers.items()}
        columns["path"] = pa.array([entry.path for entry in entries], pa.binary())
        columns["link_target"] = pa.array([entry.link_target for entry in entries], pa.binary())
        digests = b"".join(bytes.fromhex(entry.blake3).ljust(DIGEST_BYTES, b"\0") for entry in entries)
        batch = cls(columns, bytearray(digests))
        batch._look_at(numbers)
        return batch

    def __len__(self) -> int:
        return len(self.digests) // DIGEST_BYTES

    def fill_in(self, row: int, digests: bytes | bytearray) -> None:
        """From this row on they are known."""
        self.digests[row * DIGEST_BYTES : row * DIGEST_BYTES + len(digests)] = digests

    def _look_at(self, numbers: Mapping[str, Sequence[int]]) -> None:
        """Raises TarError where the entries cannot lie in a tar like this."""
        kinds = numbers["type"]
        for name, column in numbers.items():
            if name != "mtime_seconds" and min(column) < 0:
                raise TarError(f"a number of {name} that is too large")
        if max(kinds) >= len(TYPES):
            raise TarError("an entry of an unknown type")
        self.counts = {kind: count for number, kind in enumerate(TYPES) if (count := kinds.count(number))}
        begins, ends = numbers["tar_offset"], numbers["tar_end"]
        self.tar_offset, self.tar_end = begins[0], ends[-1]
        if any(map(ne, ends, begins[1:])):
            raise TarError("entries that do not lie behind each other")
        if any(map(ge, begins, numbers["data_offset"])):
            raise TarError("an entry without a header")
        columns = zip(kinds, numbers["flags"], numbers["size_bytes"], numbers["data_offset"], ends, strict=True)
        for row, (kind, flags, size, data, end) in enumerate(columns):
            if kind:
                if data != end or flags & ~_HAS_XATTRS:
                    raise TarError("something other than a file that has content")
                continue
            stored_bytes = end - data if flags & _IS_SPARSE else size
            if data + stored_bytes + -stored_bytes % _BLOCK != end:
                raise TarError("a file that does not take what it holds")
            self.content_bytes += stored_bytes
            if flags & _IS_HASHED:
                self.hashed_bytes += stored_bytes
            elif stored_bytes or flags & _IS_SPARSE:
                self.files.append(StoredFile(row, data, data + stored_bytes, bool(flags & _IS_SPARSE)))
            else:
                self.fill_in(row, HASH_OF_NOTHING)


def index_rows(batches: Sequence[RowBatch], frame_bytes: int) -> pa.RecordBatch:
    """The rows of at least one batch as they stand in an index."""
    raw = {name: pa.concat_arrays([batch.columns[name] for batch in batches]) for name in batches[0].columns}
    flags, begins = raw["flags"].to_pylist(), raw["tar_offset"].to_pylist()
    columns = {
        **raw,
        "path_text": _as_text(raw["path"]),
        "type": pa.DictionaryArray.from_arrays(raw["type"], _TYPE_WORDS),
        "link_target": _null_if_empty(raw["link_target"]),
        "has_xattrs": pa.array([flag & _HAS_XATTRS != 0 for flag in flags], pa.bool_()),
        "is_sparse": pa.array([flag & _IS_SPARSE != 0 for flag in flags], pa.bool_()),
        "frame": pa.array([begin // frame_bytes for begin in begins], pa.int32()),
        "blake3": _digests(batches, raw["type"].to_pylist()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def rows_before(position: int, rows: pa.Table) -> pa.Table:
    """Those whose headers begin before this byte of the tar, in whose order they are."""
    return rows.slice(0, bisect_left(rows["tar_offset"].to_pylist(), position))


def first_difference(rows: pa.RecordBatch, others: pa.Table) -> bytes | None:
    """The path of the first row that is not as in the other rows, digests apart; they may be fewer."""
    names = [name for name in SCHEMA.names if name != "blake3"]
    found, wanted = pa.Table.from_batches([rows]).select(names).slice(0, len(others)), others.select(names)
    if found.equals(wanted):
        return None
    row = next(number for number in range(len(found)) if found.slice(number, 1) != wanted.slice(number, 1))
    return cast("bytes", found["path"][row].as_py())


class _Cut:
    """Cuts a batch into columns without copying them."""

    def __init__(self, payload: bytes | bytearray) -> None:
        self._payload = pa.py_buffer(payload)
        self._at = 0

    def next(self, length: int) -> pa.Buffer:
        """The next bytes. Raises TarError where there are fewer."""
        if length > len(self._payload) - self._at:
            raise TarError("a batch that is cut")
        self._at += length
        return self._payload.slice(self._at - length, length)

    def require_end(self) -> None:
        """Raises TarError unless everything was cut off."""
        if self._at != len(self._payload):
            raise TarError("something behind a batch's last column")


def _column_bytes(kind: pa.DataType, rows: int) -> int:
    return 4 * (rows + 1) if pa.types.is_binary(kind) else rows * kind.bit_width // 8


def _texts(offsets: pa.Buffer, cut: _Cut, rows: int) -> pa.Array:
    """A column of any bytes."""
    data = cut.next(int.from_bytes(offsets[-4:], "little"))
    column = pa.Array.from_buffers(pa.binary(), rows, [None, offsets, data])
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as wrong:
        raise TarError(f"texts that are none: {wrong}") from wrong
    return column


def _digests(batches: Sequence[RowBatch], kinds: list[int]) -> pa.Array:
    data = pa.py_buffer(b"".join(batch.digests for batch in batches))
    is_file = pa.array([kind == 0 for kind in kinds], pa.bool_())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(DIGEST_BYTES), len(kinds), [is_file.buffers()[1], data])


def _null_if_empty(texts: pa.Array) -> pa.Array:
    _, offsets, data = texts.buffers()
    ends = struct.unpack_from(f"={len(texts) + 1}i", offsets)
    has_text = pa.array(map(lt, ends, ends[1:]), pa.bool_())
    return pa.Array.from_buffers(pa.binary(), len(texts), [has_text.buffers()[1], offsets, data])


def _as_text(paths: pa.Array) -> pa.Array:
    text = pa.Array.from_buffers(pa.string(), len(paths), paths.buffers())
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([path_text(path) for path in paths.to_pylist()], pa.string())
    return text
