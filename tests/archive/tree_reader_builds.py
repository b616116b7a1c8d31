"""The tree reader as the tests run it: built so that it finds its own faults, and a strict parser of its stream."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Literal

import pytest

Build = Literal["plain", "address", "thread"]

_PROJECT = Path(__file__).parents[2]
_SANITIZE: dict[Build, list[str]] = {
    "plain": [],
    "address": ["SANITIZE=address,undefined"],
    "thread": ["SANITIZE=thread"],
}
_TYPES = ("file", "directory", "symlink", "hardlink", "character-device", "block-device", "fifo")
_COLUMNS = "BBIQQQqIQQQ"
_DATA, _ENTRIES, _REMARK, _END = 1, 2, 3, 4


def built(build: Build, name: str = "tree_reader") -> Path:
    """The program of ``native/``, made if its sources are newer; the test is skipped where there is no C compiler."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    folder = _PROJECT / "build" / name
    program = folder / build
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{build}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            ["make", "--silent", "-C", _PROJECT / "native" / name, f"PROGRAM={program}", *_SANITIZE[build]],
            check=True,
            capture_output=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    return program


@dataclass(frozen=True, slots=True)
class Row:
    """One announced entry."""

    type: str
    has_xattrs: bool
    is_sparse: bool
    mode: int
    uid: int
    gid: int
    size_bytes: int
    mtime_ns: int
    tar_offset: int
    data_offset: int
    tar_end: int
    path: bytes
    link_target: bytes


@dataclass(slots=True)
class Stream:
    """What the reader said, all of it."""

    tar: bytearray = field(default_factory=bytearray)
    rows: list[Row] = field(default_factory=list)
    batches: list[bytes] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    end: tuple[int, int, int] | None = None
    """Bytes of the tar, entries, sockets; None where the stream was cut."""

    @property
    def complaints(self) -> list[str]:
        """What makes the archive incomplete."""
        return [text for severity, text in self.remarks if severity == 2]


def take_chunk(source: IO[bytes], stream: Stream, start_at: int = 0) -> bool:
    """Add the next chunk to the stream; false at its end. Everything that the protocol promises is asserted."""
    header = source.read(16)
    if not header:
        return False
    assert stream.end is None, "something lies behind the end"
    kind, reserved, length = struct.unpack("<IIQ", header)
    payload = source.read(length)
    assert (reserved, len(payload)) == (0, length)
    if kind == _DATA:
        assert 0 < length <= 4 << 20
        stream.tar += payload
        is_announced = start_at + len(stream.tar) <= stream.rows[-1].tar_end
        assert is_announced or not any(payload[-1024:]), "content comes before its entry"
    elif kind == _ENTRIES:
        stream.batches.append(payload)
        stream.rows += _rows(payload)
    elif kind == _REMARK:
        stream.remarks.append((struct.unpack_from("<I", payload)[0], payload[4:].decode("utf-8", "backslashreplace")))
    else:
        assert kind == _END
        stream.end = struct.unpack("<QQQ", payload)
    return True


def begun(source: IO[bytes]) -> Stream:
    """A stream of which nothing but the magic number has been read."""
    assert source.read(16) == b"BATREE\0\1".ljust(16, b"\0")
    return Stream()


def parsed(text: bytes, start_at: int = 0) -> Stream:
    """The whole stream."""
    source = io.BytesIO(text)
    stream = begun(source)
    while take_chunk(source, stream, start_at):
        pass
    if stream.end is not None:
        assert stream.end[:2] == (start_at + len(stream.tar), len(stream.rows))
    return stream


def read(program: Path, root: Path | str, *options: str) -> Stream:
    """What the program makes of the tree; it must end well and say nothing on standard error."""
    done = subprocess.run([program, *options, root], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    start_at = next((int(at) for name, at in pairwise(options) if name == "--start-at"), 0)
    stream = parsed(done.stdout, start_at)
    assert stream.end is not None
    return stream


def _rows(payload: bytes) -> list[Row]:
    (count,) = struct.unpack_from("<Q", payload)
    assert 0 < count <= 4096
    at = 8
    columns: list[tuple[int, ...]] = []
    for letter in _COLUMNS:
        columns.append(struct.unpack_from(f"<{count}{letter}", payload, at))
        at += count * struct.calcsize(f"<{letter}")
    texts: list[list[bytes]] = []
    for _ in ("path", "link target"):
        offsets = struct.unpack_from(f"<{count + 1}I", payload, at)
        at += 4 * (count + 1)
        assert offsets[0] == 0
        texts.append([payload[at + begin : at + end] for begin, end in pairwise(offsets)])
        at += offsets[-1]
    assert at == len(payload)
    return [
        _row(numbers, path, target) for numbers, path, target in zip(zip(*columns, strict=True), *texts, strict=True)
    ]


def _row(numbers: tuple[int, ...], path: bytes, link_target: bytes) -> Row:
    kind, flags, mode, uid, gid, size, seconds, nanoseconds, tar_offset, data_offset, tar_end = numbers
    return Row(
        _TYPES[kind],
        bool(flags & 1),
        bool(flags & 2),
        mode,
        uid,
        gid,
        size,
        seconds * 10**9 + nanoseconds,
        tar_offset,
        data_offset,
        tar_end,
        path,
        link_target,
    )
