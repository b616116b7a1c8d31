"""What can be chosen about archives of AMIs; schema, example file and documentation are made from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Ec2ArchiveSettings(Settings):
    """Settings of the action ``ec2-archive``."""

    codec: Literal["zstd", "gzip"] = setting("Compression of the disks.", default="zstd", one_of=("zstd", "gzip"))
    job_timeout_hours: int = setting(
        "How long each of the two jobs may take, its wait for a host included.", default=24, at_least=1, at_most=72
    )
