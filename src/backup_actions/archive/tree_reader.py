"""The tree reader, a program that reads many files at a time: how it is found and started, and what it says.

Its source and the description of its stream are in ``native/tree_reader``.
"""

from __future__ import annotations

import shutil
import struct
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple, Self

from backup_actions.archive.tree_program import TreeProgram
from backup_actions.archive.tree_remarks import Remarks
from backup_actions.errors import SourceUnreadable

_PROGRAM = "backup-actions-tree-reader"
_MAGIC = b"BATREE\0\1".ljust(16, b"\0")
_CHUNK = struct.Struct("<IIQ")
_END = struct.Struct("<QQQ")
_SEVERITY = struct.Struct("<I")
_MOST_SAID_BYTES = 1 << 16


class Kind(IntEnum):
    """What a chunk holds."""

    DATA = 1
    ENTRIES = 2
    REMARK = 3
    END = 4


_MOST_BYTES = {Kind.DATA: 4 << 20, Kind.ENTRIES: 64 << 20, Kind.REMARK: 16 << 20, Kind.END: _END.size}


class Chunk(NamedTuple):
    """What comes next, and how long it is."""

    kind: Kind
    payload_bytes: int


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
    start_at: int = 0


def tree_reader() -> Path | None:
    """The program beside our interpreter, or the first of PATH; None where there is none."""
    found = shutil.which(_PROGRAM, path=Path(sys.executable).parent) or shutil.which(_PROGRAM)
    return Path(found) if found is not None else None


class TreeReader:
    """A running tree reader; leaving the block ends it whatever happened. Everything raises SourceUnreadable."""

    def __init__(self, program: Path, reading: Reading) -> None:
        self._root = reading.root
        self.remarks = Remarks()
        self._said = b""
        command: list[str | Path] = [
            program,
            *(["--one-file-system"] if reading.one_file_system else []),
            f"--read-ahead-mib={reading.read_ahead_mib}",
            f"--start-at={reading.start_at}",
            reading.root,
        ]
        self._program = TreeProgram(command, self._hear)
        self._has_begun = False

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

    def read_into(self, room: memoryview) -> int:
        """The next bytes of the payload fill the room, whose length is the answer."""
        filled = 0
        while filled < len(room):
            length = self._program.output.readinto(room[filled:])
            if not length:
                raise self._cut()
            filled += length
        return filled

    def payload(self, length: int) -> bytes:
        """That many bytes."""
        data = bytearray(length)
        self.read_into(memoryview(data))
        return bytes(data)

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
        self._program.end()

    def _cut(self) -> SourceUnreadable:
        code = self._program.ended()
        said = self._said.decode("utf-8", "backslashreplace").strip().replace("\n", "; ")
        reason = said or f"the tree reader stopped early, with code {code}"
        return SourceUnreadable(what=self._root, reason="; ".join([*self.remarks.complaints[:5], reason]))

    def _hear(self, said: bytes) -> None:
        self._said = (self._said + said)[:_MOST_SAID_BYTES]


def _on_one_line(sentence: bytes) -> str:
    """For people: names may hold any byte."""
    text = sentence.decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
