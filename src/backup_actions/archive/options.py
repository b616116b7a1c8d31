"""How an archive is made: every choice, checked at birth."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal, get_args

from backup_actions.errors import SettingInvalid

Codec = Literal["zstd", "gzip"]
Raw = Literal["auto", "always"]

Level = int | Literal["auto"]

_LEVELS = {"zstd": range(1, 20), "gzip": range(1, 10)}
HIGHEST_AUTOMATIC_LEVEL = {"zstd": 6, "gzip": 3}
_LEAST_MEMORY_MIB = 160
_FIXED_MIB = 128
_FRAMES_AT_ONCE = 4  # one fills, one is compressed, its result, and one that waits


def processors() -> int:
    """How many this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """Raises SettingInvalid for a value outside its limits.

    Memory of an archive being made: 128 MiB for the interpreter, its libraries and a group of index rows; of the rest
    of ``memory_mib`` frames have five eighths, parts on their way to the store a quarter and the reader of a tree one
    eighth. Each frame of the object takes 44 bytes more: 11 MiB for each TiB.
    """

    codec: Codec = "zstd"
    level: Level = 1
    """``auto`` begins with 1 and takes a higher one while the processor waits for the disk or the network."""
    frame_size_mib: int = 4
    raw: Raw = "auto"
    """``always`` takes an image even of what could be mounted."""
    whole_images: bool = False
    """Images have every byte, also what an ext4 does not use: the remains of deleted files."""
    mount: bool = True
    """Whether mounting may be tried at all; without root it never is."""
    source_is_scratch: bool = False
    """The source is a copy of ours, such as a volume made from a snapshot: a journal may be replayed on it."""
    threads: int = field(default_factory=processors)
    """Compressors at work at the same time, if there is memory for as many."""
    memory_mib: int = 256
    """What archiving may take in all, whatever the size of the source."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require("codec", self.codec, self.codec in get_args(Codec), "it must be zstd or gzip")
        _require("raw", self.raw, self.raw in get_args(Raw), "it must be auto or always")
        levels = _LEVELS[self.codec]
        known = self.level == "auto" or self.level in levels
        _require("level", self.level, known, f"{self.codec} knows auto and 1 to {levels[-1]}")
        _require("frame_size_mib", self.frame_size_mib, 1 <= self.frame_size_mib <= 64, "it must be from 1 to 64")
        _require("threads", self.threads, 1 <= self.threads <= 64, "it must be from 1 to 64")
        least_mib = max(_LEAST_MEMORY_MIB, _FIXED_MIB + -(-_FRAMES_AT_ONCE * self.frame_size_mib * 8 // 5))
        too_small = f"frames of {self.frame_size_mib} MiB need at least {least_mib}"
        _require("memory_mib", self.memory_mib, self.memory_mib >= least_mib, too_small)

    @property
    def frame_bytes(self) -> int:
        """How many bytes of the stream go into a frame."""
        return self.frame_size_mib << 20

    @property
    def frame_memory_mib(self) -> int:
        """What frames take that are filled, compressed, or wait for the store."""
        return (self.memory_mib - _FIXED_MIB) * 5 // 8

    @property
    def part_memory_mib(self) -> int:
        """What parts take on their way to the store."""
        return (self.memory_mib - _FIXED_MIB) // 4

    @property
    def read_ahead_mib(self) -> int:
        """What the reader of a tree takes for files that it has read before their turn."""
        return (self.memory_mib - _FIXED_MIB) // 8


def _require(name: str, value: object, holds: bool, reason: str) -> None:
    if not holds:
        raise SettingInvalid(name=name, value=value, reason=reason)
