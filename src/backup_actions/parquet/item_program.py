"""The item reader, a program that takes lines of an export apart: how it is found, and what it answers.

Its source and the description of what it says are in ``native/item_reader``.
"""

from __future__ import annotations

import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pyarrow as pa

from backup_actions.archive.own_program import own_program
from backup_actions.errors import WorkerDied
from backup_actions.parquet.items import ItemReader, Slice, array_type

_PROGRAM = "backup-actions-item-reader"
_TAGS = ("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS")
_LENGTH = struct.Struct("<Q")
_ANSWER = struct.Struct("<QQ")
_COUNT = struct.Struct("<I")
_MOST_SAID_BYTES = 1 << 16


def item_program() -> Path | None:
    """The program beside our interpreter, or the first of PATH; None where there is none."""
    return own_program(_PROGRAM)


class TextReader:
    """Takes texts of whole lines, gives slices; by the program where there is one. Leaving the block ends it."""

    def __init__(self, program: Path | None) -> None:
        self._reader = ItemReader()
        self._program = _Program(program, self.counts) if program is not None else None

    @property
    def counts(self) -> Counter[str]:
        """How many items have each attribute."""
        return self._reader.counts

    def slices(self, text: bytes) -> list[Slice]:
        """All items of the text. Raises ValueError and others for a line that is none; WorkerDied."""
        found, left = self._program.slices(text) if self._program is not None else ([], text)
        return found + self._reader.slices(line for line in left.split(b"\n") if line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._program is not None:
            self._program.stop()


class _Program:
    def __init__(self, program: Path, counts: Counter[str]) -> None:
        self._counts = counts
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
        )
        assert self._process.stdin is not None  # noqa: S101 - they are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = self._process.stdin, self._process.stdout

    def slices(self, text: bytes) -> tuple[list[Slice], bytes]:
        """What the program read, and the lines that it left. Raises WorkerDied."""
        found, left = [], b""
        while text:
            try:
                each, unread, taken_bytes = self._asked(text)
            except OSError as gone:
                raise self._died() from gone
            left += unread
            text = text[taken_bytes:]
            if each is not None:
                found.append(each)
        return found, left

    def stop(self) -> None:
        """It has ended."""
        self._process.kill()
        self._process.communicate()

    def _asked(self, text: bytes) -> tuple[Slice | None, bytes, int]:
        self._input.write(_LENGTH.pack(len(text)))
        self._input.write(text)
        self._input.flush()
        payload_bytes, taken_bytes = _ANSWER.unpack(self._taken(_ANSWER.size))
        sections = _sections(self._taken(payload_bytes))
        left = next(sections).to_pybytes()
        offsets = next(sections, None)
        if offsets is None:
            return None, left, taken_bytes
        rows = offsets.size // 4 - 1
        items = pa.Array.from_buffers(pa.string(), rows, [None, offsets, next(sections)])
        self._count(sections)
        return Slice(items, dict(_columns(sections, rows))), left, taken_bytes

    def _count(self, sections: Iterator[pa.Buffer]) -> None:
        while (count := next(sections)).size:
            self._counts[next(sections).to_pybytes().decode()] += _COUNT.unpack(count)[0]

    def _taken(self, length: int) -> bytes:
        data = self._output.read(length)
        if len(data) != length:
            raise self._died()
        return data

    def _died(self) -> WorkerDied:
        self._process.kill()
        _, said = self._process.communicate()
        words = said[:_MOST_SAID_BYTES].decode("utf-8", "backslashreplace").strip()
        return WorkerDied(reason=words or f"the item reader ended with code {self._process.returncode}")


def _sections(payload: bytes) -> Iterator[pa.Buffer]:
    buffer, at = pa.py_buffer(payload), 0
    while at < len(payload):
        (length,) = _LENGTH.unpack_from(payload, at)
        yield buffer.slice(at + _LENGTH.size, length)
        at += _LENGTH.size + (length + 7) // 8 * 8


def _columns(sections: Iterator[pa.Buffer], rows: int) -> Iterator[tuple[tuple[str, str], pa.Array]]:
    for number in sections:
        tag, name, validity = _TAGS[number[0]], next(sections).to_pybytes().decode(), next(sections)
        kind, first = array_type(tag), next(sections)
        if pa.types.is_list(kind):
            offsets = next(sections)
            members = pa.Array.from_buffers(kind.value_type, offsets.size // 4 - 1, [None, offsets, next(sections)])
            yield (name, tag), pa.Array.from_buffers(kind, rows, [validity, first], children=[members])
        elif pa.types.is_boolean(kind):
            yield (name, tag), pa.Array.from_buffers(kind, rows, [validity, first])
        else:
            yield (name, tag), pa.Array.from_buffers(kind, rows, [validity, first, next(sections)])
