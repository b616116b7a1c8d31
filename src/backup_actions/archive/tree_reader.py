"""The tree reader, a program that reads many files at a time: how it is found and started, and what it says.

Its source and the description of its stream are in ``native/tree_reader``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from backup_actions.archive.own_program import own_program
from backup_actions.archive.shared_frames import SharedFrames
from backup_actions.archive.tree_program import TreeProgram
from backup_actions.archive.tree_remarks import Remarks
from backup_actions.errors import SourceUnreadable

_PROGRAM = "backup-actions-tree-reader"
_MAGIC = b"BATREE\0\2".ljust(16, b"\0")
_CHUNK = struct.Struct("<IIQ")
_FRAME = struct.Struct("<QQ")
_END = struct.Struct("<QQQ")
_SEVERITY = struct.Struct("<I")
_MOST_SAID_BYTES = 1 << 16


class Kind(IntEnum):
    """What a chunk holds."""

    FRAME = 1
    ENTRIES = 2
    REMARK = 3
    END = 4


_MOST_BYTES = {Kind.FRAME: _FRAME.size, Kind.ENTRIES: 64 << 20, Kind.REMARK: 16 << 20, Kind.END: _END.size}


class Chunk(NamedTuple):
    """What comes next, and how long it is."""

    kind: Kind
    payload_bytes: int


class Frame(NamedTuple):
    """The next bytes of the tar, to be released once nobody looks at them any more."""

    content: memoryview
    release: Callable[[], None]


class Totals(NamedTuple):
    """What the reader counted itself, to be compared."""

    tar_bytes: int
    entries: int
    sockets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is to be read, and how."""

    root: Path
    one_file_system: bool
    read_ahead_mib: int
    frames: int
    """How many there may be at a time that are filled or were not released."""
    frame_bytes: int
    start_at: int = 0


def tree_reader() -> Path | None:
    """The program beside our interpreter, or the first of PATH; None where there is none."""
    return own_program(_PROGRAM)


class TreeReader:
    """A running tree reader; leaving the block ends it whatever happened. Everything raises SourceUnreadable."""

    def __init__(self, program: Path, reading: Reading) -> None:
        self._root = reading.root
        self._frames = SharedFrames(reading.frames, reading.frame_bytes)
        self._frames_end = False
        self.remarks = Remarks()
        self._said = b""
        command: list[str | Path] = [
            program,
            *(["--one-file-system"] if reading.one_file_system else []),
            f"--read-ahead-mib={reading.read_ahead_mib}",
            f"--start-at={reading.start_at}",
            f"--frames={self._frames.descriptor}",
            f"--frame-bytes={reading.frame_bytes}",
            reading.root,
        ]
        self._program = TreeProgram(command, self._hear, descriptors=[self._frames.descriptor])
        self._has_begun = False
        self._frames.lend(self._program.input)

    def next_chunk(self) -> Chunk:
        """The payload has to be taken before the next one. Behind ``END`` nothing follows."""
        if not self._has_begun:
            if self.payload(len(_MAGIC)) != _MAGIC:
                raise self.misspoke("it speaks another protocol")
            self._has_begun = True
        number, reserved, payload_bytes = _CHUNK.unpack(self.payload(_CHUNK.size))
        if reserved or number not in Kind.__members__.values() or payload_bytes > _MOST_BYTES[Kind(number)]:
            raise self.misspoke(f"a chunk of kind {number} with {payload_bytes} bytes")
        return Chunk(Kind(number), payload_bytes)

    def payload(self, length: int) -> bytearray:
        """That many bytes."""
        data = bytearray(length)
        room = memoryview(data)
        while room:
            got = self._program.output.readinto(room)
            if not got:
                raise self._cut()
            room = room[got:]
        return data

    def frame(self, length: int) -> Frame:
        """The payload of a frame."""
        if length != _FRAME.size:
            raise self.misspoke("a frame of another kind")
        number, content_bytes = _FRAME.unpack(self.payload(length))
        content = self._frames.filled(number, content_bytes)
        if content is None or self._frames_end:
            raise self.misspoke(f"a frame {number} with {content_bytes} bytes")
        self._frames_end = content_bytes < self._frames.frame_bytes
        return Frame(content, partial(self._frames.release, number))

    def take_remark(self, length: int) -> None:
        """The payload of a remark is among the remarks."""
        payload = self.payload(length)
        if length < _SEVERITY.size:
            raise self.misspoke("a remark without a severity")
        text = _on_one_line(payload[_SEVERITY.size :])
        match _SEVERITY.unpack_from(payload):
            case (0,):
                self.remarks.socket(text)
            case (1,):
                self.remarks.note(text)
            case _:
                self.remarks.complaint(text)

    def ended(self, length: int) -> Totals:
        """The payload of the end. Raises SourceUnreadable too where something could not be read."""
        if length != _END.size:
            raise self.misspoke("an end of another length")
        totals = Totals(*_END.unpack(self.payload(length)))
        if self._program.output.read(1):
            raise self.misspoke("something behind the end")
        code = self._program.ended()
        self.remarks.require_complete(self._root, f"the tree reader ended with code {code}" if code else "")
        return totals

    def misspoke(self, what: str) -> SourceUnreadable:
        """An error to raise: the reader broke its own rules."""
        return SourceUnreadable(what=self._root, reason=f"the tree reader sent what we do not understand: {what}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._frames.close()
        self._program.end()

    def _cut(self) -> SourceUnreadable:
        code = self._program.ended()
        said = self._said.decode("utf-8", "backslashreplace").strip().replace("\n", "; ")
        reason = said or f"the tree reader stopped early, with code {code}"
        return SourceUnreadable(what=self._root, reason="; ".join([*self.remarks.complaints[:5], reason]))

    def _hear(self, said: bytes) -> None:
        self._said = (self._said + said)[:_MOST_SAID_BYTES]


def _on_one_line(sentence: bytearray) -> str:
    """For people: names may hold any byte."""
    text = sentence.decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
