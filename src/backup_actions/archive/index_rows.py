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
_HAS_XATTRS, _IS_SPARSE = 1, 2
_FIXED_COLUMNS = {
    "type": pa.int8(),
    "flags": pa.int8(),
    "mode": pa.int32(),
    "uid": pa.int64(),
    "gid": pa.int64(),
    "size_bytes": pa.int64(),
    "mtime_seconds": pa.int64(),
    "mtime_nanoseconds": pa.int32(),
    "tar_offset": pa.int64(),
    "data_offset": pa.int64(),
    "tar_end": pa.int64(),
}
"""As they are announced. The reader's integers have no sign but for the seconds; none reaches the bit that it needs."""
_CODES = {8: "b", 32: "i", 64: "q"}
NO_DIGEST = bytes(32)
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
    """Some rows, at least one, whose files' digests are filled in while their content passes."""

    def __init__(self, columns: dict[str, pa.Array], rows: int) -> None:
        self.columns = columns
        """Those of ``_FIXED_COLUMNS``, ``path`` and ``link_target``."""
        self.digests = [NO_DIGEST] * rows
        self.files: list[StoredFile] = []
        """Those that have content, in order."""
        self.content_bytes = 0
        """Of all files, without holes; a sparse file counts as it lies in the tar."""
        self.counts: dict[EntryType, int] = {}
        self.tar_offset = 0
        self.tar_end = 0

    @classmethod
    def announced(cls, payload: bytes) -> Self:
        """A batch as the tree reader announces it. Raises TarError where its columns are not such a batch."""
        if len(payload) < 8:
            raise TarError("a batch without a number of entries")
        (rows,) = struct.unpack_from("<Q", payload)
        if not 0 < rows <= _MOST_ROWS:
            raise TarError(f"a batch of {rows} entries")
        at = 8
        columns, numbers = {}, {}
        for name, kind in _FIXED_COLUMNS.items():
            end = at + rows * kind.bit_width // 8
            column = _cut(payload, at, end)
            columns[name] = pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(column)])
            numbers[name] = struct.unpack(f"<{rows}{_CODES[kind.bit_width]}", column)
            at = end
        for name in ("path", "link_target"):
            columns[name], at = _strings(payload, at, rows)
        if at != len(payload):
            raise TarError("something behind a batch's last column")
        batch = cls(columns, rows)
        batch._look_at(numbers)
        return batch

    @classmethod
    def of_entries(cls, entries: Sequence[Entry]) -> Self:
        """Entries that are complete."""
        numbers: dict[str, Sequence[int]] = {
            "type": [TYPES.index(entry.type) for entry in entries],
            "flags": [_HAS_XATTRS * entry.has_xattrs + _IS_SPARSE * entry.is_sparse for entry in entries],
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
        columns = {name: pa.array(numbers[name], kind) for name, kind in _FIXED_COLUMNS.items()}
        columns["path"] = pa.array([entry.path for entry in entries], pa.binary())
        columns["link_target"] = pa.array([entry.link_target for entry in entries], pa.binary())
        batch = cls(columns, len(entries))
        batch._look_at(numbers)
        batch.digests = [bytes.fromhex(entry.blake3) or NO_DIGEST for entry in entries]
        return batch

    def __len__(self) -> int:
        return len(self.digests)

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
                if data != end or flags & _IS_SPARSE:
                    raise TarError("something other than a file that has content")
            elif flags & _IS_SPARSE:
                self.files.append(StoredFile(row, data, end, True))
                self.content_bytes += end - data
            elif data + size + -size % _BLOCK != end:
                raise TarError("a file that does not take what it holds")
            elif size:
                self.files.append(StoredFile(row, data, data + size, False))
                self.content_bytes += size
            else:
                self.digests[row] = HASH_OF_NOTHING


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


def _cut(payload: bytes, at: int, end: int) -> bytes:
    """A copy of its own: columns follow each other without padding, and Arrow reads whole words."""
    if end > len(payload):
        raise TarError("a batch that is cut")
    return payload[at:end]


def _strings(payload: bytes, at: int, rows: int) -> tuple[pa.Array, int]:
    """A column of any bytes, and where it ends."""
    begin = at + 4 * (rows + 1)
    offsets = _cut(payload, at, begin)
    end = begin + int.from_bytes(offsets[-4:], "little")
    column = pa.Array.from_buffers(
        pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(_cut(payload, begin, end))]
    )
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as wrong:
        raise TarError(f"texts that are none: {wrong}") from wrong
    return column, end


def _digests(batches: Sequence[RowBatch], kinds: list[int]) -> pa.Array:
    data = pa.py_buffer(b"".join(digest for batch in batches for digest in batch.digests))
    is_file = pa.array([kind == 0 for kind in kinds], pa.bool_())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(kinds), [is_file.buffers()[1], data])


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
