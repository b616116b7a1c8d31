"""The tree reader as the tests run it: built so that it finds its own faults, and a strict parser of its stream."""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import pytest

from backup_actions.archive.tree_program import pipe

Build = Literal["plain", "address", "thread"]

_PROJECT = Path(__file__).parents[2]
_SANITIZE: dict[Build, list[str]] = {
    "plain": [],
    "address": ["SANITIZE=address,undefined"],
    "thread": ["SANITIZE=thread"],
}
_TYPES = ("file", "directory", "symlink", "hardlink", "character-device", "block-device", "fifo")
_WIDE, _NARROW = "QQQqQQQ", "II"
_FRAME, _ENTRIES, _REMARK, _END = 1, 2, 3, 4


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
    digest: bytes = b""
    """Nothing where the reader did not hash it."""


@dataclass(slots=True)
class Stream:
    """What the reader said, all of it."""

    tar: bytearray = field(default_factory=bytearray)
    rows: list[Row] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    end: tuple[int, int, int] | None = None
    """Bytes of the tar, entries, sockets; None where the stream was cut."""

    @property
    def complaints(self) -> list[str]:
        """What makes the archive incomplete."""
        return [text for severity, text in self.remarks if severity == 2]


class Heard:
    """A reader that runs and is listened to; everything that the protocol promises is asserted."""

    def __init__(
        self,
        program: str | Path,
        *arguments: str | Path,
        frames: int = 4,
        frame_bytes: int = 1 << 20,
        behind: Sequence[str] = (),
        **more: Any,
    ) -> None:
        self.stream = Stream()
        self._frame_bytes = frame_bytes
        self._start_at = next((int(str(at)) for name, at in pairwise(arguments) if name == "--start-at"), 0)
        memory = os.memfd_create("frames")
        os.ftruncate(memory, frames * frame_bytes)
        self._memory = mmap.mmap(memory, frames * frame_bytes)
        self.process = subprocess.Popen(
            [program, *arguments, f"--frames={memory}", f"--frame-bytes={frame_bytes}", *behind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=[memory],
            **more,
        )
        os.close(memory)
        self.input, self.output, self.errors = map(pipe, (self.process.stdin, self.process.stdout, self.process.stderr))
        for number in range(frames):
            self.lend(number)

    def lend(self, number: int) -> None:
        """The frame is free."""
        with suppress(BrokenPipeError):  # the reader has ended: nobody needs it
            self.input.write(struct.pack("<Q", number))

    def take_chunk(self) -> bool:
        """Add the next chunk to the stream; false at its end."""
        header = self._read(16)
        if not header:
            return False
        assert self.stream.end is None, "something lies behind the end"
        kind, reserved, length = struct.unpack("<IIQ", header)
        payload = self._read(length)
        assert (reserved, len(payload)) == (0, length)
        if kind == _FRAME:
            self._take_frame(*struct.unpack("<QQ", payload))
        elif kind == _ENTRIES:
            self.stream.rows += _rows(payload)
        elif kind == _REMARK:
            text = payload[4:].decode("utf-8", "backslashreplace")
            self.stream.remarks.append((struct.unpack_from("<I", payload)[0], text))
        else:
            assert kind == _END
            self.stream.end = struct.unpack("<QQQ", payload)
        return True

    def begin(self) -> None:
        """The magic number has been read."""
        assert self._read(16) == b"BATREE\0\2".ljust(16, b"\0")

    def rest(self) -> Stream:
        """The whole stream. The reader must end well and say nothing on standard error."""
        while self.take_chunk():
            pass
        assert (self.errors.read(), self.process.wait()) == (b"", 0)
        assert self.stream.end is not None
        assert self.stream.end[:2] == (self._start_at + len(self.stream.tar), len(self.stream.rows))
        return self.stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        for end in (self.input, self.output, self.errors):
            end.close()
        self.process.wait()

    def _take_frame(self, number: int, length: int) -> None:
        tar = self.stream.tar
        assert 0 < length <= self._frame_bytes
        assert len(tar) % self._frame_bytes == 0, "a frame behind one that is not full"
        content = self._memory[number * self._frame_bytes :][:length]
        tar += content
        is_announced = self._start_at + len(tar) <= self.stream.rows[-1].tar_end
        assert is_announced or not any(content[-1024:]), "content comes before its entry"
        self.lend(number)

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length and (more := self.output.read(length - len(data))):
            data += more
        return data


def read(program: Path, root: Path | str, *options: str, **more: Any) -> Stream:
    """What the program makes of the tree."""
    with Heard(program, *options, root, **more) as heard:
        heard.begin()
        return heard.rest()


def _rows(payload: bytes) -> list[Row]:
    (count,) = struct.unpack_from("<Q", payload)
    assert 0 < count <= 4096
    at = 8

    def data(length: int) -> bytes:
        nonlocal at
        at += length
        return payload[at - length : at]

    def column(letter: str, length: int = count) -> tuple[Any, ...]:
        return struct.unpack(f"<{length}{letter}", data(length * struct.calcsize(f"<{letter}")))

    wide = [column(letter) for letter in _WIDE]
    digests = [data(32) for _ in range(count)]
    narrow = [column(letter) for letter in _NARROW]
    offsets = [column("I", count + 1) for _ in ("path", "link target")]
    types, flags = column("B"), column("B")
    texts = []
    for begins in offsets:
        text = data(begins[-1])
        assert begins[0] == 0
        texts.append([text[begin:end] for begin, end in pairwise(begins)])
    assert at == len(payload)
    assert all(any(digest) == bool(flag & 4) for digest, flag in zip(digests, flags, strict=True))
    return [_row(*columns) for columns in zip(*wide, digests, *narrow, types, flags, *texts, strict=True)]


def _row(
    uid: int,
    gid: int,
    size: int,
    seconds: int,
    tar_offset: int,
    data_offset: int,
    tar_end: int,
    digest: bytes,
    mode: int,
    nanoseconds: int,
    kind: int,
    flags: int,
    path: bytes,
    link_target: bytes,
) -> Row:
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
        digest if flags & 4 else b"",
    )
