"""How a dump is made: every choice, checked at birth."""

from __future__ import annotations

from dataclasses import dataclass

from backup_actions.archive.options import ArchiveOptions, Codec, Level, processors
from backup_actions.errors import SettingInvalid

_FIXED_MIB = 128
_LEAST_MIB = 32  # of a stream, with frames of 4 MiB: what its frames, parts and their results take


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpOptions:
    """Raises SettingInvalid for a value outside its limits.

    Memory of this process: 128 MiB, and what is left of ``memory_mib`` is divided equally between the streams. The
    dump programs, one for each stream, take their own besides.
    """

    codec: Codec = "zstd"
    level: Level = 1
    streams: int = 2
    """Dump programs at work at the same time."""
    memory_mib: int = 256

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 1 <= self.streams <= 64:
            raise SettingInvalid(name="streams", value=self.streams, reason="it must be from 1 to 64")
        least_mib = _FIXED_MIB + _LEAST_MIB * self.streams
        if self.memory_mib < least_mib:
            reason = f"{self.streams} streams need at least {least_mib}"
            raise SettingInvalid(name="memory_mib", value=self.memory_mib, reason=reason)
        _ = self.of_a_stream

    @property
    def of_a_stream(self) -> ArchiveOptions:
        """How one of the streams is framed and compressed."""
        share_mib = (self.memory_mib - _FIXED_MIB) // self.streams
        return ArchiveOptions(
            codec=self.codec,
            level=self.level,
            threads=max(1, processors() // self.streams),
            memory_mib=_FIXED_MIB + share_mib,
        )
