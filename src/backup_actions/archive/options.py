"""How an archive is made: every choice, checked at birth."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal, get_args

from backup_actions.errors import SettingInvalid

Codec = Literal["zstd", "gzip"]
Raw = Literal["auto", "always"]

_LEVELS = {"zstd": range(1, 20), "gzip": range(1, 10)}


def _processors() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """Raises SettingInvalid for a value outside its limits.

    Memory of an archive being made, besides the interpreter with its libraries (about 100 MiB):
    ``frame_size_mib x (2 x threads + 3)`` for frames, ``(uploads_in_flight + 1) x part size`` for the store
    (32 MiB below 78 GiB) and as much as one part more, plus about 8 MiB, for the index.
    """

    codec: Codec = "zstd"
    level: int = 1
    frame_size_mib: int = 4
    raw: Raw = "auto"
    """``always`` takes an image even of what could be mounted."""
    whole_images: bool = False
    """Images have every byte, also what an ext4 does not use: the remains of deleted files."""
    mount: bool = True
    """Whether mounting may be tried at all; without root it never is."""
    source_is_scratch: bool = False
    """The source is a copy of ours, such as a volume made from a snapshot: a journal may be replayed on it."""
    threads: int = field(default_factory=_processors)
    """Compressors at work at the same time."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require("codec", self.codec, self.codec in get_args(Codec), "it must be zstd or gzip")
        _require("raw", self.raw, self.raw in get_args(Raw), "it must be auto or always")
        levels = _LEVELS[self.codec]
        _require("level", self.level, self.level in levels, f"{self.codec} knows 1 to {levels[-1]}")
        _require("frame_size_mib", self.frame_size_mib, 1 <= self.frame_size_mib <= 64, "it must be from 1 to 64")
        _require("threads", self.threads, 1 <= self.threads <= 64, "it must be from 1 to 64")

    @property
    def frame_bytes(self) -> int:
        """How many bytes of the stream go into a frame."""
        return self.frame_size_mib << 20


def _require(name: str, value: object, holds: bool, reason: str) -> None:
    if not holds:
        raise SettingInvalid(name=name, value=value, reason=reason)
