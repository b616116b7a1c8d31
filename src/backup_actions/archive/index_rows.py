"""Rows of an index as columns: a batch of entries from the tree reader or of our own, without a loop over its rows."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Self, cast

import pyarrow as pa
import pyarrow.compute as pc

from backup_actions.archive.content_hash import HASH_OF_NOTHING
from backup_actions.archive.entries import Entry, EntryType

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
    "flags": pa.uint8(),
    "mode": pa.uint32(),
    "uid": pa.uint64(),
    "gid": pa.uint64(),
    "size_bytes": pa.uint64(),
    "mtime_seconds": pa.int64(),
    "mtime_nanoseconds": pa.uint32(),
    "tar_offset": pa.uint64(),
    "data_offset": pa.uint64(),
    "tar_end": pa.uint64(),
}
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
    """Some rows, whose files' digests are filled in while their content passes."""

    def __init__(self, columns: dict[str, pa.Array], digests: list[bytes]) -> None:
        self._columns = columns
        self.digests = digests
        self.tar_offset: int = columns["tar_offset"][0].as_py()
        self.tar_end: int = columns["tar_end"][-1].as_py()

    @classmethod
    def announced(cls, payload: bytes, frame_bytes: int) -> Self:
        """A batch as the tree reader announces it. Raises ValueError where its columns are not such a batch."""
        raw, strings = _split(payload)
        rows = len(raw["type"])
        sizes = {name: raw[name].cast(pa.int64()) for name in ("size_bytes", "tar_offset", "data_offset", "tar_end")}
        sparse = _has_flag(raw["flags"], _IS_SPARSE)
        _require_tiles(raw["type"], sparse, sizes)
        links = strings["link_target"]
        columns = {
            **sizes,
            "path": strings["path"],
            "path_text": _as_text(strings["path"]),
            "type": pa.DictionaryArray.from_arrays(raw["type"], _TYPE_WORDS),
            "mode": raw["mode"].cast(pa.int32()),
            "uid": raw["uid"].cast(pa.int64()),
            "gid": raw["gid"].cast(pa.int64()),
            "mtime_seconds": raw["mtime_seconds"],
            "mtime_nanoseconds": raw["mtime_nanoseconds"].cast(pa.int32()),
            "link_target": pc.if_else(pc.equal(pc.binary_length(links), 0), None, links),
            "has_xattrs": _has_flag(raw["flags"], _HAS_XATTRS),
            "is_sparse": sparse,
            "frame": pc.divide(sizes["tar_offset"], frame_bytes).cast(pa.int32()),
        }
        return cls(columns, [NO_DIGEST] * rows)

    @classmethod
    def of_entries(cls, entries: Sequence[Entry], frame_bytes: int) -> Self:
        """At least one entry that is complete."""
        values: dict[str, list[Any]] = {
            **{name: list(map(attrgetter(name), entries)) for name in _AS_IN_ENTRY},
            "path_text": [path_text(entry.path) for entry in entries],
            "mtime_seconds": [entry.mtime_ns // 10**9 for entry in entries],
            "mtime_nanoseconds": [entry.mtime_ns % 10**9 for entry in entries],
            "link_target": [entry.link_target or None for entry in entries],
            "frame": [entry.tar_offset // frame_bytes for entry in entries],
        }
        columns = {name: pa.array(column, SCHEMA.field(name).type) for name, column in values.items() if name != "type"}
        numbers = pa.array([TYPES.index(entry.type) for entry in entries], pa.int8())
        columns["type"] = pa.DictionaryArray.from_arrays(numbers, _TYPE_WORDS)
        return cls(columns, [bytes.fromhex(entry.blake3) or NO_DIGEST for entry in entries])

    def __len__(self) -> int:
        return len(self.digests)

    def files(self) -> list[StoredFile]:
        """The files that have content, in order; of those that have none the digest is known from now on."""
        found = []
        numbers = self._columns["type"].indices.to_pylist()
        columns = [self._columns[name].to_pylist() for name in ("size_bytes", "is_sparse", "data_offset", "tar_end")]
        for row, (number, size, sparse, begin, end) in enumerate(zip(numbers, *columns, strict=True)):
            if number == 0:
                if sparse:
                    found.append(StoredFile(row, begin, end, True))
                elif size:
                    found.append(StoredFile(row, begin, begin + size, False))
                else:
                    self.digests[row] = HASH_OF_NOTHING
        return found

    def first_difference(self, others: pa.Table) -> bytes | None:
        """The path of the first row that is not as in the other rows, digests apart; they may be fewer."""
        names = [name for name in SCHEMA.names if name != "blake3"]
        rows = pa.Table.from_pydict({name: self._columns[name] for name in names}).slice(0, len(others))
        wanted = others.select(names)
        if rows.equals(wanted):
            return None
        row = next(number for number in range(len(rows)) if rows.slice(number, 1) != wanted.slice(number, 1))
        return cast("bytes", rows["path"][row].as_py())

    def counted(self) -> dict[EntryType, int]:
        """How many entries there are of each type."""
        numbers = self._columns["type"].indices.to_pylist()
        return {kind: count for number, kind in enumerate(TYPES) if (count := numbers.count(number))}

    def content_bytes(self) -> int:
        """The bytes of files' content, without holes; a sparse file counts as it lies in the tar."""
        stored = pc.subtract(self._columns["tar_end"], self._columns["data_offset"])
        return pc.sum(pc.if_else(self._columns["is_sparse"], stored, self._columns["size_bytes"])).as_py() or 0

    def record_batch(self) -> pa.RecordBatch:
        """The rows as they stand in an index."""
        is_file = pc.equal(self._columns["type"].indices, pa.scalar(0, pa.int8()))
        digests = pa.py_buffer(b"".join(self.digests))
        hashes = pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(self), [is_file.buffers()[1], digests])
        columns = {**self._columns, "blake3": hashes}
        return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


_AS_IN_ENTRY = set(SCHEMA.names) & set(Entry.__slots__) - {"type", "link_target", "blake3"}


def _split(payload: bytes) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """The columns as they are sent: those of fixed width, then paths and link targets."""
    if len(payload) < 8:
        raise ValueError("a batch without a number of entries")
    (rows,) = struct.unpack_from("<Q", payload)
    if not 0 < rows <= _MOST_ROWS:
        raise ValueError(f"a batch of {rows} entries")
    at, fixed, strings = 8, {}, {}
    for name, kind in _FIXED_COLUMNS.items():
        end = at + rows * kind.bit_width // 8
        fixed[name] = pa.Array.from_buffers(kind, rows, [None, _aligned(payload, at, end)])
        at = end
    if payload[8 : 8 + rows].strip(bytes(range(len(TYPES)))):
        raise ValueError("an entry of an unknown type")
    for name in ("path", "link_target"):
        end = at + 4 * (rows + 1)
        offsets = _aligned(payload, at, end)
        (length,) = struct.unpack_from("<I", payload, end - 4)
        text = _aligned(payload, end, end + length)
        strings[name] = pa.Array.from_buffers(pa.binary(), rows, [None, offsets, text])
        strings[name].validate(full=True)
        at = end + length
    if at != len(payload):
        raise ValueError("something behind a batch's last column")
    return fixed, strings


def _aligned(payload: bytes, at: int, end: int) -> pa.Buffer:
    """A copy of its own: columns follow each other without padding, and Arrow reads whole words."""
    if end > len(payload):
        raise ValueError("a batch that is cut")
    return pa.py_buffer(payload[at:end])


def _require_tiles(kinds: pa.Array, sparse: pa.Array, columns: dict[str, pa.Array]) -> None:
    """Each entry begins where the one before ended, and takes what its headers and its content take."""
    begin, data, end = columns["tar_offset"], columns["data_offset"], columns["tar_end"]
    blocks = pc.divide(pc.add(columns["size_bytes"], _BLOCK - 1), _BLOCK)
    is_plain_file = pc.and_not(pc.equal(kinds, 0), sparse)
    stored = pc.if_else(is_plain_file, pc.multiply(blocks, _BLOCK), 0)
    holds = (
        begin[1:].equals(end[:-1])
        and pc.all(pc.less(begin, data)).as_py()
        and pc.all(pc.less_equal(data, end)).as_py()
        and pc.all(pc.or_(sparse, pc.equal(pc.add(data, stored), end))).as_py()
        and pc.all(pc.or_(pc.equal(kinds, 0), pc.invert(sparse))).as_py()
    )
    if not holds:
        raise ValueError("entries that do not lie behind each other")


def _as_text(paths: pa.Array) -> pa.Array:
    text = pa.Array.from_buffers(pa.string(), len(paths), paths.buffers())
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([path_text(path) for path in paths.to_pylist()], pa.string())
    return text


def _has_flag(flags: pa.Array, flag: int) -> pa.Array:
    return pc.not_equal(pc.bit_wise_and(flags, pa.scalar(flag, pa.uint8())), pa.scalar(0, pa.uint8()))
