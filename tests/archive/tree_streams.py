"""What a tree reader says, made of a tar: programs that take its place in tests."""

from __future__ import annotations

import struct
import sys
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from backup_actions.archive.entries import Entry
from backup_actions.archive.index_rows import TYPES

MAGIC = b"BATREE\0\2".ljust(16, b"\0")
FRAME, ENTRIES, REMARK, END = 1, 2, 3, 4

# Stands alone, so that it starts in no time: the stream of a tar that fits into the frames, from any byte of it on.
_PROGRAM = """#!{python} -IS
import os, struct, sys
from pathlib import Path
folder, asked = Path(__file__).parent, {{}}
for argument in sys.argv[1:]:
    name, _, value = argument.partition("=")
    asked[name] = value
start, room = int(asked["--start-at"]), int(asked["--frame-bytes"])
tar, out = (folder / "tar").read_bytes(), sys.stdout.buffer
batches = [(int(path.name), path.read_bytes()) for path in sorted(folder.glob("batches/*"))]
def chunk(kind, payload):
    out.write(struct.pack("<IIQ", kind, 0, len(payload)) + payload)
out.write({magic!r})
chunk(3, struct.pack("<I", 1) + b"a note")
number = 0
while batches or start < len(tar):
    while batches and batches[0][0] <= start + room:
        chunk(2, batches.pop(0)[1])
    piece = tar[start : start + room]
    if piece:
        assert os.pwrite(int(asked["--frames"]), piece, number * room) == len(piece)
        chunk(1, struct.pack("<QQ", number, len(piece)))
    start, number = start + room, number + 1
chunk(4, struct.pack("<QQQ", len(tar), {entries}, 0))
"""


def chunk(kind: int, payload: bytes) -> bytes:
    """A chunk with its header."""
    return struct.pack("<IIQ", kind, 0, len(payload)) + payload


def batch(entries: Sequence[Entry], hashed: Container[bytes] = ()) -> bytes:
    """The payload that announces them, and the hashes of some."""
    columns: dict[str, Sequence[int | bytes]] = {
        "Q": [entry.uid for entry in entries],
        "1Q": [entry.gid for entry in entries],
        "2Q": [entry.size_bytes for entry in entries],
        "q": [entry.mtime_ns // 10**9 for entry in entries],
        "3Q": [entry.tar_offset for entry in entries],
        "4Q": [entry.data_offset for entry in entries],
        "5Q": [entry.tar_end for entry in entries],
        "32s": [bytes.fromhex(entry.blake3) if entry.path in hashed else b"" for entry in entries],
        "I": [entry.mode for entry in entries],
        "1I": [entry.mtime_ns % 10**9 for entry in entries],
    }
    octets: dict[str, Sequence[int | bytes]] = {
        "B": [TYPES.index(entry.type) for entry in entries],
        "1B": [entry.has_xattrs + 2 * entry.is_sparse + 4 * (entry.path in hashed) for entry in entries],
    }
    paths, targets = strings([entry.path for entry in entries]), strings([entry.link_target for entry in entries])
    return b"".join(
        (struct.pack("<Q", len(entries)), fixed(columns), paths[0], targets[0], fixed(octets), paths[1], targets[1])
    )


def fixed(columns: Mapping[str, Sequence[int | bytes]]) -> bytes:
    """Columns, each with the format of its values; digits tell alike ones from each other."""
    formats = {name: name if name == "32s" else name[-1] for name in columns}
    return b"".join(struct.pack("<" + formats[name] * len(column), *column) for name, column in columns.items())


def strings(values: Sequence[bytes]) -> tuple[bytes, bytes]:
    """A column of any bytes: where each begins and the last one ends, and all of them."""
    offsets = [sum(map(len, values[:number])) for number in range(len(values) + 1)]
    return struct.pack(f"<{len(offsets)}I", *offsets), b"".join(values)


def frames(tar: bytes, frame_bytes: int) -> bytes:
    """The chunks that hand over a tar which lies in the frames from the first one on."""
    lengths = [len(tar[at : at + frame_bytes]) for at in range(0, len(tar), frame_bytes)]
    return b"".join(chunk(FRAME, struct.pack("<QQ", number, length)) for number, length in enumerate(lengths))


def reader_of(tar: bytes, entries: Sequence[Entry], folder: Path, *, rows: int, hashed: Container[bytes] = ()) -> Path:
    """A program that reads this tar as a tree, whatever the tree is, and announces so many rows at a time."""
    (folder / "batches").mkdir(parents=True)
    (folder / "tar").write_bytes(tar)
    for at in range(0, len(entries), rows):
        some = entries[at : at + rows]
        (folder / "batches" / f"{some[0].tar_offset:020}").write_bytes(batch(some, hashed))
    return _program(folder / "reader", _PROGRAM.format(python=sys.executable, magic=MAGIC, entries=len(entries)))


def reader_that_says(stream: bytes, folder: Path, ending: str = "", tar: bytes = b"") -> Path:
    """A program that puts a tar into the frames and writes this stream whatever it is asked, and ends so."""
    folder.mkdir()
    (folder / "stream").write_bytes(stream)
    (folder / "tar").write_bytes(tar)
    return _program(
        folder / "reader",
        f"#!/bin/sh\nfor word; do case $word in --frames=*) frames=${{word#--frames=}};; esac; done\n"
        f"cat '{folder}/tar' 1<>/dev/fd/$frames\ncat '{folder}/stream'\n{ending}\n",
    )


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path
