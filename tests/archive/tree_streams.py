"""What a tree reader says, made of a tar: programs that take its place in tests."""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backup_actions.archive.entries import Entry
from backup_actions.archive.index_rows import TYPES

MAGIC = b"BATREE\0\1".ljust(16, b"\0")
DATA, ENTRIES, REMARK, END = 1, 2, 3, 4

# Stands alone, so that it starts in no time: the stream of a tar, from any byte of it on.
_PROGRAM = """#!{python} -IS
import struct, sys
from pathlib import Path
folder, start = Path(__file__).parent, 0
for argument in sys.argv[1:]:
    if argument.startswith("--start-at="):
        start = int(argument.partition("=")[2])
tar, out = (folder / "tar").read_bytes(), sys.stdout.buffer
batches = [(int(path.name), path.read_bytes()) for path in sorted(folder.glob("batches/*"))]
def chunk(kind, payload):
    out.write(struct.pack("<IIQ", kind, 0, len(payload)) + payload)
out.write({magic!r})
chunk(3, struct.pack("<I", 1) + b"a note")
at = start
while batches or at < len(tar):
    while batches and batches[0][0] <= at + {chunk_bytes}:
        chunk(2, batches.pop(0)[1])
    if at < len(tar):
        chunk(1, tar[at:at + {chunk_bytes}])
    at += {chunk_bytes}
chunk(4, struct.pack("<QQQ", len(tar), {entries}, 0))
"""


@dataclass(frozen=True)
class Pace:
    """How much of a tree comes at a time."""

    rows: int = 7
    chunk_bytes: int = 100_001


def chunk(kind: int, payload: bytes) -> bytes:
    """A chunk with its header."""
    return struct.pack("<IIQ", kind, 0, len(payload)) + payload


def batch(entries: Sequence[Entry]) -> bytes:
    """The payload that announces them."""
    columns = {
        "B": [TYPES.index(entry.type) for entry in entries],
        "1B": [entry.has_xattrs + 2 * entry.is_sparse for entry in entries],
        "I": [entry.mode for entry in entries],
        "Q": [entry.uid for entry in entries],
        "1Q": [entry.gid for entry in entries],
        "2Q": [entry.size_bytes for entry in entries],
        "q": [entry.mtime_ns // 10**9 for entry in entries],
        "1I": [entry.mtime_ns % 10**9 for entry in entries],
        "3Q": [entry.tar_offset for entry in entries],
        "4Q": [entry.data_offset for entry in entries],
        "5Q": [entry.tar_end for entry in entries],
    }
    fixed = b"".join(struct.pack(f"<{len(entries)}{code[-1]}", *values) for code, values in columns.items())
    paths, targets = [entry.path for entry in entries], [entry.link_target for entry in entries]
    return struct.pack("<Q", len(entries)) + fixed + strings(paths) + strings(targets)


def strings(values: Sequence[bytes]) -> bytes:
    """A column of any bytes: where each begins, where the last one ends, all of them."""
    offsets = [sum(map(len, values[:number])) for number in range(len(values) + 1)]
    return struct.pack(f"<{len(offsets)}I", *offsets) + b"".join(values)


def reader_of(tar: bytes, entries: Sequence[Entry], folder: Path, pace: Pace) -> Path:
    """A program that reads this tar as a tree, whatever the tree is."""
    (folder / "batches").mkdir(parents=True)
    (folder / "tar").write_bytes(tar)
    for at in range(0, len(entries), pace.rows):
        some = entries[at : at + pace.rows]
        (folder / "batches" / f"{some[0].tar_offset:020}").write_bytes(batch(some))
    text = _PROGRAM.format(python=sys.executable, magic=MAGIC, chunk_bytes=pace.chunk_bytes, entries=len(entries))
    return _program(folder / "reader", text)


def reader_that_says(stream: bytes, folder: Path, ending: str = "") -> Path:
    """A program that writes this stream whatever it is asked, and ends with the shell command."""
    folder.mkdir()
    (folder / "stream").write_bytes(stream)
    return _program(folder / "reader", f"#!/bin/sh\ncat '{folder}/stream'\n{ending}\n")


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path
